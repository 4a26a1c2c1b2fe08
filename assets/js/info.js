// What a picture says of itself, out of the component's value; other people's text by textContent only.
const { say, make, put, number, filled } = quartet;
const root = element.querySelector(".info");
const line = root.appendChild(make("p", "stage-line")), rest = root.appendChild(make("div"));
line.setAttribute("aria-live", "polite"); // this alone: who listens need not hear every receipt

const LARGE = 256;  // pixels a side that small pictures are shown at, as a whole multiple of their own
// What other programs call their settings.
const THEIRS = {
  Prompt: "prompt", "Negative prompt": "info.negative", Steps: "knob.steps", Sampler: "info.sampler", "CFG scale": "knob.guidance",
  Seed: "seed", Size: "info.size", Model: "info.model", "Model hash": "info.hash", Version: "info.version",
};
const shown = new Map(); // which folds are open, by painter and name
const seconds = (value) => (value === null ? null : say("unit.second", { n: number(value, 2) }));
const mebi = (value) => (value ? say("unit.mib", { n: number(value / 2 ** 20, 1) }) : null);

function image(source, words) {
  const drawn = Object.assign(make("img"), { alt: words, src: source });
  drawn.onload = () => { drawn.width = drawn.naturalWidth * Math.max(1, Math.floor(LARGE / drawn.naturalWidth)); };
  return drawn;
}

function named(source, words) {
  const box = make("span", "named");
  box.append(image(source, words), make("span", "quiet", words));
  return box;
}

function lines(pairs) {
  const list = make("dl");
  for (const [name, value, title] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    const told = make("dd", "", filled(value));
    if (title) told.title = title;
    list.append(make("dt", "", filled(name)), told);
  }
  return list;
}

function fold(place, key, pairs) {
  const box = make("details");
  box.open = shown.get(place + key) || false;
  box.ontoggle = () => shown.set(place + key, box.open);
  box.append(make("summary", "", say(key)), lines(pairs));
  box.firstChild.dataset.key = place + key;
  return box;
}

// Whatever was asked for: the sentence, what was not wanted, what it was painted over.
function asked(note) {
  const parts = [make("p", "text", note.text)];
  if (note.negative) parts.push(make("p", "", `${say("info.negative")}: ${note.negative}`));
  if (note.more.length) parts.push(make("p", "", `${say("info.more")}: ${note.more.map(([text, weight]) => `${text} × ${weight}`).join("; ")}`));
  if (note.start) parts.push(named(note.start, say("info.start")));
  if (note.mask) parts.push(named(note.mask, say("info.mask")));
  return parts;
}

function verdict(note) {
  if (!note.verdict) return [make("p", "quiet", say("info.unjudged"))];
  return note.verdict.words ? [quartet.verdict(note.verdict.words)] : [make("p", "words quiet", say("judge.unread"))];
}

function receipt(note, k) {
  const box = make("article", "receipt " + note.lane), steps = note.step.join(" / ");
  const budget = note.budget === null ? say("budget.0") : say("budget.n", { n: note.budget });
  box.append(make("h3", "", filled(note.painter)), ...asked(note), ...verdict(note), lines([
    [say("meter.similarity"), note.verdict?.similarity], [say("seed"), note.seed],
    [say("knob.steps"), note.cut ? `${steps} (${say("info.cut")})` : steps],
    [say("meter.seconds"), seconds(note.seconds)], [say("meter.evals"), note.evals],
    [say("info.made"), note.made.replace("T", " ").slice(0, 16)],
  ]),
  fold(k, "drawer", Object.entries(note.knobs).map(([name, value]) => [say("knob." + name), value])),
  fold(k, "info.run", [
    [say("info.suite"), note.suite], [say("info.budget"), budget], [say("info.exact"), note.exact], [say("info.device"), note.device],
    [say("info.threads"), note.threads], [say("info.platform"), note.platform], [say("info.looks"), seconds(note.looks)],
    [say("info.rows"), note.rows], [say("memory.work"), mebi(note.workspace)], ...Object.entries(note.versions),
  ]),
  fold(k, "info.parts", note.parts.map((part) => [part.name, part.short.join(" "), part.whole.join("\n")])));
  return box;
}

function again(pair) {
  const box = make("figure", "again");
  const words = pair.most === 0 ? say("info.equal") : say("info.differs", { most: pair.most, mean: pair.mean });
  const changed = pair.changed.length ? " " + say("info.changed", { what: pair.changed }) : "";
  box.append(named(pair.kept, say("info.kept")), named(pair.painted, say("info.painted")), make("figcaption", "", words + changed));
  return box;
}

function draw() {
  setTimeout(quartet.name, 100); // the place to drop pictures is drawn anew after each of them
  const value = props.value || {}, parts = [], held = rest.contains(document.activeElement) && document.activeElement.dataset.key;
  line.classList.toggle("trouble", Boolean(value.error));
  put(line, value.error ? say(value.error.key, value.error.values) : value.waits ? say("info.waits") : "");
  if (value.again?.length) {
    const row = make("div", "pairs");
    row.append(...value.again.map(again));
    parts.push(row);
  }
  if (value.picture && !value.again?.length) parts.push(image(value.picture, about(value)));
  const row = make("div", "receipts");
  row.append(...(value.receipts || []).map(receipt));
  parts.push(row);
  const theirs = Object.entries(value.settings || {}).map(([name, text]) => [Object.hasOwn(THEIRS, name) ? say(THEIRS[name]) : name, text]);
  if (theirs.length) parts.push(make("p", "quiet", say("info.others")), lines(theirs));
  else if (value.picture && !value.receipts.length) parts.push(make("p", "", say("info.silent")));
  rest.replaceChildren(...parts);
  if (held) rest.querySelector(`[data-key="${held}"]`)?.focus();
}

// The picture in words: who painted what.
function about(value) {
  const told = (value.receipts || []).map((note) => say("info.of", { painter: filled(note.painter), text: note.text }));
  return told.join(quartet.language === "zh" ? "；" : "; ") || say("info.picture");
}

quartet.listen(element, draw);
watch("value", draw);
draw();
