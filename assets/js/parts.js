// The table of parts, out of the component's value.
const { say, make } = quartet;
const root = element.querySelector(".parts");
const megabytes = (bytes) => (bytes / 2 ** 20).toLocaleString("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });

// A painter's shape, named for those who cannot see it.
function shape(lane) {
  const mark = make("span", "mark " + lane);
  mark.title = say("painter." + lane);
  mark.append(make("span", "sr", say("painter." + lane) + " "));
  return mark;
}

function row(part) {
  const line = make("tr", part.state);
  const name = make("th", "", part.name);
  name.scope = "row";
  const lanes = make("td", "lanes");
  lanes.append(...part.lanes.map(shape));
  const millions = { millions: (part.parameters / 1e6).toFixed(2), wan: Math.round(part.parameters / 1e4) };
  line.append(name, lanes, make("td", "kind", part.kind),
    make("td", "number", part.bytes ? say("unit.million", millions) : "–"),
    make("td", "number", part.bytes ? megabytes(part.bytes) : "–"),
    make("td", "", say("part." + part.state, { n: part.lent })), make("td", "", part.licence));
  return line;
}

function draw() {
  const value = props.value;
  if (!value) return;
  const bar = make("div", "memory");
  bar.append(Object.assign(make("i"), { style: `width: ${Math.min(100, (100 * value.used) / value.budget)}%` }));
  const about = make("p", "", say(value.budget ? "models.budget" : "models.free",
    { used: megabytes(value.used), peak: megabytes(value.peak), budget: megabytes(value.budget || 0) }));
  const counts = make("p", "quiet", say("models.counts", { ...value.counts, seconds: value.seconds.toFixed(1) }));
  const table = make("table"), head = make("tr");
  for (const key of ["part", "lanes", "kind", "parameters", "bytes", "state", "licence"]) {
    const cell = make("th", "", say("models." + key));
    cell.scope = "col";
    head.append(cell);
  }
  table.append(head, ...value.rows.map(row));
  const wide = make("div", "wide");
  wide.append(table);
  root.replaceChildren(make("p", "lead", say("models.about")), about, ...(value.budget ? [bar] : []), counts, wide);
}

quartet.listen(element, draw);
watch("value", draw);
draw();
