// The races of this visit, small, under the stage: a tap brings one back with its whole time axis.
quartet.Strip = class {
  constructor(root, choose) {
    Object.assign(this, { root, choose, tapes: [], drawn: "" });
  }

  // A race that is over joins, once; the oldest of many leaves.
  add(tape) {
    if (tape.open && !this.tapes.includes(tape) && quartet.lanes.some((lane) => tape.frame(lane))) this.tapes.unshift(tape);
    this.tapes.length = Math.min(this.tapes.length, 12);
  }

  draw(shown) {
    const { say, make } = quartet, now = [quartet.language, shown.race, ...this.tapes.map((tape) => tape.race)].join();
    if (now === this.drawn) return;
    this.drawn = now;
    this.root.hidden = this.tapes.length < 2;
    this.root.setAttribute("aria-label", say("strip"));
    const held = this.root.contains(document.activeElement) && document.activeElement.dataset.key;
    this.root.replaceChildren(...this.tapes.map((tape) => {
      const button = make("button", "race"), four = make("span", "four");
      button.type = "button";
      button.dataset.key = tape.race;
      button.setAttribute("aria-pressed", tape === shown);
      for (const lane of quartet.lanes) {
        const frame = tape.frame(lane);
        four.append(frame ? Object.assign(frame.images[0].cloneNode(), { alt: say("info.of", { painter: say("painter." + lane), text: tape.open.text }) }) : make("span", "bare"));
      }
      button.append(four, make("span", "said", tape.open.text), make("span", "seed", `${say("seed")} ${tape.open.seed}`));
      button.addEventListener("click", () => this.choose(tape));
      return button;
    }));
    if (held) this.root.querySelector(`[data-key="${held}"]`)?.focus();
  }
};
