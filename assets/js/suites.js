// Which weights each painter could run on, out of the component's value: one line a choice, its conditions below.
const { say, make } = quartet;
const root = element.querySelector(".suites");
const accepted = new Set(), unfolded = new Set();  // rows whose licences were accepted, and whose conditions are open
const line = make("p", "line");  // what came of the last wish, under the row it was about
line.setAttribute("aria-live", "polite");
let moving = false, rows = "", asked = "";
const giga = (bytes) => (bytes / 1e9).toLocaleString("en", { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const size = (bytes) => (bytes === null ? say("models.unverified") : bytes < 1e8
  ? say("suites.mega", { n: Math.max(1, Math.round(bytes / 1e6)) }) : say("suites.giga", { n: giga(bytes) }));

function reason(row) {
  if (row.why === "memory") return say("suites.memory", { need: size(row.memory), weights: size(row.weights), have: size(row.have) });
  if (row.why === "disk") return say("suites.disk", { need: size(row.bytes), have: size(row.disk) });
  if (row.why === "own") return say("suites.own", { file: "quartet.toml", wrong: row.wrong });
  if (row.why === "offline") return say("suites.offline");
  if (row.state === "byhand") return say("suites.byhand");
  if (row.state === "fetch") return say("suites.fetch", { n: size(row.bytes) });
  return row.pinned ? "" : say("suites.unpinned");
}

// The safety checker, where it is not here yet: it comes along, or is all that is left to fetch.
function guard(row) {
  const values = { n: size(row.guard.bytes), licence: row.guard.licence || say("models.unverified") };
  return say(row.state === "ready" ? "suites.guard.alone" : "suites.guard.with", values);
}

// What has to be known before fetching: licences, pages to go to by hand, and the command that does it.
function conditions(row) {
  const box = make("details"), list = make("ul");
  box.open = unfolded.has(row.suite);
  box.ontoggle = () => unfolded[box.open ? "add" : "delete"](row.suite);
  box.append(make("summary", "", say("suites.conditions")));
  for (const one of row.licences) {
    const line = make("li", "", say(one.means));
    if (one.repo) line.prepend(make("code", "", one.repo), ` ${one.name} · `);
    list.append(line);
  }
  box.append(list);
  if (row.inferred.length) box.append(make("p", "", say("suites.inferred")), make("code", "", row.inferred.join(", ")));
  for (const page of row.pages) box.append(make("p", "", say("suites.page")), make("code", "", page));
  if (row.command) box.append(make("p", "", say("suites.command")), make("code", "", row.command));
  box.append(make("p", "", say("suites.run")), make("code", "", `quartet serve --suite ${row.suite}`));
  return box;
}

function button(key, row, act) {
  const made = make("button", "plain", say(key));
  made.type = "button";
  made.dataset.key = `${key} ${row.suite}`;
  made.setAttribute("aria-label", `${made.textContent} ${row.suite}`);
  made.onclick = act;
  return made;
}

// The page on these weights; the server puts it up, and this browser goes there.
async function go(wanted) {
  if (moving) return;
  [moving, asked] = [true, wanted];
  tell({ key: "suites.opening", values: {} });
  try {
    const found = await server.paint([wanted]);
    if (!found.line) return void location.assign((found.up || "./") + found.path);
    tell(found.line);
  } catch {
    tell({ key: "toast.broken", values: {} });
  } finally {
    moving = false;
  }
}

// What this page may do with a row: paint with it, or fetch it once its licences are accepted.
function acts(row) {
  const place = make("div", "doing");
  if (row.here) place.append(make("span", "quiet", say("suites.here")));
  if (row.acts.includes("paint")) place.append(button("suites.paint", row, () => go(row.suite)));
  if (!row.acts.includes("fetch")) return place;
  const label = make("label"), box = Object.assign(make("input"), { type: "checkbox", checked: accepted.has(row.suite) });
  const get = button("suites.get", row, () => {
    asked = row.suite;
    trigger("bring", { suite: row.suite, accepted: box.checked });
  });
  const free = () => { get.disabled = !box.checked || Boolean(props.value.fetch); };
  box.dataset.key = "accept " + row.suite;
  box.onchange = () => { accepted[box.checked ? "add" : "delete"](row.suite); free(); };
  free();
  label.append(box, say("suites.accept"));
  place.append(label, get);
  return place;
}

function lineOf(row) {
  const item = make("li", row.state), head = make("p");
  head.append(make("b", "", say("suites.state." + row.state)), " ", make("code", "", row.suite));
  if (row.guide) head.append(" ", make("span", "quiet", say("suites.guide")));
  head.append(" ", make("span", "quiet", say(row.memory > row.weights ? "suites.needs" : "suites.weigh", { n: size(row.memory), weights: size(row.weights) })));
  item.append(head);
  const why = reason(row);
  if (why) item.append(make("p", "why", why));
  if (row.guard) item.append(make("p", "why", guard(row)));
  if (row.suite !== "classroom") item.append(conditions(row));
  if (row.suite !== "classroom" || row.family === "latent") item.append(acts(row));
  item.dataset.suite = row.suite;
  return item;
}

// How far a fetch is: under its row, drawn alone as long as nothing else changes.
function progress() {
  const now = props.value.fetch, item = now && root.querySelector(`[data-suite="${now.suite}"]`);
  const held = document.activeElement?.dataset?.key;
  root.querySelector(".fetching")?.remove();
  if (!item) return;
  const box = make("div", "fetching"), bar = make("progress");
  bar.setAttribute("aria-label", now.file || say("suites.get"));
  if (now.total) Object.assign(bar, { max: now.total, value: now.done });
  const bytes = now.total ? say("fetch.bytes", { done: size(now.done), total: size(now.total) }) : "";
  const stop = button("suites.stop", now, () => server.halt([]));
  stop.disabled = now.state === "stopping";
  box.append(bar, make("p", "number", bytes), make("p", "", say("fetch.progress", now)));
  if (stop.disabled) box.append(make("p", "quiet", say("fetch.stopping")));
  if (!props.value.far) box.append(stop);
  item.append(box);
  if (held === stop.dataset.key) stop.focus();
}

function tell(said) {
  root.querySelector(`[data-suite="${asked}"]`)?.append(line);
  line.textContent = said ? say(said.key, said.values) : "";
}

// What a picture will take of memory with the weights that this page runs on, and whether that is allowed.
function need(one) {
  const values = { painter: say("painter." + one.lane), need: size(one.need), weights: size(one.weights), work: size(one.workspace) };
  const item = make("li", one.fits ? "" : "impossible", say("needs.line", values) + " ");
  item.append(say(one.budget === null ? "needs.free" : one.fits ? "needs.fits" : "needs.over", { budget: size(one.budget), would: one.would }));
  return item;
}

function table(value) {
  const lanes = [...new Set(value.rows.map((row) => row.family))];
  const now = make("p", "", say("suites.now") + " ");
  now.append(make("code", "", value.suite));
  const needs = make("ul", "choices needs"), far = value.far ? [make("p", "quiet far", say("suites.far"))] : [];
  needs.append(...value.needs.map(need));
  root.replaceChildren(make("p", "lead", say("suites.about")), now, make("p", "", say("needs")), needs, ...far, line, ...lanes.flatMap((lane) => {
      const title = make("h3"), list = make("ul", "choices");
      title.append(make("span", "mark " + lane), say("painter." + lane));
      list.append(...value.rows.filter((row) => row.family === lane).map(lineOf));
      return [title, list];
    }));
}

function draw(anew) {
  const value = props.value;
  if (!value) return;
  const next = JSON.stringify([value.rows, value.needs, value.suite, Boolean(value.fetch)]);
  if (anew || next !== rows) {
    const held = document.activeElement?.dataset?.key;
    table(value);
    if (held) root.querySelector(`[data-key="${CSS.escape(held)}"]`)?.focus();
  }
  rows = next;
  tell(value.line);
  progress();
}

quartet.listen(element, () => draw(true));
watch("value", () => draw(false));
draw(true);
