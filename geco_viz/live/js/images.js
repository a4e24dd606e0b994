// Data, reconstructions and prior samples, in rows of equal squares.

import { FONT } from "./palette.js";
import { CanvasPanel } from "./panel.js";
import { PACE } from "./status.js";

export class Images extends CanvasPanel {
  constructor(host, store) {
    super(host, store, "rows of images: data, their reconstructions, samples from the prior");
  }

  note() {
    const { images, tiling } = this.store;
    if (!images) return "";
    const why = tiling?.n === 0 ? "no latent plane · " : "";
    return `${why}step ${PACE.format(images.step)}`;
  }

  draw() {
    const sheet = this.open();
    const { theme } = this;
    const { images } = this.store;
    if (!sheet || !images) return;
    const { context, width, height } = sheet;
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
        this.picture(context, { values: pixels, h, w, c }, r * n + i, x, y, cell, high);
        if (r > 0) continue;
        context.fillStyle = theme.categories[i % theme.categories.length];
        context.fillRect(x, y - strip, cell, 3); // the datum's colour in the tiling
      }
    });
    this.canvas.title = shown < n ? `the first ${shown} of ${n}` : "";
  }
}
