// The information plane: KL against reconstruction error, the limit R(D) and what lies below it.

import { diamond, escaped, patched, polyline, ring, short, spread, take, trail } from "./canvas.js";
import { Chart, HOVER_POINTS } from "./chart.js";
import { colouredTrace } from "./export.js";
import { ghostNames } from "./ghosts.js";
import { FONT } from "./palette.js";
import { PACE } from "./status.js";
import { quantile } from "./store.js";

export class Plane extends Chart {
  constructor(host, store) {
    super(host, store, {
      name: "information plane",
      x: { title: "reconstruction error (RMS pixel)" },
      y: { title: "KL (nats)" },
    });
  }

  bounds() {
    const { store } = this;
    const error = store.columns["err/re"] ?? new Float32Array();
    const kl = store.columns.kl ?? new Float32Array();
    const reach = reachOf(store.limit);
    // Earlier runs never set the axes, but where there is no present one: a sweep's trails.
    const ghosts = store.n ? [] : store.ghosts.flatMap(({ rows }) => rows.slice(-1));
    // Early on the KL can be a thousand times what it settles to: a quantile, never the maximum, sets the axis.
    const across = [
      quantile(error, store.n, 0.9),
      store.now["err/re"],
      1.7 * store.kappa("re"),
      1.1 * (reach || NaN),
      ...ghosts.map(([, e]) => e),
    ];
    const up = [
      quantile(kl, store.n, 0.85),
      1.25 * store.now.kl,
      1.35 * (store.limit.rate[0] ?? NaN), // R falls: its first value is the largest
      ...store.evaluations.slice(-1).map(([, , value]) => 1.2 * value),
      ...ghosts.map(([, , value]) => 1.1 * value),
    ];
    const top = (values) => {
      const known = values.filter(Number.isFinite);
      return known.length ? Math.max(...known, 1e-3) : NaN; // NaN leaves the axis as it is
    };
    return {
      x: { low: 0, high: top(across), fixedLow: true, pad: 0.06 },
      y: { low: 0, high: top(up), fixedLow: true, pad: 0.06 },
    };
  }

  resting() {
    const { limit, ghosts } = this.store;
    const { theme } = this;
    /** @type {any[]} */
    const traces = ghosts.map(({ name, rows }) => ({
      type: "scatter",
      mode: "lines",
      x: rows.map((row) => row[1]),
      y: rows.map((row) => row[2]),
      line: { color: theme.ghost, width: 1.4 },
      hovertemplate: `${escaped(name)}<br>error %{x:.4f} RMS pixel<br>KL %{y:.3f} nats<extra></extra>`,
    }));
    if (!limit.kappa.length) return traces;
    // R falls in kappa, so its first known value bounds everything to the left of it too.
    const x = [0, ...limit.kappa];
    const y = [limit.rate[0], ...limit.rate];
    traces.unshift({
      type: "scatter",
      mode: "lines",
      x,
      y,
      fill: "tozeroy",
      fillcolor: theme.shade,
      line: { color: theme.accent, width: 2.5 },
      hovertemplate:
        `limit R(D)${limit.note && `, ${escaped(limit.note)}`}<br>error %{x:.4f} RMS pixel<br>` +
        "at least %{y:.3f} nats<extra></extra>",
    });
    return traces;
  }

  annotations() {
    return this.impossible();
  }

  impossible() {
    const { limit } = this.store;
    const reach = reachOf(limit);
    if (!reach) return [];
    const [x0, x1] = this.ranges.x;
    const [y0, y1] = this.ranges.y;
    const { width, height } = this.area;
    const kappa = this.store.kappa("re");
    for (const text of limit.subset ? ["impossible"] : ["impossible: below R(D)", "impossible"]) {
      const half = (text.length * 7 * (x1 - x0)) / width / 2; // of the text, in data units
      // Beside kappa's line, where the curve leaves room for the words; without kappa at the left.
      const spots = Number.isFinite(kappa) ? [kappa + half * 1.15, kappa - half * 1.15] : [x0 + half * 1.1];
      const x = spots.find(
        (spot) =>
          spot - half > Math.max(x0, 0) &&
          spot + half < x1 &&
          (rateAt(limit, spot + half) - y0) / (y1 - y0) > 24 / height,
      );
      if (x === undefined) continue;
      const y = y0 + 13 * ((y1 - y0) / height);
      const font = { color: this.theme.accent, size: 13 };
      return [{ x, y, text, showarrow: false, font, yanchor: "middle" }];
    }
    return [];
  }

  hover() {
    const { columns, n } = this.store;
    const picked = columns.kl && columns["err/re"] ? spread(n, HOVER_POINTS) : [];
    return [
      {
        x: take(columns["err/re"], picked),
        y: take(columns.kl, picked),
        customdata: take(columns.step, picked),
        hovertemplate:
          "step %{customdata:,}<br>error %{x:.4f} RMS pixel<br>KL %{y:.3f} nats (one batch)<extra></extra>",
      },
    ];
  }

  sketch(context, scales) {
    const { store, theme } = this;
    const { columns, now } = store;
    const { left, top, width, height } = this.area;
    const kappa = store.kappa("re");
    const at = scales.x(kappa);
    if (Number.isFinite(at))
      polyline(context, 2, () => at, (i) => top + i * height, { colour: theme.accent, width: 2, dash: [5, 4] });
    this.cap(context, scales);
    if (columns.kl && columns["err/re"]) trail(context, store, columns["err/re"], columns.kl, scales, theme);
    const checked = store.evaluations.at(-1);
    this.subset(context, scales);
    this.tangent(context, scales);
    ghostNames(context, scales, this);
    if (checked) diamond(context, scales.x(checked[1]), scales.y(checked[2]), theme);
    if (Number.isFinite(now.kl)) ring(context, scales.x(now["err/re"]), scales.y(now.kl), theme);
    if (Number.isFinite(at)) {
      context.font = `600 13px ${FONT}`;
      const text = `κ = ${short(kappa)}`;
      const wide = context.measureText(text).width + 7;
      patched(context, text, at + wide > left + width ? at - wide : at + 7, top + 11, theme, theme.accent);
    }
    // Below kappa's name where the two would meet.
    this.legend(context, Boolean(checked), at + context.measureText("κ = 0.0000").width + 14);
  }

  // C, where it is the rate that is held.
  cap(context, { y }) {
    const { left, top, width, height } = this.area;
    const most = this.store.kappa("rate");
    const at = y(most);
    if (!(at > top && at < top + height)) return;
    polyline(context, 2, (i) => left + i * width, () => at, { colour: this.theme.accent, width: 2, dash: [5, 4] });
    context.font = `600 13px ${FONT}`;
    const text = `C = ${short(most)} nats`;
    patched(context, text, left + width - context.measureText(text).width - 4, at > top + 24 ? at - 11 : at + 12, this.theme, this.theme.accent);
  }

  // Of a subset the limit is a loose bound: said where its curve ends.
  subset(context, { x, y }) {
    const { limit } = this.store;
    if (!limit.subset) return;
    const { left, top, width, height } = this.area;
    const text = `R(D) of ${PACE.format(limit.subset)} data: loose`;
    context.font = `12px ${FONT}`;
    const at = Math.min(x(reachOf(limit)) + 6, left + width - context.measureText(text).width - 4);
    // Where it must stand over the curve, above it.
    const over = y(rateAt(limit, (at - x(0)) / (x(1) - x(0))));
    patched(context, text, at, Math.min(top + height, over) - 11, this.theme, this.theme.accent);
  }

  // lambda as a slope, dKL/derr = -2 lambda/err, through the present point: along R(D) once the run has converged.
  tangent(context, scales) {
    const slope = this.slope();
    if (!Number.isFinite(slope)) return;
    const { now } = this.store;
    const [x, y] = [scales.x(now["err/re"]), scales.y(now.kl)];
    const [dx, dy] = [scales.x(1) - scales.x(0), slope * (scales.y(1) - scales.y(0))];
    const [a, b] = [dx, dy].map((v) => (44 * v) / Math.hypot(dx, dy));
    for (const [colour, width] of [[this.theme.paper, 4.5], [this.theme.text, 2]])
      polyline(context, 2, (i) => x + (2 * i - 1) * a, (i) => y + (2 * i - 1) * b, { colour, width });
  }

  // NaN unless RE is the one constraint: else R(D) is not the curve that lambda is the slope of.
  slope() {
    const { now, setup } = this.store;
    const alone = setup.constraints.length === 1 && setup.constraints[0].name === "re";
    return alone ? (-2 * now["multiplier/re"]) / now["err/re"] : NaN;
  }

  legend(context, checked, taken) {
    const { left, top, width } = this.area;
    /** @type {[Function, string, string][]} */
    const marks = [[ring, "now, mean of 50 steps", "now"]];
    if (checked) marks.push([diamond, "evaluation, averaged weights", "evaluation"]);
    if (Number.isFinite(this.slope())) marks.push([bar, "slope −λ: along R(D) at rest", "slope −λ"]);
    context.font = `12px ${FONT}`;
    context.textBaseline = "middle";
    const room = (texts) => Math.max(...texts.map((text) => context.measureText(text).width)) + 22;
    const long = room(marks.map(([, text]) => text)) < 0.5 * width;
    const entries = marks.map(([mark, text, brief]) => ({ mark, text: long ? text : brief }));
    const wide = room(entries.map(({ text }) => text));
    entries.forEach(({ mark, text }, i) => {
      const y = top + (left + width - wide < taken ? 32 : 12) + 19 * i;
      const x = left + width - wide;
      patched(context, text, x + 18, y, this.theme, this.theme.muted);
      mark(context, x + 6, y, this.theme, 0.72);
    });
  }

  live() {
    const { store, theme } = this;
    const { columns, now } = store;
    const kappa = store.kappa("re");
    const lines = [];
    // A dashed line across the plot, and its name where it ends.
    const bound = (line, note, text) => ({
      shape: { type: "line", ...line, line: { color: theme.accent, width: 2, dash: "dash" } },
      note: { ...note, showarrow: false, text, font: { color: theme.accent } },
    });
    if (columns.kl && columns["err/re"])
      lines.push({ trace: colouredTrace(this, columns["err/re"], columns.kl, { name: "run" }) });
    for (const { name, rows } of store.ghosts.filter((ghost) => ghost.rows.length)) {
      const [, error, kl] = rows.at(-1);
      const font = { color: theme.muted, size: 12 };
      lines.push({ note: { x: error, y: kl, text: escaped(name), showarrow: false, xanchor: "left", yshift: 9, font } });
    }
    const mark = (x, y, symbol, name) => ({
      trace: {
        type: "scatter", mode: "markers", x: [x], y: [y], name,
        marker: { symbol, size: 14, color: theme.text, line: { width: 2, color: theme.text } },
      },
    });
    if (Number.isFinite(now.kl)) lines.push(mark(now["err/re"], now.kl, "circle-open", "now"));
    const checked = store.evaluations.at(-1);
    if (checked) lines.push(mark(checked[1], checked[2], "diamond-open", "evaluation"));
    if (Number.isFinite(kappa))
      lines.push(
        bound(
          { x0: kappa, x1: kappa, yref: "paper", y0: 0, y1: 1 },
          { x: kappa, yref: "paper", y: 1, yanchor: "top", xanchor: "left" },
          `κ = ${short(kappa)}`,
        ),
      );
    const most = store.kappa("rate");
    if (Number.isFinite(most))
      lines.push(
        bound(
          { y0: most, y1: most, xref: "paper", x0: 0, x1: 1 },
          { y: most, xref: "paper", x: 1, yanchor: "bottom", xanchor: "right" },
          `C = ${short(most)} nats`,
        ),
      );
    return lines;
  }
}

function bar(context, x, y, theme) {
  polyline(context, 2, (i) => x - 8 + 16 * i, (i) => y - 4 + 8 * i, { colour: theme.text, width: 2 });
}

// The error from which on the limit is zero.
export function reachOf({ kappa, rate }) {
  const at = rate.findIndex((value) => value <= 1e-6);
  return kappa.length ? kappa[at < 0 ? kappa.length - 1 : at] : 0;
}

export function rateAt({ kappa, rate }, x) {
  const at = kappa.findIndex((value) => value >= x);
  if (at < 0) return 0;
  if (at === 0) return rate[0];
  const share = (x - kappa[at - 1]) / (kappa[at] - kappa[at - 1]);
  return rate[at - 1] + share * (rate[at] - rate[at - 1]);
}
