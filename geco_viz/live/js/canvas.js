// Drawing on canvases: sharp at any resolution, trails coloured by iteration, lines and labels.

import { FONT } from "./palette.js";
import { SHADES } from "./theme.js";

export const NAME_FONT = `600 13px ${FONT}`; // of the names at the right end of lines

// A canvas of this size in CSS pixels, cleared, at the screen's resolution.
export function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// A line faintly, and its points coloured by iteration; runs of one shade are filled together.
export function trail(context, store, xs, ys, { x, y }, theme, { radius = 2.2, line = 0.35 } = {}) {
  const n = store.n;
  const last = store.lastStep || 1;
  const step = store.columns.step;
  const far = 1e5;
  const put = (v) => Math.max(-far, Math.min(far, v));
  if (line) {
    context.beginPath();
    let pen = false;
    for (let i = 0; i < n; i++) {
      const [px, py] = [x(xs[i]), y(ys[i])];
      if (Number.isFinite(px) && Number.isFinite(py)) {
        if (pen) context.lineTo(put(px), put(py));
        else context.moveTo(put(px), put(py));
        pen = true;
      } else pen = false;
    }
    context.globalAlpha = line;
    context.strokeStyle = theme.ghost;
    context.lineWidth = 1;
    context.stroke();
    context.globalAlpha = 1;
  }
  let shade = -1;
  const flush = () => {
    if (shade < 0) return;
    context.fillStyle = theme.shades[shade];
    context.fill();
  };
  for (let i = 0; i < n; i++) {
    const [px, py] = [x(xs[i]), y(ys[i])];
    if (!(Math.abs(px) < 4000 && Math.abs(py) < 4000)) continue;
    const own = Math.min(SHADES - 1, Math.floor((step[i] / last) * SHADES));
    if (own !== shade) {
      flush();
      context.beginPath();
      shade = own;
    }
    context.moveTo(px + radius, py);
    context.arc(px, py, radius, 0, 2 * Math.PI);
  }
  flush();
}

// Text on a patch of the panel's own colour, so that points behind it do not make it unreadable.
export function patched(context, text, x, y, theme, colour) {
  const { actualBoundingBoxLeft: before, width } = context.measureText(text);
  context.globalAlpha = 0.8;
  context.fillStyle = theme.paper;
  context.fillRect(x - before - 3, y - 9, width + 6, 18);
  context.globalAlpha = 1;
  context.fillStyle = colour;
  context.textBaseline = "middle";
  context.fillText(text, x, y);
}

export function polyline(context, n, xAt, yAt, { colour, width = 1.6, dash = [], steps = false }) {
  context.beginPath();
  let previous = NaN;
  for (let i = 0; i < n; i++) {
    const [px, py] = [xAt(i), yAt(i)];
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      previous = NaN;
      continue;
    }
    if (Number.isNaN(previous)) context.moveTo(px, py);
    else {
      if (steps) context.lineTo(px, previous);
      context.lineTo(px, py);
    }
    previous = py;
  }
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

// At most `count` evenly spread indices of 0..n-1, the last one among them.
export function spread(n, count) {
  const stride = Math.max(1, Math.ceil(n / count));
  const picked = [];
  for (let i = n - 1; i >= 0; i -= stride) picked.push(i);
  return picked.reverse();
}

export const take = (column, indices) => indices.map((i) => column?.[i] ?? NaN);

// One, two and three standard deviations of a normal prior about a place on the canvas.
/** @param {CanvasRenderingContext2D} context @param {number[]} centre */
export function priorCircles(context, [x, y], scale, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.1;
  context.setLineDash([4, 3]);
  for (const radius of [1, 2, 3]) {
    context.beginPath();
    context.arc(x, y, radius * scale, 0, 2 * Math.PI);
    context.stroke();
  }
  context.setLineDash([]);
}

// A cross with an open middle: where a probe is.
/** @param {CanvasRenderingContext2D} context @param {number[]} place */
export function crosshair(context, [x, y], theme) {
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + 4 * dx, y + 4 * dy);
    context.lineTo(x + 11 * dx, y + 11 * dy);
  }
  outlined(context, theme, 1);
}

export function ring(context, x, y, theme, scale = 1) {
  context.beginPath();
  context.arc(x, y, 7.5 * scale, 0, 2 * Math.PI);
  outlined(context, theme, scale);
}

export function diamond(context, x, y, theme, scale = 1) {
  const r = 8.5 * scale;
  context.beginPath();
  context.moveTo(x, y - r);
  context.lineTo(x + r, y);
  context.lineTo(x, y + r);
  context.lineTo(x - r, y);
  context.closePath();
  outlined(context, theme, scale);
}

// A halo first, so that the mark reads on any colour of points.
export function outlined(context, theme, scale) {
  context.lineWidth = 4.5 * scale;
  context.strokeStyle = theme.paper;
  context.stroke();
  context.lineWidth = 2.2 * scale;
  context.strokeStyle = theme.text;
  context.stroke();
}

// Names at the right end of lines, moved apart where they would touch.
export function endLabels(context, { left, top, width, height }, labels) {
  const [first, last] = [top + 7, top + height - 7];
  const shown = labels
    .filter(({ y }) => y > top - 4 && y < top + height + 4)
    .map((label) => ({ ...label, y: Math.min(Math.max(label.y, first), last) }))
    .sort((a, b) => a.y - b.y);
  for (const [i, label] of shown.entries()) label.y = Math.max(label.y, i ? shown[i - 1].y + 15 : first);
  // What that pushed over the lower end goes back up.
  for (let i = shown.length - 1, most = last; i >= 0; i--, most = shown[i + 1].y - 15)
    shown[i].y = Math.min(shown[i].y, most);
  context.font = NAME_FONT;
  context.textBaseline = "middle";
  for (const { text, y, colour } of shown) {
    context.fillStyle = colour;
    context.fillText(text, left + width + 5, y);
  }
}

export const short = (value) => Number(value.toPrecision(3)).toString();

// Plotly reads tags in its texts.
export const escaped = (text) =>
  String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
