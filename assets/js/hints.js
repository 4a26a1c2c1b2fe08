// Under the prompt: what nobody learned, with known words to tap; else sentences to begin with.
const { say, make } = quartet;
const root = element.querySelector(".hints");
const pick = (text) => trigger("pick", { text });

const chip = (label, text, language) => {
  const button = make("button", "chip", label);
  button.type = "button";
  if (language) button.lang = language;
  button.addEventListener("click", () => pick(text));
  return button;
};

// The sentence with `word` replaced; and its article.
function replaced(text, word, by) {
  const at = text.toLowerCase().indexOf(word.toLowerCase());
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
  let rest = value.text;
  for (;;) {
    const found = value.unknown.map(({ word }) => [rest.toLowerCase().indexOf(word.toLowerCase()), word])
      .filter(([at]) => at >= 0).sort((a, b) => a[0] - b[0] || b[1].length - a[1].length)[0];
    if (!found) break;
    const [at, word] = found;
    behind.append(rest.slice(0, at), make("mark", "", rest.slice(at, at + word.length)));
    rest = rest.slice(at + word.length);
  }
  behind.append(rest);
}

function unknown(value) {
  const near = make("p", "near");
  for (const { word, near: words } of value.unknown.slice(0, 3)) {
    near.append(make("span", "quiet", say("hint.never") + ": "), make("mark", "", word), " → ");
    words.forEach((known) => near.append(chip(known, replaced(value.text, word, known))));
    near.append(" ");
  }
  const things = make("p", "stickers");
  things.append(make("span", "quiet", say("hint.know", { n: quartetStickers.length })));
  for (const sticker of quartetStickers) {
    const name = sticker[value.language];
    const button = chip("", replaced(value.text, value.unknown[0].word, name));
    const image = make("img");
    Object.assign(image, { src: sticker.src, alt: sticker[quartet.language] });
    button.title = sticker[quartet.language];
    button.append(image);
    things.append(button);
  }
  return [near, things];
}

function examples() {
  const line = make("p", "try");
  line.append(make("span", "quiet", say("hint.try") + ": "));
  const other = quartet.language === "zh" ? "en" : "zh";
  quartetExamples[quartet.language].slice(1).forEach((text) => line.append(chip(text, text)));
  line.append(chip(quartetExamples[other][0], quartetExamples[other][0], other === "zh" ? "zh-CN" : "en"));
  return line;
}

function draw() {
  const value = props.value, parts = [];
  if (!value) return;
  underline(value);
  if (value.dropped) {
    const line = make("p", "dropped", say("hint.dropped") + " ");
    line.append(make("del", "", value.dropped));
    parts.push(line);
  }
  if (value.foreign) {
    const line = make("p", "near", say("hint.foreign") + " ");
    if (value.english) line.append(say("hint.english") + " ", chip(value.english, value.english, "en"));
    parts.push(line);
  } else if (value.unknown.length) parts.push(...unknown(value));
  else parts.push(examples());
  root.replaceChildren(...parts);
}

quartet.listen(element, draw);
watch("value", draw);
draw();
