// The switch in the masthead: on which weights this page paints, and the others that are here.
const { say, make, put } = quartet;
const root = element.querySelector(".weights");
const line = make("span", "line"); // whether the other weights come up, and why not
line.setAttribute("aria-live", "polite");
let value = null, told = null;

async function go(wanted, button) {
  tell({ key: "suites.opening", values: {} });
  button.disabled = true;
  try {
    const found = await server.paint([wanted]);
    if (!found.line) return void location.assign((found.up || "./") + found.path);
    tell(found.line);
  } catch {
    tell({ key: "toast.broken", values: {} });
  }
  button.disabled = false;
}

function tell(said) {
  told = said;
  put(line, said ? say(said.key, said.values) : "");
}

function named(suite) {
  const [kind, choices] = suite.split(":");
  return [say("weights." + kind), choices].filter(Boolean).join(": ");
}

function draw() {
  root.hidden = !value || value.suites.length < 2;
  if (root.hidden) return;
  root.replaceChildren(make("span", "quiet", say("weights") + ":"), ...value.suites.map((suite) => {
    const here = suite === value.suite, made = make(here ? "b" : "button", here ? "" : "plain", named(suite));
    if (here) made.setAttribute("aria-current", "page");
    else Object.assign(made, { type: "button", onclick: () => go(suite, made) });
    return made;
  }), line);
  tell(told);
}

// Looked for once the page stands: that takes a look at every file.
async function look() {
  value = await server.look([]).catch(() => null);
  draw();
}

quartet.listen(element, draw);
(window.requestIdleCallback || setTimeout)(look);
