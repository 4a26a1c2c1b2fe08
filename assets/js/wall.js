// A wall of pictures out of the component's value; only cells that changed are drawn again.
const { say, make } = quartet;
const root = element.querySelector(".wall");
const known = new Map();
let plan = "";
let last = null;

const said = (text) => (typeof text === "string" ? text : text.key ? say(text.key, text.values) : text[quartet.language]);

// What a picture shows, for those who do not see it: its row and column, else its caption, else which one it is.
function cell(value, label, place) {
  const box = make("figure", "cell"), images = value?.images || [];
  const about = label || (value?.captions?.length ? said(value.captions[0]) : say("wall.picture", { n: place }));
  images.forEach((source, k) => {
    const alt = images.length > 1 ? say("wall.several", { about, n: k + 1 }) : about;
    box.append(Object.assign(make("img"), { src: source, alt }));
  });
  if (!value?.images?.length) {
    const bare = make("div", "bare");
    bare.append(...(value?.inside || []).map((text) => make("p", "", said(text))));
    box.append(bare);
  }
  const caption = make("figcaption");
  caption.append(...(value?.captions || []).map((text) => make("p", "", said(text))));
  (value?.files || []).forEach((file, k) => {
    if (!file) return void caption.append(make("p", "quiet", say("wall.heavy")));
    const kept = { href: value.images[k], download: file, title: say("wall.keep.about") };
    const line = make("p");
    line.append(Object.assign(make("a", "", say("stage.keep")), kept));
    caption.append(line);
  });
  box.append(caption);
  return box;
}

function layout(value) {
  known.clear();
  const grid = make("div", "grid");
  grid.style.setProperty("--columns", value.columns.length);
  grid.style.setProperty("--cell", value.size + "px");
  const named = value.rows.some((row) => said(row));
  grid.classList.toggle("named", named);
  grid.classList.toggle("free", !named && !value.columns.some((column) => said(column)));
  if (value.columns.some((column) => said(column))) {
    if (named) grid.append(make("span"));
    grid.append(...value.columns.map((column) => make("span", "column", said(column))));
  }
  value.rows.forEach((row, r) => {
    if (named) grid.append(make("span", "row", said(row)));
    value.columns.forEach((column, c) => {
      const box = make("div", "place");
      known.set(`${r},${c}`, { box, drawn: null, label: [said(row), said(column)].filter(Boolean).join(", "), place: known.size + 1 });
      grid.append(box);
    });
  });
  const scroll = make("div", "scroll");
  scroll.append(grid);
  root.replaceChildren(make("p", "stage-line"), make("p", "need"), scroll);
}

function draw(anew) {
  const told = props.value;
  // A message alone takes nothing down: what hung here before stays.
  const value = told?.trouble && !told.columns.length && last ? { ...last, line: null, need: null, trouble: told.trouble } : told;
  root.hidden = !value;
  if (!value) return;
  last = value;
  const next = JSON.stringify([value.columns, value.rows, value.size]);
  if (anew || next !== plan) layout(value);
  plan = next;
  const line = root.querySelector(".stage-line");
  line.textContent = value.trouble ? said(value.trouble) : value.line ? said(value.line) : "";
  line.classList.toggle("trouble", Boolean(value.trouble));
  line.hidden = !line.textContent;
  const need = root.querySelector(".need");
  need.textContent = value.need ? said(value.need) : "";
  need.hidden = !value.need;
  for (const [place, held] of known) {
    const now = JSON.stringify(value.cells[place] || null);
    if (now === held.drawn) continue;
    held.drawn = now;
    held.box.replaceChildren(cell(value.cells[place], held.label, held.place));
  }
}

quartet.listen(element, () => draw(true));
watch("value", () => draw(false));
draw(true);
