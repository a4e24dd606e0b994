// A chart: Plotly draws axes, grid, zoom and what rests; a canvas over its plot area draws what moves.

import { padded, roomFor } from "./axes.js";
import { endLabels, sized } from "./canvas.js";
import { exportChart } from "./export.js";
import { FONT } from "./palette.js";
import { axesOf, layCanvas } from "./plotly.js";

const MARGIN = { l: 60, r: 14, t: 8, b: 44 };
export const HOVER_POINTS = 400;
const HOVER_PERIOD = 1000; // ms between updates of the invisible points that carry hover texts

export class Chart {
  // spec: { name, x, y: { title, log }, margin }
  /**
   * @param {HTMLElement} host
   * @param {import("./store.js").Store & Record<string, any>} store an explorer's has parts of its own
   * @param {any} spec
   */
  constructor(host, store, spec) {
    this.host = host;
    this.store = store;
    this.spec = spec;
    this.margin = { ...MARGIN, ...spec.margin };
    this.ranges = { x: spec.x.step ? [0, 50] : [0, 0.25], y: spec.y.log ? [-2, 0] : [0, 6] };
    this.zoomed = false;
    this.pointer = null; // where it hovers
    this.hoverDue = 0;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "gv-live";
    this.canvas.setAttribute("aria-hidden", "true");
    this.plot = /** @type {any} */ (document.createElement("div")); // Plotly adds its own to it
    this.plot.className = "gv-plotly";
    host.append(this.plot);
  }

  async mount(Plotly, theme) {
    this.Plotly = Plotly;
    this.theme = theme;
    this.measure();
    await Plotly.newPlot(this.plot, this.traces(), this.layout(), this.config());
    if (!this.plot) return; // removed meanwhile
    layCanvas(this.plot, this.canvas);
    this.plot.on("plotly_relayout", (edit) => this.onRelayout(edit));
    this.plot.on("plotly_relayouting", () => this.paint());
    this.plot.on("plotly_doubleclick", () => this.release());
    this.plot.on("plotly_afterplot", () => {
      this.paint();
      this.rehover();
    });
    this.watchPointer();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.host);
    this.ready = true;
    this.refresh();
    this.draw();
  }

  watchPointer() {
    this.listening = new AbortController();
    const { signal } = this.listening;
    this.host.addEventListener("pointermove", (event) => (this.pointer = [event.clientX, event.clientY]), { signal });
    this.host.addEventListener("pointerleave", () => (this.pointer = null), { signal });
    // A new layout in the middle of a drag would end it: what comes meanwhile waits.
    this.host.addEventListener("pointerdown", () => (this.held = true), { signal, capture: true });
    const release = () => {
      if (this.held) requestAnimationFrame(() => this.missed && this.refresh());
      this.held = false;
    };
    addEventListener("pointerup", release, { signal, capture: true });
    addEventListener("pointercancel", release, { signal, capture: true });
  }

  // A new layout takes the values under a resting pointer away, and a run brings one every second.
  rehover() {
    if (!this.pointer || this.held) return;
    const { left, top, width, height } = this.area;
    const box = this.host.getBoundingClientRect();
    const [xpx, ypx] = [this.pointer[0] - box.left - left, this.pointer[1] - box.top - top];
    if (xpx > 0 && xpx < width && ypx > 0 && ypx < height) this.Plotly.Fx.hover(this.plot, { xpx, ypx }, "xy");
  }

  measure() {
    this.width = Math.max(120, this.host.clientWidth);
    this.height = Math.max(120, this.host.clientHeight);
  }

  resize() {
    const { width, height } = this;
    this.measure();
    if (!this.ready || (width === this.width && height === this.height)) return;
    const size = { width: this.width, height: this.height };
    this.Plotly.relayout(this.plot, { ...size, annotations: this.annotations() });
  }

  axis(which) {
    const { title, log, step } = this.spec[which];
    return {
      title: { text: which === "y" ? this.yTitle() : title, font: { size: 14, color: this.theme.muted }, standoff: 8 },
      type: log ? "log" : "linear",
      range: [...this.ranges[which]],
      gridcolor: this.theme.grid,
      linecolor: this.theme.grid,
      zeroline: false,
      tickfont: { size: 13, color: this.theme.muted },
      tickangle: 0,
      ...(log ? this.logTicks(which) : { nticks: 6 }),
      ...(step ? { nticks: Math.max(2, Math.min(5, Math.round(this.area.width / 45))), tickformat: "~s" } : {}),
    };
  }

  // Whole decades where there are several; else 1, 2 and 5 in each; every digit where that would leave one or two.
  // Small values as 1e-4: written out they would run into the title.
  logTicks(which) {
    const [low, high] = this.ranges[which];
    if (high - low > 2.5) return { dtick: Math.ceil((high - low) / 5), tickformat: "", exponentformat: "e" };
    return { dtick: high - low > 0.65 ? "D2" : "D1", tickformat: low < -3 ? "~e" : "~g" };
  }

  layout() {
    const { theme, width, height, margin } = this;
    return {
      width,
      height,
      margin: { ...margin, pad: 0 },
      autosize: false,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: FONT, size: 13, color: theme.text },
      showlegend: false,
      hovermode: "closest",
      hoverdistance: -1, // the nearest, however far: a place in a chart always has a value
      dragmode: "zoom",
      hoverlabel: { bgcolor: theme.paper, bordercolor: theme.muted, font: { family: FONT, color: theme.text, size: 13 } },
      modebar: { bgcolor: theme.paper, color: theme.muted, activecolor: theme.text },
      xaxis: this.axis("x"),
      yaxis: this.axis("y"),
      annotations: this.annotations(),
      uirevision: "kept",
    };
  }

  config() {
    const { camera, disk, home } = this.Plotly.Icons;
    const save = (format, icon) => ({
      name: format,
      title: `Save as ${format.toUpperCase()}`,
      icon,
      click: () => exportChart(this, format),
    });
    const reset = {
      name: "reset",
      title: "Follow the run again",
      icon: home,
      click: () => this.release(),
    };
    return {
      displaylogo: false,
      doubleClick: false,
      modeBarButtons: [[save("png", camera), save("svg", disk)], [reset]], // few: a narrow panel has its "?" beside them; a drag zooms, with shift it pans,
    };
  }

  yTitle() {
    return this.spec.y.title;
  }

  // --- what a panel says; the defaults say nothing
  resting() {
    return [];
  }
  hover() {
    return [];
  }
  annotations() {
    return [];
  }
  bounds() {
    return {};
  }
  /**
   * @param {CanvasRenderingContext2D} _context
   * @param {{ x: (v: number) => number, y: (v: number) => number }} _scales
   * @returns {{ text: string, y: number, colour: string }[] | void} names at the right end of lines
   */
  sketch(_context, _scales) {}

  traces() {
    const points = this.hover().map((trace) => ({
      type: "scatter",
      mode: "markers",
      marker: { size: 8, opacity: 0 },
      ...trace,
    }));
    return [...this.resting(), ...points];
  }

  // Called when something that rests has changed: limit, ghosts, theme, names.
  refresh() {
    this.missed = this.held;
    if (!this.ready || this.held) return;
    this.hoverDue = performance.now() + HOVER_PERIOD;
    // Without the config: a react that brings one makes the plot anew and doubles its listeners.
    this.Plotly.react(this.plot, this.traces(), this.layout());
  }

  // A react costs tens of milliseconds, which whoever drags a slider would feel.
  annotate() {
    if (!this.ready || this.held) return;
    const annotations = this.annotations();
    const before = this.plot.layout.annotations ?? [];
    const same = (a, b) => a && b && a.text === b.text && Math.abs(a.x - b.x) < 1e-3 * Math.abs(b.x) && a.y === b.y;
    if (annotations.length === before.length && annotations.every((one, i) => same(one, before[i]))) return;
    this.Plotly.relayout(this.plot, { annotations });
  }

  restyle(theme) {
    this.theme = theme;
    this.refresh();
  }

  // Called for every frame.
  draw() {
    if (!this.ready) return;
    if (this.held) return this.paint();
    const { x, y } = this.bounds();
    const edit = {};
    if (!this.zoomed) {
      for (const [which, wish] of Object.entries({ x, y })) {
        const range = wish && roomFor(wish, this.ranges[which]);
        if (!range) continue;
        this.ranges[which] = range;
        edit[`${which}axis.range`] = [...range];
        if (this.spec[which].log) Object.assign(edit, this.ticks([which]));
      }
    }
    if (Object.keys(edit).length) this.Plotly.relayout(this.plot, { ...edit, annotations: this.annotations() });
    else if (this.pointer && performance.now() > this.hoverDue) this.refresh();
    else this.paint();
  }

  // The user's zoom names the ends of a range, `xaxis.range[0]`; our own edits name ranges whole.
  onRelayout(edit) {
    if (!Object.keys(edit).some((key) => /^[xy]axis\.range\[/.test(key))) return;
    this.zoomed = true;
    const { xaxis, yaxis } = axesOf(this.plot);
    this.ranges = { x: [...xaxis.range], y: [...yaxis.range] };
    this.Plotly.relayout(this.plot, { annotations: this.annotations(), ...this.ticks() });
  }

  // Back to following the run.
  release() {
    this.zoomed = false;
    const { x, y } = this.bounds();
    for (const [which, wish] of Object.entries({ x, y })) if (wish?.high > wish?.low) this.ranges[which] = padded(wish);
    this.Plotly.relayout(this.plot, {
      "xaxis.range": [...this.ranges.x],
      "yaxis.range": [...this.ranges.y],
      annotations: this.annotations(),
      ...this.ticks(),
    });
  }

  ticks(which = ["x", "y"].filter((name) => this.spec[name].log)) {
    const named = (name) => Object.entries(this.logTicks(name)).map(([key, value]) => [`${name}axis.${key}`, value]);
    return Object.fromEntries(which.flatMap(named));
  }

  // --- the canvas
  get area() {
    const { l, r, t, b } = this.margin;
    return { left: l, top: t, width: this.width - l - r, height: this.height - t - b };
  }

  // Data to pixels, by the axes as they are this moment (also in the middle of a drag).
  scales() {
    const { left, top, width, height } = this.area;
    const { xaxis, yaxis } = axesOf(this.plot);
    const along = (axis, start, length) => {
      const [low, high] = axis.range;
      const slope = length / (high - low);
      if (axis.type === "log") return (value) => start + (Math.log10(value) - low) * slope;
      return (value) => start + (value - low) * slope;
    };
    return { x: along(xaxis, left, width), y: along(yaxis, top + height, -height) };
  }

  paint() {
    if (!this.ready || !this.plot) return;
    const context = sized(this.canvas, this.width, this.height);
    const { left, top, width, height } = this.area;
    context.save();
    context.beginPath();
    context.rect(left - 1, top - 1, width + 2, height + 2);
    context.clip();
    const scales = this.scales();
    const labels = this.sketch(context, scales) ?? [];
    context.restore();
    endLabels(context, this.area, labels);
  }

  dispose() {
    this.observer?.disconnect();
    this.listening?.abort();
    if (this.Plotly && this.plot) this.Plotly.purge(this.plot);
    this.ready = false;
    this.plot = null;
  }
}
