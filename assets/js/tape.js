// A race as the browser knows it: fed with numbered news, asked for what stood at any moment.
quartet.Tape = class {
  constructor(race) {
    this.race = race;
    this.heard = -1; // number of the newest news taken in
    this.open = null; // text, seed, what each painter weighs
    this.over = null; // how it ended
    this.error = null;
    this.matrix = null; // CLIP's similarities to this sentence and to changed ones
    this.clock = { time: 0, at: performance.now() };
    this.lanes = Object.fromEntries(quartet.lanes.map((lane) => [lane, { state: "idle", i: 0, n: 0, seconds: 0, dots: [], frames: [], thoughts: [], marks: null, note: null, need: null }]));
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

  get running() { return Boolean(this.open) && !this.over && !this.error; }
  get paused() { return this.running && quartet.lanes.some((lane) => this.lanes[lane].state === "paused"); }

  // Seconds since the start: of the last news, and while it runs, what has passed since.
  get now() {
    const passed = this.running && !this.paused ? Math.min(2, (performance.now() - this.clock.at) / 1000) : 0;
    return this.over ? this.over.time : this.clock.time + passed;
  }

  // The picture of `lane` at `time`, and the network evaluations up to then.
  frame(lane, time = Infinity) { return this.lanes[lane].frames.findLast((frame) => frame.time <= time) || null; }
  thought(lane, time = Infinity) { return this.lanes[lane].thoughts.findLast((thought) => thought.time <= time) || null; }
  evaluations(lane, time = Infinity) { return this.lanes[lane].dots.filter((dot) => !dot.look && dot.begin <= time).length; }
};
