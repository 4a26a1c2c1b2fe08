// One painter's canvas: pictures at whole multiples of their pixels, each new one faded in.
quartet.Picture = class {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.frame = this.before = null;
    new ResizeObserver(() => this.fit()).observe(canvas.parentElement);
    this.fit();
  }

  // Show `frame` (null: bare paper); `fade` over 120 ms unless motion is unwelcome.
  async show(frame, fade) {
    if (frame === this.frame) return;
    this.before = this.frame;
    this.frame = frame;
    this.canvas.setAttribute("aria-busy", true);
    if (frame) await Promise.all(frame.images.map((image) => image.decode().catch(() => null)));
    if (frame !== this.frame) return; // a newer one came while this was decoded
    this.layout();
    if (!fade || !this.before || quartet.calm.matches) return this.draw(1);
    const begin = performance.now();
    const turn = () => {
      if (frame !== this.frame) return;
      const part = Math.min(1, (performance.now() - begin) / 120);
      this.draw(part);
      if (part < 1) setTimeout(turn, 30); // four pictures fade at once, and the painters want the processor
    };
    turn();
  }

  layout() {
    const images = this.frame ? this.frame.images : [];
    this.columns = Math.ceil(Math.sqrt(images.length)) || 1;
    const [width, height] = images.length ? [images[0].naturalWidth, images[0].naturalHeight] : [64, 64];
    this.side = [width, height];
    const wide = width * this.columns, tall = height * Math.ceil(Math.max(1, images.length) / this.columns);
    if (this.canvas.width !== wide || this.canvas.height !== tall) {
      Object.assign(this.canvas, { width: wide, height: tall });
      this.fit();
    }
  }

  draw(part) {
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const lay = (frame, alpha) => {
      this.pen.globalAlpha = alpha;
      frame?.images.forEach((image, k) =>
        image.naturalWidth && this.pen.drawImage(image, (k % this.columns) * this.side[0], Math.floor(k / this.columns) * this.side[1]));
    };
    if (part < 1) lay(this.before, 1);
    lay(this.frame, part);
    this.canvas.setAttribute("aria-busy", part < 1);
  }

  // As many device pixels a pixel as fit: whole ones, so that no pixel is wider than its neighbour.
  fit() {
    const room = this.canvas.parentElement.clientWidth * devicePixelRatio;
    const times = Math.floor(room / this.canvas.width);
    const width = times >= 1 ? (times * this.canvas.width) / devicePixelRatio : room / devicePixelRatio;
    this.canvas.style.width = width + "px";
    this.canvas.style.height = (width * this.canvas.height) / this.canvas.width + "px";
  }
};
