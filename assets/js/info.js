// What a picture says of itself, out of the component's value; other people's text by textContent only.
const { say, make } = quartet;
const root = element.querySelector(".info");

const image = (source, words) => Object.assign(make("img"), { src: source, alt: words });

function lines(pairs) {
  const list = make("dl");
  for (const [name, value] of pairs) list.append(make("dt", "", name), make("dd", "", String(value)));
  return list;
}

function receipt(note) {
  const box = make("article", "receipt " + note.lane);
  const knobs = Object.entries(note.knobs).map(([name, value]) => [say("knob." + name), value]);
  const more = make("details");
  more.append(make("summary", "", say("drawer")), lines(knobs));
  box.append(make("h3", "", say("painter." + note.lane)), make("p", "text", note.text), lines([
    [say("seed"), note.seed], [say("knob.steps"), note.step.join(" / ")],
    [say("meter.seconds"), say("unit.second", { n: note.seconds })], [say("meter.evals"), note.evals],
    [say("info.made"), note.made.replace("T", " ").slice(0, 16)], [say("info.device"), note.device],
    ...Object.entries(note.versions),
  ]), more);
  return box;
}

function again(pair) {
  const box = make("figure", "again");
  const words = pair.most === 0 ? say("info.equal") : say("info.differs", { most: pair.most, mean: pair.mean });
  const changed = pair.changed.length ? " " + say("info.changed", { what: pair.changed.join(", ") }) : "";
  box.append(image(pair.kept, say("info.kept")), image(pair.painted, say("info.painted")), make("figcaption", "", words + changed));
  return box;
}

function draw() {
  const value = props.value, parts = [];
  if (!value) return root.replaceChildren(make("p", "lead", say("info.about")));
  if (value.error) parts.push(make("p", "stage-line trouble", say(value.error.key, value.error.values)));
  if (value.waits) parts.push(make("p", "stage-line", say("info.waits")));
  if (value.again?.length) {
    const row = make("div", "pairs");
    row.append(...value.again.map(again));
    parts.push(row);
  }
  if (value.picture) parts.push(image(value.picture, say("info.picture")));
  const row = make("div", "receipts");
  row.append(...(value.receipts || []).map(receipt));
  parts.push(row);
  if (value.settings && Object.keys(value.settings).length) parts.push(make("p", "quiet", say("info.others")), lines(Object.entries(value.settings)));
  else if (value.picture && !value.receipts.length) parts.push(make("p", "", say("info.silent")));
  root.replaceChildren(...parts);
}

quartet.listen(element, draw);
watch("value", draw);
draw();
