// What every stage of the page shares: language, words, colour scheme.  Text reaches the page by textContent alone.
window.quartet = (() => {
  const listeners = new Set();
  let inks = {}; // asked of the page once: to ask is to have it styled anew
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private windows */ } };
  const asked = new URLSearchParams(location.search).get("lang");
  const native = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  let language = ["en", "zh"].includes(asked) ? asked : remembered("quartet.language") || native;

  // A value may be words itself, { key, values }, or a list of such.
  const filled = (value) => Array.isArray(value) ? value.map(filled).join(language === "zh" ? "、" : ", ")
    : value?.key ? say(value.key, value.values) : String(value ?? "");
  const say = (key, values = {}) =>
    (window.quartetWords[language][key] || key).replace(/\{(\w+)\}/g, (_, name) => filled(values[name]));

  const formats = {}; // by digits: to make one takes longer than to use it
  const number = (value, digits) =>
    (formats[digits] ||= new Intl.NumberFormat("en", { maximumFractionDigits: digits, minimumFractionDigits: digits })).format(value);

  // Gradio's pieces that show a sign only, or speak the browser's language whatever the page's.
  const names = { "#die": "die", "#turn": "page.language.about", "#dark": "page.dark", "#file .upload-container": "info.drop" };
  const name = () => {
    for (const [where, key] of Object.entries(names))
      document.querySelectorAll(where).forEach((element) => {
        element.setAttribute("aria-label", say(key));
        element.title = say(key);
      });
    document.querySelectorAll("#file .upload-container .wrap").forEach((wrap) => {
      for (const node of wrap.childNodes) if (node.nodeType === Node.TEXT_NODE) node.data = "";
    });
    document.documentElement.style.setProperty("--say-drop", JSON.stringify(say("info.drop")));
  };

  // Pictures in Gradio's sliders come without a word: which side, and what was chosen for it.
  const slid = { "#pair": ["pair.left", "pair.right"], "#unclip-slider": ["unclip.small", "unclip.large"] };
  const caption = () => {
    for (const [where, keys] of Object.entries(slid)) {
      const chosen = document.querySelectorAll(where + " input");
      document.querySelectorAll(where + " img").forEach((image, k) => {
        image.alt = [say(keys[k % 2]), chosen[k]?.value].filter(Boolean).join(": ");
      });
    }
  };
  document.addEventListener("load", ({ target }) => target.closest?.(Object.keys(slid).join()) && caption(), true);

  const tell = () => {
    inks = {};
    listeners.forEach((listener) => listener());
  };
  const apply = () => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = say("page.title");
    name();
    caption();
    tell();
  };
  const speak = (next) => {
    language = next;
    remember("quartet.language", next);
    apply();
    return next;
  };
  const shade = () => {
    const dark = document.body.classList.toggle("dark");
    remember("quartet.dark", dark ? "1" : "0");
    tell();
  };
  const start = () => {
    const chosen = remembered("quartet.dark");
    if (chosen !== null && !new URLSearchParams(location.search).has("__theme"))
      document.body.classList.toggle("dark", chosen === "1");
    hush();
    apply();
    return language;
  };

  // Gradio's first sign of loading asks for frames for as long as the page is open, though it is gone, by the function
  // that it took before any script of ours ran.  Frames are numbered one after the other: those are its own that were
  // asked for between two of ours and not by the function that everybody else uses.
  const hush = () => {
    const ask = window.requestAnimationFrame, known = new Set();
    window.requestAnimationFrame = (call) => {
      const frame = ask(call);
      known.add(frame);
      return frame;
    };
    const first = ask(() => {
      for (let frame = ask(() => {}); frame > first; frame--) if (!known.has(frame)) cancelAnimationFrame(frame);
      window.requestAnimationFrame = ask;
    });
  };

  // An element with text: make("span", "class", "text").
  const make = (tag, className = "", text = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.textContent = text;
    return element;
  };
  // What stands already is left alone: while a race is told ten times a second, every change is a page laid out anew.
  const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };
  const mark = (element, attribute, value) => { if (element.getAttribute(attribute) !== String(value)) element.setAttribute(attribute, value); };
  const fill = (box, nodes) => {
    nodes.forEach((node, k) => {
      const old = box.childNodes[k];
      if (!old) box.append(node);
      else if (!node.isEqualNode(old)) old.replaceWith(node);
    });
    while (box.childNodes.length > nodes.length) box.lastChild.remove();
  };
  // The judge's verdict on a picture, word by word; `nth` of several.
  const verdict = (words, nth = null) => {
    const line = make("p", "words");
    line.setAttribute("role", "group");
    line.setAttribute("aria-label", nth ? say("judge.picture", { n: nth }) : say("judge"));
    if (nth) line.append(make("span", "nth", nth));
    words.forEach((word, k) => {
      const item = make("span", "word " + word.mark.replace(" ", "-"), word[language]);
      item.title = say("judge." + word.mark);
      item.style.animationDelay = 60 * k + "ms";
      item.append(make("span", "sr", " (" + say("judge." + word.mark) + ") "));
      line.append(item);
    });
    return line;
  };
  const calm = matchMedia("(prefers-reduced-motion: reduce)"), narrow = matchMedia("(max-width: 899px)");
  narrow.addEventListener("change", () => tell());
  const reveal = (element, block) => element.scrollIntoView({ behavior: calm.matches ? "instant" : "smooth", block });
  const ink = (name) => (inks[name] ||= getComputedStyle(document.body).getPropertyValue("--" + name).trim());

  // A painter's shape around (x, y), half as wide as `r`: circle, square, triangle, diamond.
  const shapes = {
    latent: (pen, x, y, r) => pen.arc(x, y, r, 0, 7),
    pixel: (pen, x, y, r) => pen.rect(x - r, y - r, 2 * r, 2 * r),
    vqgan_clip: (pen, x, y, r) => { pen.moveTo(x, y - r); pen.lineTo(x + r, y + r); pen.lineTo(x - r, y + r); pen.closePath(); },
    unclip: (pen, x, y, r) => { pen.moveTo(x, y - 1.2 * r); pen.lineTo(x + r, y); pen.lineTo(x, y + 1.2 * r); pen.lineTo(x - r, y); pen.closePath(); },
  };

  return {
    say, filled, number, speak, shade, start, name, make, put, mark, fill, ink, shapes, verdict, calm, narrow, reveal,
    lanes: Object.keys(shapes),
    get language() { return language; },
    // Call `listener` whenever language or colours change, for as long as `element` is on the page.
    listen(element, listener) {
      const held = () => (element.isConnected ? listener() : listeners.delete(held));
      listeners.add(held);
    },
  };
})();
