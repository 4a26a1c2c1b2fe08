// The score: four staves, a mark for every network evaluation at its own time, and the barline where we are.
quartet.Score = class {
  static margin = 28; // left of the staves, where the painters' shapes stand
  static stave = 26; // height of one

  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.args = null;
    this.width = 0; // asked for at a change only: ten times a second it would lay out the page ten times a second
    new ResizeObserver(() => {
      this.width = canvas.parentElement.clientWidth;
      if (this.args) this.draw(...this.args);
    }).observe(canvas.parentElement);
  }

  // Seconds that the staves span: room to grow while a race runs, its own length afterwards.
  static span(tape) {
    if (tape.over) return Math.max(0.5, tape.over.time);
    if (!tape.moving) return 5;
    return [5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].find((seconds) => tape.now < 0.95 * seconds) || tape.now * 1.2;
  }

  draw(tape, time) {
    this.args = [tape, time];
    const { margin, stave } = quartet.Score, ratio = devicePixelRatio;
    const width = this.width || this.canvas.parentElement.clientWidth, height = stave * quartet.lanes.length + 22;
    const pen = this.pen, span = quartet.Score.span(tape), room = width - margin - 6;
    const size = [width, height].map((side) => Math.floor(side * ratio));
    if (size[0] !== this.canvas.width || size[1] !== this.canvas.height) {
      [this.canvas.width, this.canvas.height] = size;
      Object.assign(this.canvas.style, { width: width + "px", height: height + "px" });
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const at = (seconds) => margin + (seconds / span) * room;
    quartet.lanes.forEach((lane, k) => this.line(tape, lane, stave * (k + 0.5), at, width, time));
    this.ticks(span, at, height);
    pen.fillStyle = quartet.ink("ink");
    pen.fillRect(Math.round(at(Math.min(time, span))), 0, 1.5, stave * quartet.lanes.length);
  }

  line(tape, lane, y, at, width, time) {
    const pen = this.pen, colour = quartet.ink(lane);
    pen.fillStyle = quartet.ink("hair");
    pen.fillRect(quartet.Score.margin, Math.round(y), width - quartet.Score.margin - 6, 1);
    const mark = (x, r) => { pen.beginPath(); quartet.shapes[lane](pen, x, y, r); };
    pen.fillStyle = pen.strokeStyle = colour;
    mark(9, 5);
    pen.fill();
    for (const dot of tape.lanes[lane].dots) {
      pen.globalAlpha = dot.begin <= time ? 1 : 0.22;
      mark(at(dot.begin), dot.look ? 1.6 : 3);
      dot.look ? pen.stroke() : pen.fill();
    }
    pen.globalAlpha = 1;
  }

  ticks(span, at, height) {
    const pen = this.pen, step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 600].find((size) => at(size) - at(0) >= 48) || 1800;
    pen.fillStyle = quartet.ink("quiet");
    pen.font = '13px "Martian Mono", monospace';
    pen.textBaseline = "bottom";
    pen.textAlign = "center";
    for (let k = 0; k * step <= span; k++) pen.fillText(String(+(k * step).toFixed(1)), Math.max(at(k * step), 10), height - 2);
  }
};
