// Data, reconstructions and prior samples, in rows of equal squares.

class Images {
  constructor(host, store) {
    this.host = host;
    this.store = store;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "rows of images: data, their reconstructions, samples from the prior");
    host.append(this.canvas);
    this.tile = document.createElement("canvas");
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(host);
  }

  note() {
    return this.store.images ? `step ${PACE.format(this.store.images.step)}` : "";
  }

  restyle(theme) {
    this.theme = theme;
    this.draw();
  }

  draw() {
    const { host, theme } = this;
    const { images } = this.store;
    const [width, height] = [host.clientWidth, host.clientHeight];
    if (!theme || width < 20 || height < 20) return;
    const context = sized(this.canvas, width, height);
    if (!images) return;
    const { n, h, w, c, rows, counts, pixels } = images;
    const [key, gap, strip] = [52, 3, 6];
    const least = 20; // CSS pixels below which a digit is no longer read
    const tall = (height - strip - gap * rows.length) / rows.length;
    const shown = Math.max(1, Math.min(n, Math.floor((width - key) / (least + gap))));
    const cell = Math.min((width - key) / shown - gap, (tall * w) / h);
    const high = (cell * h) / w;
    const lead = strip + Math.max(0, (height - strip - rows.length * (high + gap)) / 2.5);
    context.imageSmoothingEnabled = cell < w;
    context.textBaseline = "middle";
    rows.forEach((name, r) => {
      const y = lead + r * (high + gap);
      context.font = `13px ${FONT}`;
      context.fillStyle = theme.muted;
      context.fillText(name, 0, y + high / 2);
      for (let i = 0; i < Math.min(shown, counts[r]); i++) {
        const x = key + i * (cell + gap);
        const start = (r * n + i) * h * w * c;
        pourImage(this.tile, pixels.subarray(start, start + h * w * c), h, w, c);
        context.drawImage(this.tile, x, y, cell, high);
        if (r > 0) continue;
        context.fillStyle = theme.categories[i % theme.categories.length];
        context.fillRect(x, y - strip, cell, 3); // the datum's colour in the tiling
      }
    });
    this.canvas.title = shown < n ? `the first ${shown} of ${n}` : "";
  }

  dispose() {
    this.observer.disconnect();
  }
}

// One uint8 image (h, w, c), grey or RGB, onto a canvas of its own size.
function pourImage(canvas, pixels, h, w, c) {
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  const image = context.createImageData(w, h);
  for (let i = 0; i < w * h; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = pixels[i * c + (c === 3 ? k : 0)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
