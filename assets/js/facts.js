// What is said of a painter under its picture, and of all of them once a race is over.
quartet.Facts = class {
  constructor() {
    this.folds = {}; // one a painter, so that what was opened stays open while the figures run
  }

  // The figures of `lane`, what it weighs, and the judge's verdict.
  of(lane, about, tape, time) {
    const { say, make, number } = quartet, own = tape.open?.lanes[lane];
    if (about.note?.key?.startsWith("say.")) return [make("p", "trouble", say(about.note.key, about.note.values))];
    const led = props.led?.includes(lane) ? [make("p", "words quiet", say("method.led"))] : [];
    if (about.state === "idle" || about.state === "absent") return [make("p", "method", say("method." + lane)), ...led];
    const rows = [["seconds", say("unit.second", { n: number(about.seconds, 2) })], ["evals", String(tape.evaluations(lane, time))]];
    if (own) rows.push(["parameters", say("unit.million", { millions: number(own.parameters / 1e6, 1), wan: number(own.parameters / 1e4, 0) })]);
    if (own) rows.push(["similarity", about.marks?.similarity.map((value) => number(value, 2)).join(" ") ?? "–"]);
    const pairs = rows.map(([key, value]) => [say("meter." + key), value]);
    const memory = own ? this.memory(lane, own, about.marks?.workspace || own.workspace, about.need, about.marks?.reckoned) : [];
    const figures = quartet.narrow.matches ? [this.list(pairs.splice(0, 1)), this.more(lane, pairs, memory)] : [this.list(pairs), ...memory];
    return [...figures, ...led, ...this.verdict(about, tape)];
  }

  // On a narrow page all but the first figure are folded away.
  more(lane, pairs, memory) {
    const { say, make, fill } = quartet, fold = (this.folds["more " + lane] ||= make("details", "more")), head = make("summary");
    head.append(make("span", "", say("meter.more")), make("span", "sr", ` (${say("painter." + lane)})`));
    fill(fold, [head, this.list(pairs), ...memory]);
    return fold;
  }

  list(pairs) {
    const { make } = quartet, list = make("dl");
    for (const [name, value] of pairs) list.append(make("dt", "", name), make("dd", "", value));
    return list;
  }

  // Memory in one figure, unfolded part by part, and with what a run was measured to need beside them; where the device
  // has a limit, what it will need is known before, and told beside that limit; a CPU measures nothing: it is reckoned.
  memory(lane, own, measured, need, reckoned) {
    if (!own.bytes) return [];
    const { say, make, number, filled, language } = quartet;
    const mebi = (bytes) => say("unit.mib", { n: number(bytes / 2 ** 20, 1) });
    const workspace = measured || need?.workspace || reckoned, other = need?.weights - own.bytes > 2 ** 20 ? need.weights - own.bytes : 0;
    const fold = (this.folds[lane] ||= make("details", "memory")), shown = JSON.stringify([language, own.parts, workspace, need]);
    if (fold.dataset.shown === shown) return [fold];
    fold.dataset.shown = shown;
    const head = make("summary"), whole = mebi(own.bytes + other + (workspace || 0));
    const figure = need ? say("memory.of", { need: whole, budget: mebi(need.budget) }) : whole;
    head.append(make("span", "", say("meter.memory")), make("span", "figure", figure));
    const parts = own.parts.map(({ name, bytes }) => [filled(name), mebi(bytes)]);
    if (other) parts.push([say("memory.other"), mebi(other)]);
    const work = [say(measured || !workspace ? "memory.work" : "memory.reckoned"), workspace ? mebi(workspace) : say("memory.unmeasured")];
    fold.replaceChildren(head, this.list([...parts, work]));
    return [fold];
  }

  // The judge's verdict, picture by picture, word by word, and before it the words that wait for one; a missing judge is
  // said to be missing.
  verdict(about, tape) {
    const { say, make } = quartet, quiet = (key) => [make("p", "words quiet", say(key))];
    if (!tape.open && !about.marks) return [];
    if (!(about.marks || tape.open).judge) return quiet("judge.none");
    if (!about.marks && !tape.over) return tape.open.words ? [quartet.verdict(tape.open.words)] : quiet("judge.unread");
    if (!about.marks) return [];
    if (!about.marks.words) return quiet("judge.unread");
    return about.marks.words.map((words, k, all) => quartet.verdict(words, all.length > 1 ? k + 1 : null));
  }

  // Who leads where time was equal, then each painter in one sentence.
  summary(tape) {
    if (!tape.over) return [];
    const done = quartet.lanes.filter((lane) => tape.lanes[lane].state === "done");
    return [...this.ranking(tape), ...done.map((lane) => this.sentence(lane, tape))];
  }

  ranking(tape) {
    const { say, make, language } = quartet, groups = tape.over.ranking || [], n = tape.open?.budget;
    if (!groups.length) return [];
    const list = new Intl.ListFormat(language === "zh" ? "zh-CN" : "en");
    const said = groups.map(({ lanes, right, all }) => {
      const painters = list.format(lanes.map((lane) => say("painter." + lane)));
      return say(lanes.length > 1 ? "rank.level" : "rank.one", { painters, right, all });
    });
    const line = groups[0].right ? say("rank", { n, groups: said.join(say("rank.then")) }) : say("rank.nobody", { n });
    return [make("li", "rank", line)];
  }

  sentence(lane, tape) {
    const { say, make, number, language } = quartet, about = tape.lanes[lane], words = about.marks?.words?.flat();
    const marked = (mark) => [...new Set((words || []).filter((word) => word.mark === mark).map((word) => word[language]))];
    const wrong = marked("wrong"), unsure = marked("cannot say");
    const all = words && words.every((word) => word.mark === "right");
    const values = {
      painter: say("painter." + lane), seconds: number(about.seconds, 1), evals: tape.evaluations(lane), words: wrong.length ? wrong : unsure,
    };
    const item = make("li"), crops = tape.open?.lanes[lane].crops;
    const said = make("span", "", say(wrong.length ? "sum.missed" : all ? "sum.all" : unsure.length ? "sum.unsure" : "sum.facts", values));
    item.dataset.lane = lane;
    item.append(said);
    if (crops) said.append(" " + say("sum.crops", { n: crops * about.i }));
    if (about.marks?.apart) {
      const apart = Object.fromEntries(Object.entries(about.marks.apart).map(([name, value]) => [name, number(value, 1)]));
      said.append(" ", make("span", "quiet", say("sum.apart", apart)));
    }
    return item;
  }
};
