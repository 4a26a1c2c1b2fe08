// Under the prompt: what nobody learned, with known words to tap; else sentences to begin with.
const { say, make } = quartet;
const root = element.querySelector(".hints");
const told = root.appendChild(make("div")), rest = root.appendChild(make("div"));
told.setAttribute("aria-live", "polite"); // the words nobody learned alone: who listens need not hear every sticker
let drawn = "";

// A chip puts in what `text()` is when it is tapped: the sentence may have grown since.  `key` finds it again.
const chip = (label, key, text, language) => {
  const button = make("button", "chip", label);
  button.type = "button";
  button.dataset.key = key;
  if (language) button.lang = language;
  button.addEventListener("click", () => trigger("pick", { text: text() }));
  return button;
};

// A whole sentence to tap.
const whole = (text, language) => chip(text, text, () => text, language);

// Where `word` stands in `text`, or -1.  Of letters it is a whole word: no "in" of "pink".  Chinese has no spaces.
function place(text, word) {
  if (props.value.language === "zh") return text.toLowerCase().indexOf(word.toLowerCase());
  const words = [...text.matchAll(/[\p{L}\p{N}]+/gu)];
  return words.find(([found]) => found.toLowerCase() === word.toLowerCase())?.index ?? -1;
}

// The sentence with `word` replaced; and its article.
function replaced(word, by) {
  const { text } = props.value, at = place(text, word);
  if (at < 0) return text;
  const before = text.slice(0, at).replace(/\ban? $/i, /^[aeiou]/i.test(by) ? "an " : "a ");
  return before + by + text.slice(at + word.length);
}

// Behind the letters of the prompt: the same sentence, unseen but for the waves under its unknown words.
function underline(value) {
  const field = document.querySelector(`#${props.field} textarea`);
  if (!field) return;
  const behind = field.parentElement.querySelector(".behind") || field.parentElement.appendChild(make("div", "behind"));
  behind.setAttribute("aria-hidden", "true");
  behind.replaceChildren();
  let left = value.text;
  for (;;) {
    const found = value.unknown.map(({ word }) => [place(left, word), word])
      .filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0] || b[1].length - a[1].length)[0];
    if (!found) break;
    const [at, word] = found;
    behind.append(left.slice(0, at), make("mark", "", left.slice(at, at + word.length)));
    left = left.slice(at + word.length);
  }
  behind.append(left);
}

function unknown(value) {
  const near = make("p", "near");
  for (const { word, near: words } of value.unknown.slice(0, 3)) {
    near.append(make("span", "quiet", say("hint.never") + ": "), make("mark", "", word), " → ");
    words.forEach((known) => near.append(chip(known, `${word} ${known}`, () => replaced(word, known))));
    near.append(" ");
  }
  return near;
}

function stickers(value) {
  const things = make("p", "stickers"), { word } = value.unknown[0];
  things.append(make("span", "quiet", say("hint.know", { n: quartetStickers.length })));
  for (const sticker of quartetStickers) {
    const button = chip("", "sticker " + sticker.en, () => replaced(word, sticker[value.language]));
    const image = make("img");
    Object.assign(image, { src: sticker.src, alt: sticker[quartet.language] });
    button.title = sticker[quartet.language];
    button.append(image);
    things.append(button);
  }
  const example = quartetExamples[value.language].find((text) => /rocket|火箭/.test(text));
  things.append(whole(example, value.language === "zh" ? "zh-CN" : "en"));
  return things;
}

function examples() {
  const line = make("p", "try");
  line.append(make("span", "quiet", say("hint.try") + ": "));
  const other = quartet.language === "zh" ? "en" : "zh";
  quartetExamples[quartet.language].slice(1).forEach((text) => line.append(whole(text)));
  line.append(whole(quartetExamples[other][0], other === "zh" ? "zh-CN" : "en"));
  return line;
}

function lines(value) {
  const found = [];
  if (value.dropped) {
    const line = make("p", "dropped", say("hint.dropped") + " ");
    line.append(make("del", "", value.dropped));
    found.push(line);
  }
  if (value.foreign) {
    const line = make("p", "near", say("hint.foreign") + " "), { english } = value;
    if (english) line.append(say("hint.english") + " ", whole(english, "en"));
    found.push(line);
  } else if (value.unknown.length) found.push(unknown(value));
  return found;
}

// Told with every letter, drawn only where something else is to be said; who stood on a chip still stands there.
function draw() {
  const { value } = props;
  if (!value) return;
  underline(value);
  const { text, ...others } = value, now = JSON.stringify([quartet.language, others]);
  if (now === drawn) return;
  drawn = now;
  const held = root.contains(document.activeElement) && document.activeElement.dataset.key;
  told.replaceChildren(...lines(value));
  rest.replaceChildren(...(value.foreign ? [] : [value.unknown.length ? stickers(value) : examples()]));
  if (held) (root.querySelector(`[data-key="${CSS.escape(held)}"]`) ?? root.querySelector(".chip"))?.focus();
}

quartet.listen(element, draw);
watch("value", draw);
draw();
