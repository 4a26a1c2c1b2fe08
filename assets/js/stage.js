// The stage: plays one race at a time out of the component's value, { race, news }.  Runs as Gradio's js_on_load.
const { say, make, lanes } = quartet;
const find = (role) => element.querySelector(`[data-role="${role}"]`);
const panels = Object.fromEntries(lanes.map((lane) => [lane, element.querySelector(`[data-lane="${lane}"]`)]));
const pictures = Object.fromEntries(lanes.map((lane) => [lane, new quartet.Picture(panels[lane].querySelector("canvas"))]));
const score = new quartet.Score(find("score"));
const axis = find("axis");
let tape = new quartet.Tape(0);
let chosen = null; // the moment looked at; null is the newest
let playing = null; // when a replay began, on the browser's clock
let ticking = false;

const moment = () => (chosen === null ? tape.now : chosen);
const number = (value, digits) => value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });

function drawPanel(lane) {
  const panel = panels[lane], about = tape.lanes[lane], frame = tape.frame(lane, chosen ?? Infinity);
  const back = chosen !== null && chosen < tape.now; // looking at an earlier moment
  const unfinished = back && frame !== tape.frame(lane);
  const signed = about.state === "done" && !unfinished;
  panel.querySelector(".name").textContent = say("painter." + lane);
  panel.querySelector(".frame").classList.toggle("signed", signed && Boolean(frame));
  panel.dataset.state = about.state;
  pictures[lane].show(frame, chosen === null);
  const values = { painter: say("painter." + lane), text: tape.open?.text ?? "", i: frame?.i ?? 0, n: frame?.n ?? 0 };
  panel.querySelector("canvas").setAttribute("aria-label", say(frame ? "stage.picture" : "stage.empty", values));
  panel.querySelector(".state").textContent = unfinished ? say(frame ? "state.running" : "state.queued", frame ?? {}) : stateOf(about);
  panel.querySelector(".facts").replaceChildren(...factsOf(lane, unfinished ? { ...about, seconds: frame?.seconds ?? 0, marks: null } : about));
}

function stateOf(about) {
  if (about.state === "running" && !about.n) return say("state.begins");
  if (about.state === "done" && about.note?.key === "budget") return say("state.cut", about);
  return say("state." + about.state, about);
}

function factsOf(lane, about) {
  if (about.note?.key?.startsWith("say.")) return [make("p", "trouble", say(about.note.key, about.note.values))];
  if (about.state === "idle" || about.state === "absent") return [make("p", "method", say("method." + lane))];
  const rows = [
    ["seconds", say("unit.second", { n: number(about.seconds, 2) })],
    ["evals", String(tape.evaluations(lane, chosen ?? Infinity))],
    ["parameters", say("unit.million", { millions: number(tape.open.lanes[lane].parameters / 1e6, 1), wan: number(tape.open.lanes[lane].parameters / 1e4, 0) })],
  ];
  if (about.marks) rows.push(["similarity", about.marks.similarity.map((value) => number(value, 2)).join(" ")]);
  const list = make("dl");
  for (const [key, value] of rows) list.append(make("dt", "", say("meter." + key)), make("dd", "", value));
  return [list, ...wordsOf(about)];
}

// The judge's verdict, word by word; a missing judge is said to be missing.
function wordsOf(about) {
  if (!about.marks) return about.state === "running" ? [make("p", "words quiet", say(tape.open.judge ? "judge.waits" : "judge.none"))] : [];
  if (!about.marks.judge) return [make("p", "words quiet", say("judge.none"))];
  if (!about.marks.words) return [make("p", "words quiet", say("judge.unread"))];
  const line = make("p", "words");
  line.setAttribute("aria-label", say("judge"));
  about.marks.words.forEach((word, k) => {
    const item = make("span", "word " + word.mark.replace(" ", "-"), word[quartet.language]);
    item.title = say("judge." + word.mark);
    item.style.animationDelay = 60 * k + "ms";
    item.append(make("span", "sr", " (" + say("judge." + word.mark) + ") "));
    line.append(item);
  });
  return [line];
}

function drawLine() {
  const line = find("line");
  line.classList.toggle("trouble", Boolean(tape.error));
  if (tape.error) line.textContent = say(tape.error.key, tape.error.values);
  else if (!tape.open) line.textContent = "";
  else if (tape.open.replay) line.textContent = `“${tape.open.text}” — ` + say("stage.replay", tape.open);
  else if (tape.open.dropped) line.textContent = say("hint.dropped") + " " + tape.open.dropped;
  else line.textContent = say("stage.turns");
}

function drawSummary() {
  const items = tape.over ? lanes.filter((lane) => tape.lanes[lane].state === "done").map(sentenceOf) : [];
  find("summary").replaceChildren(...items);
}

function sentenceOf(lane) {
  const about = tape.lanes[lane], words = about.marks?.words;
  const missed = (words || []).filter((word) => word.mark === "wrong").map((word) => word[quartet.language]);
  const all = words && words.every((word) => word.mark === "right");
  const key = missed.length ? "sum.missed" : all ? "sum.all" : "sum.facts";
  const values = { painter: say("painter." + lane), seconds: number(about.seconds, 1), evals: tape.evaluations(lane), words: missed.join(quartet.language === "zh" ? "、" : ", ") };
  const item = make("li", "", say(key, values));
  item.dataset.lane = lane;
  return item;
}

function drawTransport() {
  const buttons = { hold: tape.running, halt: tape.running, again: Boolean(tape.over) && !playing, keep: Boolean(tape.over?.keep) };
  const names = { hold: tape.paused ? "stage.go" : "stage.pause", halt: "stage.stop", again: "stage.again", keep: "stage.keep" };
  for (const [role, able] of Object.entries(buttons)) {
    const button = find(role);
    button.disabled = !able;
    button.textContent = say(names[role]);
  }
  find("keep").title = say("stage.keep.about");
  find("clock").textContent = tape.open ? say("unit.second", { n: number(moment(), 1) }) : "";
  find("score").setAttribute("aria-label", say("stage.score"));
  axis.setAttribute("aria-label", say("stage.axis"));
  axis.disabled = !tape.open;
  axis.max = quartet.Score.span(tape);
  if (chosen === null) axis.value = moment();
  axis.setAttribute("aria-valuetext", say("unit.second", { n: number(moment(), 1) }));
}

function drawTime() {
  score.draw(tape, moment());
  drawTransport();
}

function draw() {
  element.querySelector(".stage").dataset.running = tape.running;
  lanes.forEach(drawPanel);
  drawLine();
  drawSummary();
  drawTime();
  if (!ticking && tape.running) tick();
}

// While a race runs the barline moves ten times a second: more would take processor from the painters.
function tick() {
  ticking = tape.running && element.isConnected;
  if (!ticking) return;
  if (chosen === null) drawTime();
  setTimeout(tick, 100);
}

function play() {
  playing = performance.now();
  const turn = (now) => {
    if (playing === null || !tape.over) return;
    chosen = (now - playing) / 1000;
    if (chosen >= tape.over.time) chosen = playing = null;
    draw();
    if (playing !== null) requestAnimationFrame(turn);
  };
  requestAnimationFrame(turn);
}

async function keep() {
  const card = await server.keep([tape.open.key, quartet.language]);
  if (!card) return (find("line").textContent = say("stage.gone"));
  const bytes = Uint8Array.from(atob(card.png), (letter) => letter.charCodeAt(0));
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  link.download = card.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  find("line").textContent = say("stage.kept");
}

function hear() {
  const value = props.value;
  if (!value || value.race < tape.race) return;
  if (value.race > tape.race) {
    tape = new quartet.Tape(value.race);
    chosen = playing = null;
  }
  const begins = !tape.open;
  if (tape.feed(value.news)) draw();
  if (begins && tape.running && panels.unclip.getBoundingClientRect().bottom > innerHeight)
    element.scrollIntoView({ behavior: "smooth", block: innerWidth < 900 ? "start" : "nearest" });
}

find("hold").addEventListener("click", () => trigger(tape.paused ? "resume" : "pause"));
find("halt").addEventListener("click", () => trigger("halt"));
find("again").addEventListener("click", play);
find("keep").addEventListener("click", keep);
axis.addEventListener("input", () => {
  playing = null;
  chosen = Number(axis.value) >= tape.now ? null : Number(axis.value);
  draw();
});
quartet.listen(element, draw);
watch("value", hear);
draw();
hear();
if (tape.open?.replay) play();
