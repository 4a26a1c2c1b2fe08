// A race as the browser knows it: fed with numbered news, asked for what stood at any moment.
quartet.Tape = class {
  constructor(race, asked = false) {
    this.race = race;
    this.asked = asked; // asked for, and the server has not said a word yet
    this.heard = -1; // number of the newest news taken in
    this.open = null; // text, seed, what each painter weighs
    this.over = null; // how it ended
    this.error = null;
    this.matrix = null; // CLIP's similarities to this sentence and to changed ones
    this.clock = { time: 0, at: performance.now() };
    this.lanes = Object.fromEntries(quartet.lanes.map((lane) => [lane, { state: asked ? "queued" : "idle", i: 0, n: 0, seconds: 0, dots: [], gaps: [], frames: [], thoughts: [], marks: null, note: null, need: null }]));
  }

  // Take in what is new of { number: news }; news come twice, so that none is lost.
  feed(news) {
    const numbers = Object.keys(news).map(Number).filter((number) => number > this.heard).sort((a, b) => a - b);
    for (const number of numbers) {
      const item = news[number];
      this["on_" + item.kind]?.(item);
      if (item.time !== undefined) this.clock = { time: Math.max(item.time, this.clock.time), at: performance.now() };
      this.heard = number;
    }
    return numbers.length > 0;
  }

  on_open(item) {
    this.open = item;
    for (const lane of quartet.lanes) this.lanes[lane].state = lane in item.lanes ? "queued" : "absent";
  }

  on_lane(item) {
    const lane = this.lanes[item.lane];
    Object.assign(lane, { state: item.state, i: item.i, n: item.n, seconds: item.seconds, note: item.note, need: item.need || lane.need });
    for (const [begin, look] of item.dots) lane.dots.push({ begin, look: Boolean(look) });
    const missed = item.evals - this.evaluations(item.lane); // in news that were not heard
    if (missed > 0) lane.gaps.push({ time: item.time, missed });
    if (item.images.length) {
      const images = item.images.map((source) => Object.assign(new Image(), { src: source }));
      lane.frames.push({ time: item.time, i: item.shown, n: item.n, seconds: item.seconds, images });
    }
  }

  on_thought(item) { this.lanes[item.lane].thoughts.push(item); }
  on_marks(item) { this.lanes[item.lane].marks = item; }
  on_matrix(item) { this.matrix = item; }
  on_error(item) { this.error = item; }
  on_over(item) { this.over = item; }

  // By its opening; a page that has missed that knows by its painters.
  get begun() { return Boolean(this.open) || quartet.lanes.some((lane) => !["idle", "absent", "missing"].includes(this.lanes[lane].state)); }
  get running() { return !this.asked && this.begun && !this.over && !this.error; }
  get moving() { return this.asked || this.running; }
  get paused() { return this.running && quartet.lanes.some((lane) => this.lanes[lane].state === "paused"); }

  // Seconds since the start: of the last news, and while it runs, what has passed since.
  get now() {
    const most = this.asked ? Infinity : this.running && !this.paused ? 2 : 0;
    const passed = Math.min(most, (performance.now() - this.clock.at) / 1000);
    return this.over ? this.over.time : this.clock.time + passed;
  }

  // The picture of `lane` at `time`, and the network evaluations up to then.
  frame(lane, time = Infinity) { return this.lanes[lane].frames.findLast((frame) => frame.time <= time) || null; }
  thought(lane, time = Infinity) { return this.lanes[lane].thoughts.findLast((thought) => thought.time <= time) || null; }
  evaluations(lane, time = Infinity) {
    const { dots, gaps } = this.lanes[lane], heard = dots.filter((dot) => !dot.look && dot.begin <= time).length;
    return gaps.reduce((sum, gap) => sum + (gap.time <= time ? gap.missed : 0), heard);
  }
};
