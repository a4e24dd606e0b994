// Error against kappa, and the multipliers with beta: curves over the step, log y.

import { escaped, NAME_FONT, patched, polyline, short, spread, take, trail } from "./canvas.js";
import { Chart, HOVER_POINTS } from "./chart.js";
import { colouredTrace } from "./export.js";
import { FONT } from "./palette.js";
import { quantile } from "./store.js";

const WRITTEN = { pncc: "pNCC", rate: "KL" };
const written = (name) => WRITTEN[name] ?? name.toUpperCase();
const boundOf = (name, several) => (name === "rate" ? "C" : several ? `κ ${written(name)}` : "κ");

class Curves extends Chart {
  /** @returns {any[]} the curves: values with label, hover text, colour, dash */
  lines() {
    return [];
  }

  layout() {
    this.margin.r = this.roomForNames();
    const layout = super.layout();
    // All values of the step that is pointed at.
    const xaxis = { ...layout.xaxis, unifiedhovertitle: { text: "step %{x:,}" } };
    const hoverlabel = { ...layout.hoverlabel, font: { ...layout.hoverlabel.font, size: 12 } };
    return { ...layout, xaxis, hoverlabel, hovermode: "x unified" };
  }

  draw() {
    if (this.ready && this.roomForNames() !== this.margin.r) this.refresh();
    super.draw();
  }

  // What the names at the right end of the lines need; the last label of the axis below half of itself.
  roomForNames() {
    const context = this.canvas.getContext("2d");
    context.font = NAME_FONT;
    const widths = this.lines().map(({ label }) => context.measureText(label ?? "").width);
    return Math.ceil(Math.max(16, ...widths) + 10);
  }

  bounds() {
    const { store } = this;
    if (!store.n) return {};
    // Grown by a quarter when it is full: a new range at every frame would cost a new layout at every frame.
    const x = { low: 0, high: Math.max(50, 1.01 * store.lastStep), fixedLow: true, pad: 0, grow: 0.25 };
    let [low, high] = [Infinity, -Infinity];
    for (const { values } of this.lines()) {
      low = Math.min(low, ...[quantile(values, store.n, this.spec.tail)].filter((v) => v > 0));
      high = Math.max(high, ...[quantile(values, store.n, 1 - this.spec.tail), values[store.n - 1]].filter((v) => v > 0));
    }
    if (!(high > 0 && low < Infinity)) return { x };
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const middle = (a + b) / 2;
    const half = Math.max((b - a) / 2, 0.2); // a flat line gets a decade's fifth above and below, not a microscope
    return { x, y: { low: middle - half, high: middle + half } };
  }

  hover() {
    const { columns, n } = this.store;
    const picked = spread(n, HOVER_POINTS);
    return this.lines().map(({ values, hover }) => ({
      x: take(columns.step, picked),
      y: take(values, picked),
      hovertemplate: `${escaped(hover)}<extra></extra>`,
    }));
  }

  sketch(context, scales) {
    const { store, theme } = this;
    const { columns, n } = store;
    if (!n) return [];
    const step = columns.step;
    const labels = [];
    const lines = this.lines();
    if (!lines.length) this.say(context, "this objective has neither λ nor β");
    for (const line of lines) {
      const { values, label, coloured, dash, colour, steps, now } = line;
      if (coloured) trail(context, store, step, values, scales, theme, { radius: 2 });
      else
        polyline(context, n, (i) => scales.x(step[i]), (i) => scales.y(values[i]), { colour, dash, steps, width: 1.8 });
      if (label) labels.push({ text: label, y: scales.y(now ?? values[n - 1]), colour: colour ?? theme.text });
    }
    return labels;
  }

  say(context, text) {
    const { left, top, width, height } = this.area;
    context.font = `13px ${FONT}`;
    context.textAlign = "center";
    patched(context, text, left + width / 2, top + height / 2, this.theme, this.theme.muted);
    context.textAlign = "left";
  }

  live() {
    const { columns, n } = this.store;
    const all = Array.from({ length: n }, (_, i) => i);
    return this.lines().map(({ values, label, hover, coloured, dash, colour, steps }, i) => {
      const name = label || hover;
      const note = n && {
        x: columns.step[n - 1], y: Math.log10(values[n - 1]), text: escaped(label ?? ""),
        showarrow: false, xanchor: "left", font: { color: colour ?? this.theme.text },
      };
      const trace = coloured
        ? colouredTrace(this, columns.step, values, { name, bar: i === 0 })
        : {
            type: "scatter", mode: "lines", name,
            x: take(columns.step, all), y: take(values, all),
            line: { color: colour, width: 2, dash: dash.length ? "dash" : "solid", shape: steps ? "hv" : "linear" },
          };
      return { trace, note: note && Number.isFinite(note.y) ? [note] : [] };
    });
  }
}

export class Errors extends Curves {
  constructor(host, store) {
    super(host, store, {
      name: "error against kappa",
      x: { title: "step", step: true },
      y: { log: true },
      tail: 0.005, // single batches may miss by far; the axis need not
    });
  }

  yTitle() {
    const { constraints } = this.store.setup;
    const others = this.store.named("err/").length > 1;
    return `error (${others ? "units of κ" : (constraints[0]?.unit ?? "RMS pixel")})`;
  }

  lines() {
    const { store, theme } = this;
    const names = store.named("err/");
    const several = names.length > 1;
    /** @type {any[]} */
    const lines = names.map((name) => ({
      values: store.columns[`err/${name}`],
      label: several ? written(name) : "",
      now: store.now[`err/${name}`],
      hover: `${written(name)}${name === "rate" ? "" : " error"} %{y:.4f} ${unitOf(store, name)}`,
      coloured: true,
    }));
    for (const name of store.named("kappa/")) {
      lines.push({
        values: store.columns[`kappa/${name}`],
        label: boundOf(name, several),
        hover: `${name === "rate" ? "C" : `κ of ${written(name)}`} %{y:.4f} ${unitOf(store, name)}`,
        colour: theme.accent,
        dash: [5, 4],
        steps: true,
      });
    }
    return lines;
  }
}

export class Multipliers extends Curves {
  constructor(host, store) {
    super(host, store, {
      name: "beta and lambda",
      x: { title: "step", step: true },
      y: { log: true },
      tail: 0, // λ's first swing is the lesson
    });
  }

  yTitle() {
    const { constraints } = this.store.setup;
    const rate = constraints.some(({ name }) => name === "rate");
    const parts = constraints.length ? [rate ? "λ" : "λ (nats)"] : [];
    if (this.known || !constraints.length) parts.push("β (pixel²)");
    return parts.join(", ");
  }

  get known() {
    const { columns, n } = this.store;
    return Number.isFinite(columns.beta?.[n - 1]);
  }

  // Where reconstruction points of the data merge as beta rises: thin lines, so that beta's curve stays the picture.
  sketch(context, scales) {
    const lines = this.known ? this.critical(context, scales) : [];
    const labels = super.sketch(context, scales);
    this.nameCritical(context, lines, this.crowd(scales)); // last: λ's first swing passes where the names stand
    return labels;
  }

  critical(context, scales) {
    const { left, top, width, height } = this.area;
    const inSight = this.store.limit.critical
      .map(([beta, before, after]) => ({ beta, before, after, y: scales.y(beta) }))
      .filter(({ y }) => y > top && y < top + height);
    for (const { y } of inSight)
      polyline(context, 2, (i) => left + i * width, () => y, { colour: this.theme.ghost, width: 1 });
    return inSight;
  }

  // Where the curves are, so that a name can stand elsewhere.
  crowd(scales) {
    const { columns, n } = this.store;
    const picked = spread(n, 200);
    return this.lines().flatMap(({ values }) => picked.map((i) => [scales.x(columns.step[i]), scales.y(values[i])]));
  }

  // Lines too near each other for a name each share one, above the highest or below the lowest.
  nameCritical(context, inSight, crowd) {
    const { theme } = this;
    context.font = `12px ${FONT}`;
    const groups = [];
    for (const line of inSight) {
      const last = groups.at(-1);
      if (last && last.at(-1).y - line.y < 16) last.push(line);
      else groups.push([line]);
    }
    for (const lines of groups) {
      const [low, high] = [lines[0], lines.at(-1)];
      const range = low === high ? short(low.beta) : `${short(low.beta)} to ${short(high.beta)}`;
      const wordings = [`βc ${range}: ${low.before} → ${high.after}`, `βc ${range}`, "βc"];
      const best = wordings
        .map((text) => this.freest(text, context.measureText(text).width, [low.y + 12, high.y - 12], crowd))
        .reduce((a, b) => (b && (!a || b.hidden < a.hidden) ? b : a));
      if (best) patched(context, best.text, best.x, best.y, theme, theme.muted);
    }
  }

  // Where at these heights a text hides the fewest points; null where it has no room.
  freest(text, wide, heights, crowd) {
    const { left, top, width, height } = this.area;
    const across = [34, 6, (width - wide) / 2, width - wide - 6].filter((v) => v > 0 && v + wide < width - 4);
    const spots = heights
      .filter((y) => y > top + 8 && y < top + height - 8)
      .flatMap((y) => across.map((v) => ({ text, x: left + v, y })));
    for (const spot of spots)
      spot.hidden = crowd.filter(
        ([a, b]) => a > spot.x - 4 && a < spot.x + wide + 4 && Math.abs(b - spot.y) < 10,
      ).length;
    return spots.sort((a, b) => a.hidden - b.hidden)[0] ?? null;
  }

  lines() {
    const { store, theme } = this;
    const beta = store.columns.beta;
    const lines = [];
    const { known } = this;
    if (known)
      lines.push({ values: beta, label: "β", hover: "β = d κ²/2λ = %{y:.4g} pixel²", coloured: true });
    const several = store.setup.constraints.length > 1;
    store.named("multiplier/").forEach((name, i) => {
      const active = store.setup.constraints.some((constraint) => constraint.name === name);
      lines.push({
        values: store.columns[`multiplier/${name}`],
        label: !active ? "" : several ? `λ ${written(name)}` : "λ", // of one that has gone its past is left
        hover: `λ ${name === "rate" ? "of the rate %{y:.4g}" : `${written(name)} %{y:.4g} nats`}`,
        colour: theme.muted,
        dash: [[7, 5], [2, 3], [9, 3, 2, 3]][i % 3],
        // Without beta the multiplier itself carries the iteration colours.
        coloured: !known && i === 0,
      });
    });
    return lines;
  }
}

const unitOf = (store, name) => store.setup.constraints.find((c) => c.name === name)?.unit ?? "";
