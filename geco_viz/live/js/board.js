// The view: panels in a grid, frames in, acknowledgements out.

import { div, help } from "./pieces.js";
import { mustAskForPlotly, shelf, unpackPlotly } from "./plotly.js";
import { PACE } from "./status.js";
import { Store } from "./store.js";
import { currentTheme, dress, watchTheme } from "./theme.js";

// Parts of a frame that change what rests in a chart.
const RESTING = new Set(["limit", "ghosts"]);
// Each message to the kernel makes JupyterLab redraw its busy sign: one for several frames will do.
const FRAMES_PER_ACK = 4;
const SILENCE = 7000; // ms without a message: more than three heartbeats

// Columns of a grid of twelve: panels fill rows in their order, as many as stay wide enough to be read.
export function spans(weights, width) {
  const least = { 0: 0, 2: 250, 3: 310 };
  const fits = (row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return sum <= 7 && row.every((weight) => weight && (width * weight) / sum >= least[weight]);
  };
  const rows = [];
  for (const weight of weights) {
    if (rows.length && fits([...rows.at(-1), weight])) rows.at(-1).push(weight);
    else rows.push([weight]);
  }
  return rows.flatMap((row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    if (row.length === 1) return [12];
    const columns = row.map((weight) => Math.floor((12 * weight) / sum));
    columns[0] += 12 - columns.reduce((a, b) => a + b, 0);
    return columns;
  });
}

export class Board {
  /**
   * @param {import("./messages").Model} model
   * @param {HTMLElement} el
   * @param {Record<string, import("./messages").PanelSpec>} specs
   */
  constructor(model, el, specs) {
    this.model = model;
    this.specs = specs;
    this.id = crypto.randomUUID?.() ?? `view-${Math.random().toString(36).slice(2)}`;
    this.store = new Store();
    this.seq = 0;
    this.theme = currentTheme();
    this.root = div("geco-viz gv-view");
    this.root.dataset.view = this.id;
    this.panels = model.get("panels").map((name) => this.panel(name));
    this.bar();
    el.append(this.root);
    Object.assign(this.root, { gecoViz: this }); // for tests and for the curious
    this.retheme();
    this.listen();
  }

  panel(name) {
    const spec = this.specs[name];
    const section = document.createElement("section");
    section.className = `gv-panel gv-${name}`;
    section.setAttribute("aria-label", spec.title);
    const body = div("gv-body");
    const unit = div("gv-unit", spec.unit ?? "");
    if (spec.weight) {
      const heading = document.createElement("h3");
      heading.textContent = spec.title;
      const head = div("gv-head");
      const more = div("gv-more");
      more.append(unit);
      head.append(heading, help(spec.title, spec.about), more);
      section.append(head);
    }
    section.append(body);
    this.root.append(section);
    const draw = spec.make(body, this.store, (question) => this.send({ type: "probe", ...question }));
    return { name, spec, section, unit, draw, dirty: true };
  }

  // The legend of the iteration scale stands in the first chart.
  bar() {
    const first = this.panels.find(({ spec }) => spec.plotted);
    if (!first) return;
    const legend = div("gv-scale");
    legend.title = "colour of the points: training step, the same in all panels";
    this.newest = document.createElement("span");
    legend.append("step 0", div("gv-ramp"), this.newest);
    first.unit.before(legend);
  }

  listen() {
    this.onMessage = (message, buffers) => this.receive(message, buffers ?? []);
    this.model.on("msg:custom", this.onMessage);
    this.unwatch = watchTheme(() => this.retheme());
    this.sizes = new ResizeObserver(() => this.arrange());
    this.sizes.observe(this.root);
    this.watchdog = setInterval(() => this.listenForLife(), 1000);
    this.heard = performance.now();
    const plots = this.panels.some(({ spec }) => spec.plotted);
    this.send({ type: "ready", plotly: !(plots && mustAskForPlotly()) });
    if (plots) this.mountCharts();
    // Asked again where the view that asked first went away with the answer.
    if (plots)
      this.second = setInterval(() => {
        if (shelf.plotly) clearInterval(this.second);
        else if (mustAskForPlotly()) this.send({ type: "ready", plotly: false });
      }, 2000);
  }

  async mountCharts() {
    const Plotly = shelf.plotly ?? (await shelf.waiting);
    for (const { spec, draw } of this.panels) {
      if (this.gone) return;
      if (spec.plotted) await draw.mount(Plotly, this.theme);
    }
    this.root.dataset.ready = "true";
  }

  /** @param {import("./messages").Question} content */
  send(content) {
    if (!this.gone) this.model.send({ ...content, view: this.id });
  }

  /**
   * @param {import("./messages").ToPage} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    this.heard = performance.now();
    if (message.type === "plotly") unpackPlotly(buffers[0]);
    else if (message.type === "frame") this.frame(message, buffers);
    else if (message.type === "probe" && message.view === this.id)
      this.panels.find(({ name }) => name === "tiling")?.draw.answer(message, buffers[0]);
  }

  // State is kept up at once, also while the page is hidden; painting waits for the screen.
  frame({ seq, parts }, buffers) {
    for (const part of parts) {
      // Another run on the same stage: a zoom into the earlier one means nothing to it.
      if (part.kind === "setup" && part.title !== this.store.setup.title)
        for (const { draw } of this.panels) draw.zoomed = false;
      this.store.apply(part, buffers[part.buffer]);
      for (const panel of this.panels) {
        if (panel.spec.plotted) {
          panel.dirty ||= !["images", "tiling", "status"].includes(part.kind);
          panel.stale ||= RESTING.has(part.kind);
        } else panel.dirty ||= panel.name === part.kind;
      }
      if (part.kind === "tiling" && (part.n === 0) !== this.planeless) this.arrange();
    }
    // While kappa is dragged a setup comes with every frame: what rests follows when it stops.
    if (parts.some(({ kind }) => kind === "setup")) {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.rename(), 700);
    }
    this.seq = seq;
    this.pending ??= requestAnimationFrame(() => this.paint());
    // A hidden page paints nothing until it is shown; it says that it is still there.
    if (document.hidden) this.send({ type: "ack", seq, painted: false });
  }

  paint() {
    this.pending = null;
    if (this.gone) return;
    for (const panel of this.panels) {
      const { draw, spec, unit } = panel;
      if (panel.stale && panel.dirty) draw.refresh?.();
      if (panel.dirty) draw.draw();
      panel.dirty = panel.stale = false;
      const note = draw.note?.();
      const text = [spec.unit, note].filter(Boolean).join(" · ");
      if (note && unit.textContent !== text) unit.textContent = text;
    }
    if (this.newest) this.newest.textContent = PACE.format(this.store.lastStep);
    this.acknowledge();
    const { setup, lastStep } = this.store;
    const detail = { seq: this.seq, step: lastStep, total: this.store.total, title: setup.title };
    this.root.dispatchEvent(new CustomEvent("geco-viz:painted", { bubbles: true, detail }));
  }

  // A new kappa moves one annotation at most; other names and units are a new layout for all charts.
  rename() {
    const { title, constraints } = this.store.setup;
    const names = JSON.stringify([title, constraints.map(({ name, unit }) => [name, unit])]);
    for (const { draw } of this.panels) names === this.names ? draw.annotate?.() : draw.refresh?.();
    this.names = names;
  }

  acknowledge() {
    clearTimeout(this.owed);
    const tell = () => {
      this.acked = this.seq;
      this.send({ type: "ack", seq: this.seq });
    };
    if (this.seq - (this.acked ?? 0) >= FRAMES_PER_ACK) tell();
    else this.owed = setTimeout(tell, 250); // the last of a run of frames
  }

  listenForLife() {
    const manager = this.model.widget_manager;
    // JupyterLab's has no kernel any more once that was shut down; other hosts' never names one.
    const state = manager && "kernel" in manager && !manager.kernel ? "dead" : manager?.kernel?.status;
    const dead = ["dead", "restarting", "autorestarting", "terminating"].includes(state);
    const quiet = performance.now() - this.heard > SILENCE && !document.hidden;
    const [reason, name] = dead
      ? [`The kernel is ${state === "dead" ? "gone" : "restarting"}; this run can no longer be reached.`, "kernel gone"]
      : !quiet
        ? [""]
        : state === "busy"
          ? ["A cell keeps the kernel busy; this view is drawn when the cell lets it.", "kernel busy"]
          : ["No word from the kernel: it is gone, or the connection to it.", "no word"];
    this.panels.find(({ name }) => name === "status")?.draw.gone(reason, name);
    this.root.classList.toggle("gv-quiet", Boolean(reason));
  }

  // A model without a latent plane leaves the tiling's place to the images, where they are shown too.
  arrange() {
    const width = this.root.clientWidth;
    const tiling = this.panels.find(({ name }) => name === "tiling");
    const images = this.panels.find(({ name }) => name === "images");
    this.planeless = this.store.tiling?.n === 0;
    const instead = this.planeless && tiling && images;
    if (tiling) tiling.section.hidden = Boolean(instead);
    images?.section.classList.toggle("gv-large", Boolean(instead));
    const shown = this.panels.map((panel) => (!instead ? panel : panel === tiling ? images : panel === images ? null : panel));
    const placed = shown.filter(Boolean);
    const columns = spans(placed.map((panel) => (instead && panel === images ? 3 : panel.spec.weight)), width);
    for (const [i, { section }] of placed.entries())
      Object.assign(section.style, { gridColumn: `span ${columns[i]}`, order: i });
  }

  // Drawn with the next frame: JupyterLab hides its panels for a moment while it changes the theme.
  retheme() {
    this.theme = currentTheme();
    dress(this.root, this.theme);
    requestAnimationFrame(() => {
      for (const { draw } of this.panels) draw.restyle(this.theme);
    });
  }

  dispose() {
    this.send({ type: "closed" });
    this.gone = true;
    this.model.off("msg:custom", this.onMessage);
    this.unwatch();
    this.sizes.disconnect();
    clearInterval(this.watchdog);
    clearInterval(this.second);
    clearTimeout(this.later);
    clearTimeout(this.owed);
    cancelAnimationFrame(this.pending);
    for (const { draw } of this.panels) draw.dispose?.();
    this.root.remove();
  }
}
