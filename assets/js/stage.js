// The stage: plays one race at a time out of the component's value, { race, news }.  Runs as Gradio's js_on_load.
const { say, make, put, mark, fill, lanes, number } = quartet;
const find = (role) => element.querySelector(`[data-role="${role}"]`);
const panels = Object.fromEntries(lanes.map((lane) => [lane, element.querySelector(`[data-lane="${lane}"]`)]));
const pictures = Object.fromEntries(lanes.map((lane) => [lane, new quartet.Picture(panels[lane].querySelector("canvas"))]));
const score = new quartet.Score(find("score"));
const axis = find("axis");
const strip = new quartet.Strip(find("strip"), bring);
const facts = new quartet.Facts();
let tape = new quartet.Tape(0);
let newest = 0; // number of the latest race heard of
let held = null; // what stood here before a race was asked for, until the server answers
let trouble = null; // why nothing came of the last wish
let chosen = null; // the moment looked at; null is the newest
let playing = null; // when a replay began, on the browser's clock
let ticking = false;
const STRIDES = 50; // presses of an arrow from one end of the time axis to the other
const LOST = { key: "say.busy", values: {} };
const PACE = 100; // milliseconds between two looks at the clock: more would take processor from the painters

const moment = () => (chosen === null ? tape.now : chosen);

function drawPanel(lane) {
  const panel = panels[lane], about = tape.lanes[lane], frame = tape.frame(lane, chosen ?? Infinity);
  const back = chosen !== null && chosen < tape.now; // looking at an earlier moment
  const unfinished = back && frame !== tape.frame(lane);
  const signed = about.state === "done" && !unfinished;
  put(panel.querySelector(".name"), say("painter." + lane));
  panel.querySelector(".frame").classList.toggle("signed", signed && Boolean(frame));
  mark(panel, "data-state", about.state);
  pictures[lane].show(frame, chosen === null);
  drawThought(panel.querySelector(".frame"), frame ? null : tape.thought(lane, chosen ?? Infinity));
  const values = { painter: say("painter." + lane), text: sentence(), i: frame?.i ?? 0, n: frame?.n ?? 0 };
  mark(panel.querySelector("canvas"), "aria-label", say(frame ? "stage.picture" : "stage.empty", values));
  put(panel.querySelector(".state"), unfinished ? say(frame ? "state.running" : "state.queued", frame ?? {}) : stateOf(about));
  const then = unfinished ? { ...about, seconds: frame?.seconds ?? 0, marks: null } : about;
  fill(panel.querySelector(".facts"), facts.of(lane, then, tape, chosen ?? Infinity));
}

// Where there is no picture yet: the captions nearest to what the painter imagines.
function drawThought(frame, thought) {
  const box = frame.querySelector(".thought") || frame.appendChild(make("div", "thought"));
  box.toggleAttribute("hidden", !thought);
  fill(box, (thought?.says || []).map((caption) => make("p", "", caption[quartet.language])));
}

// What is painted; the recorded race's example in the language of the page.
function sentence() {
  const text = tape.open?.text ?? "", place = tape.open?.replay ? quartetExamples.en.indexOf(text) : -1;
  return quartetExamples[quartet.language][place] ?? text;
}

function stateOf(about) {
  if (about.state === "running" && !about.n) return say("state.begins");
  if (about.state === "done" && about.note?.key === "budget") return say("state.cut", about);
  return say("state." + about.state, about);
}

function drawLine() {
  const line = find("line");
  line.classList.toggle("trouble", Boolean(trouble || tape.error));
  put(line, lineOf());
}

function lineOf() {
  const wrong = trouble || tape.error;
  if (wrong) return say(wrong.key, wrong.values);
  if (!tape.open) return tape.asked ? say("stage.asked") : "";
  if (tape.open.replay) return `“${sentence()}” — ` + say("stage.replay", tape.open);
  return tape.open.dropped ? say("hint.dropped") + " " + tape.open.dropped : say("stage.turns");
}

function drawSummary() {
  fill(find("summary"), facts.summary(tape));
  fill(find("matrix"), tape.over ? quartet.matrix(tape.matrix) : []);
  if (tape.over && !tape.open?.replay) strip.add(tape);
  strip.draw(tape);
}

function drawTransport() {
  const buttons = { hold: tape.running, halt: tape.running, again: Boolean(tape.over) && !playing, keep: Boolean(tape.over?.keep && tape.open), link: Boolean(tape.open?.query) };
  const names = { hold: tape.paused ? "stage.go" : "stage.pause", halt: "stage.stop", again: "stage.again", keep: "stage.keep", link: "stage.link" };
  for (const [role, able] of Object.entries(buttons)) {
    const button = find(role);
    button.toggleAttribute("disabled", !able);
    put(button, say(names[role]));
  }
  const now = say("unit.second", { n: number(moment(), 1) });
  mark(find("keep"), "title", say("stage.keep.about"));
  mark(find("link"), "title", say("stage.link.about"));
  put(find("clock"), tape.open || tape.moving ? now : "");
  mark(find("score"), "aria-label", say("stage.score"));
  mark(axis, "aria-label", say("stage.axis"));
  axis.toggleAttribute("disabled", tape.asked || !tape.begun);
  mark(axis, "max", quartet.Score.span(tape));
  if (chosen === null) axis.value = moment();
  mark(axis, "aria-valuetext", now);
}

function drawTime() {
  score.draw(tape, moment());
  drawTransport();
}

function draw() {
  const stage = element.querySelector(".stage");
  mark(stage, "data-running", tape.running);
  mark(stage, "data-race", (held?.tape ?? tape).race);
  lanes.forEach(drawPanel);
  drawLine();
  drawSummary();
  drawTime();
  if (!ticking && tape.moving) tick();
}

// While a race runs the barline moves.
function tick() {
  ticking = tape.moving && element.isConnected;
  if (!ticking) return;
  if (chosen === null) drawTime();
  setTimeout(tick, PACE);
}

// The moment from which every painter has something to show.
function alive() {
  const first = (lane) => Math.min(...[tape.lanes[lane].frames, tape.lanes[lane].thoughts].map(([one]) => one?.time ?? Infinity));
  const last = Math.max(...lanes.map(first));
  return last < tape.over?.time ? last : 0;
}

function play(from = 0) {
  const began = (playing = performance.now());
  const turn = () => {
    if (playing !== began || !tape.over) return;
    chosen = from + (performance.now() - playing) / 1000;
    if (chosen >= tape.over.time) chosen = playing = null;
    draw();
    if (playing !== null) element.isConnected && setTimeout(turn, PACE);
  };
  turn();
}

async function keep() {
  const card = await server.keep([tape.open.key, quartet.language]).catch(() => {}); // nothing at all: the server is gone
  trouble = card === undefined ? LOST : null;
  drawLine();
  if (!card) return trouble || (find("line").textContent = say("stage.gone"));
  const bytes = Uint8Array.from(atob(card.png), (letter) => letter.charCodeAt(0));
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  link.download = card.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  find("line").textContent = say("stage.kept");
}

// A race of this visit comes back, from its beginning.
function bring(past) {
  if (tape.moving) return;
  tape = past;
  trouble = null;
  play();
  quartet.reveal(element, "nearest");
}

const address = () => `${location.origin}${location.pathname}?${tape.open.query}`;

async function link() {
  try {
    await navigator.clipboard.writeText(address());
    find("line").textContent = say("stage.linked");
  } catch {
    find("line").textContent = address(); // without a clipboard it can still be copied by hand
  }
}

function begin(next) {
  tape = next;
  lanes.forEach((lane) => pictures[lane].show(null)); // the last race's pictures are none of this one's
  chosen = playing = null;
  draw();
}

// A race is asked for: the stage is cleared and the barline moves before the server has said a word.
function ask() {
  held ||= { tape, chosen: playing === null ? chosen : null };
  trouble = null;
  begin(new quartet.Tape(null, true));
}

// Nothing comes of it: what stood here stands here again.
function back(why) {
  trouble = why;
  if (held) ({ tape, chosen } = held);
  held = null;
  draw();
}

// Gradio says that something went wrong.
function fail(why) {
  const lost = why.key === "toast.lost", before = held?.tape ?? tape;
  if (lost && before.running) before.on_error(LOST);
  if (held || (lost && before.error === LOST)) back(lost ? LOST : why);
}

function hear() {
  const value = props.value;
  if (!value) return;
  if (value.race > newest) return meet(value);
  if (value.race === held?.tape.race) held.tape.feed(value.news); // it may be put back
  else if (value.race === tape.race && tape.feed(value.news)) draw(); // unless an earlier race was brought back since
}

// The first of a race; a refusal takes nothing down.
function meet(value) {
  const next = new quartet.Tape((newest = value.race));
  next.feed(value.news);
  if (next.error && next.heard === 0) return back(next.error);
  held = trouble = null;
  begin(next);
  const narrow = quartet.narrow.matches, last = narrow ? panels.unclip : find("halt"); // all four, and the score if it fits
  if (tape.running && last.getBoundingClientRect().bottom > innerHeight)
    quartet.reveal(narrow ? element : last, narrow ? "start" : "nearest");
}

find("hold").addEventListener("click", () => trigger(tape.paused ? "resume" : "pause"));
find("halt").addEventListener("click", () => trigger("halt"));
find("again").addEventListener("click", () => play());
find("keep").addEventListener("click", keep);
find("link").addEventListener("click", link);
axis.addEventListener("input", () => {
  playing = null;
  chosen = Number(axis.value) >= tape.now ? null : Number(axis.value);
  draw();
});
axis.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
  if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault(); // the axis' own step is a millisecond: what is dragged stands anywhere
  axis.value = Number(axis.value) + (way * Number(axis.max)) / STRIDES;
  axis.dispatchEvent(new Event("input"));
});
quartet.stage = { ask, fail };
quartet.listen(element, draw);
watch("value", hear);
draw();
hear();
if (tape.open?.replay) play(alive());
