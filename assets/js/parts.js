// The table of parts, out of the component's value: what lies in memory, within which budget, and two acts on it.
const { say, make, put } = quartet;
const root = element.querySelector(".parts");
// These stay through every news: the line is heard only so, and a table that was pushed aside stays where it is.
const above = make("div"), line = make("p", "line"), wide = make("div", "wide"), counts = make("p", "quiet");
line.setAttribute("aria-live", "polite");
root.append(above, line, wide, counts);
const STEP = 2 ** 18;  // bytes between two places of the budget's slider
const megabytes = (bytes) => quartet.number(bytes / 2 ** 20, 1);
let busy = false, next = null;

// Ask the server, show what it answers; where the focus was it stays.  Of wishes made meanwhile the last one counts.
async function act(call, asked) {
  if (busy) return void (next = [call, asked]);
  busy = true;
  const held = document.activeElement?.dataset?.key;
  root.setAttribute("aria-busy", "true");
  const told = await call(asked).catch(() => null); // without a server Gradio gives nothing
  props.value = told || { ...props.value, line: { key: "say.busy", values: {} } };
  busy = false;
  root.removeAttribute("aria-busy");
  draw();
  if (held) root.querySelector(`[data-key="${held}"]`)?.focus();
  const wish = next;
  next = null;
  if (wish) act(...wish);
}

// A painter's shape, named for those who cannot see it.
function shape(lane) {
  const mark = make("span", "mark " + lane);
  mark.title = say("painter." + lane);
  mark.append(make("span", "sr", say("painter." + lane) + " "));
  return mark;
}

function button(part) {
  const away = ["away", "evicted"].includes(part.state);
  const made = make("button", "plain", say(away ? "models.load" : "models.unload"));
  made.type = "button";
  made.dataset.key = part.name;
  made.setAttribute("aria-label", `${made.textContent} ${quartet.filled(part.said)}`);
  made.disabled = !away && part.state !== "resident";
  made.onclick = () => act(away ? server.load : server.unload, [part.name]);
  return made;
}

function row(part, suite) {
  const line = make("tr", part.state);
  const name = make("th", "", quartet.filled(part.said));
  name.title = part.name;
  name.scope = "row";
  const lanes = make("td", "lanes"), moves = make("td");
  lanes.append(...part.lanes.map(shape));
  moves.append(button(part));
  const state = make("td", "", say("part." + part.state, { n: part.lent }));
  if (part.state === "missing") {
    const why = make("p", "why", say("part.why")), reason = make("code", "", part.why);
    reason.lang = "en";
    state.append(why, reason);
  }
  const millions = { millions: (part.parameters / 1e6).toFixed(2), wan: Math.round(part.parameters / 1e4) };
  const weights = make("td", "kind");
  weights.append(suite === "classroom" ? say("weights.classroom") : make("code", "", suite));
  const source = make("td", "", part.source || say("models." + part.from));
  if (quartet.language === "en") source.title = part.note; // as whoever published it says it
  line.append(name, lanes, state, moves,
    make("td", "number", part.bytes ? megabytes(part.bytes) : "–"),
    make("td", "number", part.bytes ? say("unit.million", millions) : "–"),
    make("td", "number", part.hits), make("td", "number", part.loads), make("td", "number", part.loads ? part.seconds.toFixed(2) : "–"),
    weights, make("td", "kind", part.kind), make("td", "", part.licence || say("models.unverified")), source);
  return line;
}

// What lies in memory, part by part, on the scale of the slider below it: all parts together are its whole length.
function memory(value) {
  const whole = Math.max(1, value.rows.reduce((sum, part) => sum + part.bytes, 0));
  const bar = make("div", "memory");
  bar.setAttribute("aria-hidden", "true");
  for (const part of value.rows.filter((part) => ["resident", "lent", "reading"].includes(part.state))) {
    const piece = make("i", part.state);
    piece.title = quartet.filled(part.said);
    piece.style.width = `${(100 * part.bytes) / whole}%`;
    bar.append(piece);
  }
  const slider = make("input");
  Object.assign(slider, { type: "range", min: 0, max: Math.ceil(whole / STEP), step: 1 });
  slider.value = value.budget === null ? slider.max : Math.round(value.budget / STEP);
  slider.dataset.key = "budget";
  const chosen = () => (Number(slider.value) >= Number(slider.max) ? null : slider.value * STEP);
  const told = make("output", "number");
  const tell = () => {
    told.textContent = chosen() === null ? say("models.nolimit") : say("unit.mib", { n: megabytes(chosen()) });
    slider.setAttribute("aria-valuetext", told.textContent);
  };
  slider.oninput = tell;
  slider.onchange = () => act(server.limit, [chosen()]);
  tell();
  const label = make("label", "limit", say("models.limit"));
  label.append(slider, told);
  return [bar, label];
}

function draw() {
  const value = props.value;
  if (!value) return;
  const about = make("p", "", say(value.budget ? "models.budget" : "models.free",
    { used: megabytes(value.used), peak: megabytes(value.peak), budget: megabytes(value.budget || 0) }));
  const table = make("table"), head = make("tr");
  for (const key of ["part", "lanes", "state", "act", "bytes", "parameters", "hits", "loads", "seconds", "suite", "kind", "licence", "source"]) {
    const cell = make("th", "", say("models." + key));
    cell.scope = "col";
    head.append(cell);
  }
  table.append(head, ...value.rows.map((part) => row(part, value.suite)));
  above.replaceChildren(make("p", "lead", say("models.about")), about, ...memory(value));
  put(line, value.line ? say(value.line.key, value.line.values) : "");
  wide.replaceChildren(table);
  put(counts, say("models.counts", { ...value.counts, seconds: value.seconds.toFixed(1) }));
}

quartet.listen(element, draw);
watch("value", draw);
draw();
