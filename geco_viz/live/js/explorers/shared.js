// What the explorers' panels share: charts with equal units, marks of beta, a status line without steps.

import { patched, polyline, short } from "../canvas.js";
import { Chart } from "../chart.js";
import { FONT } from "../palette.js";
import { minus } from "../pieces.js";
import { StatusLine } from "../status.js";

// A plane with the same unit both ways, at least [-reach, reach] each way.
export class SquareChart extends Chart {
  bounds() {
    const { width, height } = this.area;
    const reach = this.spec.reach;
    const [across, up] = [Math.max(1, width / height), Math.max(1, height / width)];
    const middle = this.spec.middle ?? 0;
    return {
      x: { low: middle - reach * across, high: middle + reach * across, pad: 0 },
      y: { low: middle - reach * up, high: middle + reach * up, pad: 0 },
    };
  }

  measure() {
    super.measure();
    if (this.zoomed) return;
    const { x, y } = this.bounds();
    this.ranges = { x: [x.low, x.high], y: [y.low, y.high] };
  }

  resize() {
    const before = `${this.width} ${this.height}`;
    super.resize();
    if (this.ready && before !== `${this.width} ${this.height}` && !this.zoomed) this.release();
  }
}

// Values over beta on a log axis, with the present beta and the sharpest bends of u.
export class BetaChart extends Chart {
  constructor(host, store, spec) {
    super(host, store, { x: { title: "β (data units²)", log: true }, ...spec });
    this.ranges.x = [-3.7, -0.7];
  }

  get beta() {
    return this.store.state?.beta ?? NaN;
  }

  marks(context, { x }) {
    const { top, height } = this.area;
    const { theme } = this;
    // Labels stand left of their lines, the rightmost on top: what curves do there, they do below.
    let next = Infinity;
    let row = 0;
    context.font = `12px ${FONT}`;
    context.textAlign = "right";
    for (const bend of [...(this.store.curve?.bends ?? [])].sort((p, q) => q - p)) {
      const at = x(bend);
      row = next - at < 52 ? row + 1 : 0;
      next = at;
      polyline(context, 2, () => at, (i) => top + i * height, { colour: theme.ghost, width: 1.2 });
      patched(context, short(bend), at - 5, top + 10 + 17 * row, theme, theme.muted);
    }
    context.textAlign = "left";
    if (Number.isFinite(this.beta)) {
      const at = x(this.beta);
      polyline(context, 2, () => at, (i) => top + i * height, { colour: theme.accent, width: 2, dash: [5, 4] });
    }
  }
}

export class ExplorerStatus extends StatusLine {
  constructor(host, store) {
    super(host, store, "");
  }

  draw() {
    super.draw();
    this.say(this.pace, "");
  }
}

// What no posterior covers: dark and hatched, so that it is told from a dark page.
/** @param {CanvasRenderingContext2D} context @param {any} theme @param {number[]} square left, top, side */
export function holeGround(context, theme, square) {
  const [left, top, side] = square;
  context.save();
  context.beginPath();
  context.rect(left, top, side, side);
  context.clip();
  context.fillStyle = theme.hole;
  context.fill();
  context.beginPath();
  for (let v = -side; v < side; v += 9) {
    context.moveTo(left + v, top + side);
    context.lineTo(left + v + side, top);
  }
  context.strokeStyle = theme.ghost;
  context.globalAlpha = 0.7;
  context.lineWidth = 1.2;
  context.stroke();
  context.restore();
}

// Numbers and names of latent space around a square [left, top, side] of a canvas.
/** @param {CanvasRenderingContext2D} context @param {any} theme @param {number[]} square left, top, side */
export function latentAxes(context, theme, square, ticks, at) {
  const [left, top, side] = square;
  context.fillStyle = theme.muted;
  context.font = `12.5px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const v of ticks) context.fillText(minus(v), left + at(v), top + side + 5);
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const v of ticks) context.fillText(minus(v), left - 5, top + side - at(v));
  context.font = `13.5px ${FONT}`;
  context.textAlign = "center";
  context.fillText("z₁", left + side / 2, top + side + 27);
  context.save();
  context.translate(left - 36, top + side / 2);
  context.rotate(-Math.PI / 2);
  context.fillText("z₂", 0, 0);
  context.restore();
  context.textAlign = "left";
}

export function dot(context, x, y, radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}
