// A panel that is one canvas over its host: made, described, sized, and drawn again when its host changes.

import { sized } from "./canvas.js";

export class CanvasPanel {
  /**
   * @param {HTMLElement} host
   * @param {any} store an explorer's has parts of its own
   * @param {string} label what the canvas shows, for who cannot see it
   */
  constructor(host, store, label) {
    this.host = host;
    this.store = store;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    host.append(this.canvas);
    this.small = document.createElement("canvas"); // where an image is poured before it is scaled
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(host);
  }

  draw() {}

  restyle(theme) {
    this.theme = theme;
    this.draw();
  }

  // The cleared context with the size to draw in, or null where there is nothing to draw on yet.
  open() {
    const [width, height] = [this.host.clientWidth, this.host.clientHeight];
    if (!this.theme || width < 20 || height < 20) return null;
    return { context: sized(this.canvas, width, height), width, height };
  }

  // Image k of a part of uint8 images (n, h, w, c) into a box.
  picture(context, { values, h, w, c }, k, x, y, width, height = width) {
    pourImage(this.small, values.subarray(k * h * w * c, (k + 1) * h * w * c), h, w, c);
    context.drawImage(this.small, x, y, width, height);
  }

  dispose() {
    this.observer.disconnect();
  }
}

// One uint8 image (h, w, c), grey or RGB, onto a canvas of its own size.
export function pourImage(canvas, pixels, h, w, c) {
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const context = canvas.getContext("2d");
  const image = context.createImageData(w, h);
  for (let i = 0; i < w * h; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = pixels[i * c + (c === 3 ? k : 0)];
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
