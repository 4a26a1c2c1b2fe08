// A wall of pictures out of the component's value; only cells that changed are drawn again.
const { say, make, put, mark } = quartet;
const root = element.querySelector(".wall");
const line = make("p", "stage-line"), need = make("p", "need"), scroll = make("div", "scroll");
const known = new Map(), EMPTY = { columns: [], rows: [], size: 0, cells: {} };
let plan = "";
let last = EMPTY;
let heard = null; // which sentence the line said last
root.append(line, need, scroll); // for good: who listens is told of the line alone, and only of one that stays

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
    const keep = make("p");
    keep.append(Object.assign(make("a", "", say("stage.keep")), kept));
    keep.firstChild.dataset.key = `${place} ${k}`;
    caption.append(keep);
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
  scroll.replaceChildren(grid);
}

// How far it has come is no news to whoever listens: the same sentence with another figure is not told again.
function tell(now) {
  mark(line, "aria-live", now?.key && now.key === heard ? "off" : "polite");
  heard = now?.key ?? null;
  put(line, now ? said(now) : "");
}

function draw(anew) {
  const told = props.value;
  // A message alone takes nothing down: what hung here before stays.
  const alone = told?.trouble && !told.columns.length;
  const value = (alone ? { ...last, line: null, need: null, trouble: told.trouble } : told) || EMPTY; // Gradio's nothing is ""
  const held = root.contains(document.activeElement) && document.activeElement.dataset.key;
  last = value;
  const next = JSON.stringify([value.columns, value.rows, value.size]);
  if (anew || next !== plan) layout(value);
  plan = next;
  line.classList.toggle("trouble", Boolean(value.trouble));
  tell(value.trouble ?? value.line);
  put(need, value.need ? said(value.need) : "");
  need.hidden = !value.need;
  for (const [place, hung] of known) {
    const now = JSON.stringify(value.cells[place] || null);
    if (now === hung.drawn) continue;
    hung.drawn = now;
    hung.box.replaceChildren(cell(value.cells[place], hung.label, hung.place));
  }
  if (held) root.querySelector(`[data-key="${held}"]`)?.focus();
}

quartet.listen(element, () => draw(true));
watch("value", () => draw(false));
draw(true);
