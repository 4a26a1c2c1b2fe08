// What every stage of the page shares: language, words, colour scheme.  Text reaches the page by textContent alone.
window.quartet = (() => {
  const listeners = new Set();
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const remember = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private windows */ } };
  const asked = new URLSearchParams(location.search).get("lang");
  const native = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  let language = ["en", "zh"].includes(asked) ? asked : remembered("quartet.language") || native;

  const say = (key, values = {}) =>
    (window.quartetWords[language][key] || key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

  const apply = () => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    document.title = say("page.title");
    listeners.forEach((listener) => listener());
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
    listeners.forEach((listener) => listener());
  };
  const start = () => {
    const chosen = remembered("quartet.dark");
    if (chosen !== null && !new URLSearchParams(location.search).has("__theme"))
      document.body.classList.toggle("dark", chosen === "1");
    apply();
    return language;
  };

  // An element with text: make("span", "class", "text").
  const make = (tag, className = "", text = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.textContent = text;
    return element;
  };
  const ink = (name) => getComputedStyle(document.body).getPropertyValue("--" + name).trim();

  // A painter's shape around (x, y), half as wide as `r`: circle, square, triangle, diamond.
  const shapes = {
    latent: (pen, x, y, r) => pen.arc(x, y, r, 0, 7),
    pixel: (pen, x, y, r) => pen.rect(x - r, y - r, 2 * r, 2 * r),
    vqgan_clip: (pen, x, y, r) => { pen.moveTo(x, y - r); pen.lineTo(x + r, y + r); pen.lineTo(x - r, y + r); pen.closePath(); },
    unclip: (pen, x, y, r) => { pen.moveTo(x, y - 1.2 * r); pen.lineTo(x + r, y); pen.lineTo(x, y + 1.2 * r); pen.lineTo(x - r, y); pen.closePath(); },
  };

  return {
    say, speak, shade, start, make, ink, shapes,
    lanes: Object.keys(shapes),
    get language() { return language; },
    // Call `listener` whenever language or colours change, for as long as `element` is on the page.
    listen(element, listener) {
      const held = () => (element.isConnected ? listener() : listeners.delete(held));
      listeners.add(held);
    },
  };
})();
