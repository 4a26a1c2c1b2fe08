// Gradio's own words come in English whatever the page speaks: those that are known are said in its language.
(() => {
  const { say, put, mark } = quartet;
  const MESSAGES = [
    [/^File\(s\) exceed the maximum allowed size of ([\d.]+) \w+: (.*)$/s, "toast.large", ["n", "files"]],
    [/^Invalid file types?: (.*)\. Only .* allowed\.$/s, "toast.kind", ["files"]],
    [/^This application is currently busy|^Queue is full/, "toast.full", []],
    [/^Connection (to the server was lost|errored out)/, "toast.lost", []],
    [/^(Error|An error occurred\.?)?$/, "toast.broken", []],
  ];
  const LABELS = [
    [/^number input for (.*)$/s, "gradio.number", ["label"]], [/^range slider for (.*)$/s, "gradio.slider", ["label"]],
    [/^Pan$/, "gradio.pan", []], [/^Zoom in$/, "gradio.larger", []], [/^Zoom out$/, "gradio.smaller", []],
    [/^undo$/i, "gradio.undo", []], [/^Redo$/, "gradio.redo", []], [/^Clear canvas$/, "gradio.clear", []],
    [/^Brush$/, "gradio.brush", []], [/^Brush Size$/, "gradio.size", []], [/^Color$/, "gradio.colour", []],
    [/^Erase$/, "gradio.eraser", []], [/^Eraser Size$/, "gradio.wipe", []], [/^Empty value$/, "gradio.empty", []],
    [/^Click to upload or drop files$/, "gradio.drop", []], [/^Close$/, "toast.close", []], [/^Clear$/, "gradio.dismiss", []],
  ];
  const TITLES = [[/^Error\s*$/, "toast.error", []], [/^Warning\s*$/, "toast.warning", []]];
  const told = new WeakMap(); // by node: what it says, and in which words it was said last

  function known(table, text) {
    for (const [pattern, key, names] of table) {
      const found = pattern.exec(text);
      if (found) return { key, values: Object.fromEntries(names.map((name, k) => [name, found[k + 1]])) };
    }
    return null;
  }

  // Say a node's text, which `write` puts there: Gradio may have put other words there since.
  function retell(node, table, text, write) {
    const before = told.get(node), fresh = text !== before?.words, said = fresh ? known(table, text.trim()) : before.said;
    const words = said ? say(said.key, said.values) : text;
    told.set(node, { said, words });
    if (words !== text) write(words);
    return fresh && said;
  }

  // A plot is told by its title: Vega has a sentence for every point of it.
  function plot(box) {
    mark(box, "aria-label", box.querySelector(".role-title text")?.textContent ?? "");
    box.querySelectorAll("svg").forEach((svg) => mark(svg, "aria-hidden", true));
  }

  function label(node) {
    for (const held of ["aria-label", "title"].map((name) => node.getAttributeNode(name)))
      if (held) retell(held, LABELS, held.value, (words) => (held.value = words));
  }

  function within(root) {
    root.querySelectorAll(".vega-embed").forEach(plot);
    root.querySelectorAll("[aria-label]:not(.vega-embed, .vega-embed *)").forEach(label);
    if (root.querySelector(".upload-container")) quartet.name();
    root.querySelectorAll("label input[title]").forEach((input) => input.removeAttribute("title")); // names of values, for programs
    root.querySelectorAll('.toast-title-row > span, [data-testid="status-tracker"] .error').forEach(({ firstChild }) =>
      firstChild && retell(firstChild, TITLES, firstChild.data ?? "", (words) => (firstChild.data = words)));
    root.querySelectorAll('[data-testid="toast-text"]').forEach((text) => {
      const news = retell(text, MESSAGES, text.textContent, (words) => put(text, words));
      if (news) quartet.stage?.fail(news);
    });
  }

  quartet.listen(document.documentElement, () => within(document));
  new MutationObserver((changes) => { // each place once: of a plot that is drawn anew every point is a change
    const plots = new Set(), labels = new Set(), roots = new Set();
    for (const { type, target, addedNodes } of changes) {
      const box = target.closest(".vega-embed");
      if (box) plots.add(box);
      else if (type === "attributes") labels.add(target);
      else if ([...addedNodes].some((node) => node.nodeType === Node.ELEMENT_NODE)) roots.add(target.parentElement ?? target);
    }
    plots.forEach(plot);
    labels.forEach(label);
    roots.forEach(within);
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-label"] });
})();
