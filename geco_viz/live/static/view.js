// geco_viz/live/js/pieces.js
function div(name, text) {
  const node = document.createElement("div");
  if (name) node.className = name;
  if (text !== void 0) node.textContent = text;
  return node;
}
function decodedImage(label) {
  const face = document.createElement("canvas");
  face.className = "gv-face";
  face.setAttribute("role", "img");
  face.setAttribute("aria-label", label);
  return face;
}
function politeFacts() {
  const facts = div("gv-facts");
  facts.setAttribute("aria-live", "polite");
  return facts;
}
function chip(weight, colour) {
  const node = document.createElement("span");
  node.textContent = decimals(weight);
  node.style.setProperty("--gv-datum", colour);
  return node;
}
function massBar(name, relative, colour, ...texts) {
  const row = div("gv-bar");
  const track = div("gv-track");
  const fill = div("");
  fill.style.width = `${Math.min(100, 50 * relative)}%`;
  fill.style.background = colour;
  track.append(fill);
  row.append(div("gv-key", name), track, ...texts.map((text) => div("gv-value", text)));
  return row;
}
var minus = (value) => String(value).replace("-", "−");
var decimals = (value) => value.toFixed(2).replace(/^0/, "");
function help(title, about) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "gv-help";
  button.textContent = "?";
  button.setAttribute("aria-label", `${title}: ${about}`);
  const tip = div("gv-tip", about);
  tip.setAttribute("role", "tooltip");
  button.append(tip);
  button.addEventListener("keydown", (event) => event.key === "Escape" && button.blur());
  return button;
}

// geco_viz/live/js/plotly.js
var shelf = onWindow();
function onWindow() {
  const page = (
    /** @type {any} */
    window
  );
  if (!page.__gecoViz) {
    page.__gecoViz = { plotly: null, asked: -Infinity };
    page.__gecoViz.waiting = new Promise((resolve) => {
      page.__gecoViz.arrived = resolve;
    });
  }
  return page.__gecoViz;
}
var PLOTLY_WAIT = 15e3;
function mustAskForPlotly() {
  if (shelf.plotly || performance.now() - shelf.asked < PLOTLY_WAIT) return false;
  shelf.asked = performance.now();
  return true;
}
async function unpackPlotly(buffer) {
  if (shelf.plotly) return;
  const packed = new Blob([bytesOf(buffer)]).stream();
  const code = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  const module = [
    "const module = { exports: {} }, exports = module.exports;\n",
    code,
    "\nexport default module.exports;"
  ];
  const url = URL.createObjectURL(new Blob(module, { type: "text/javascript" }));
  try {
    shelf.plotly = (await import(url)).default;
    shelf.arrived(shelf.plotly);
  } finally {
    URL.revokeObjectURL(url);
  }
}
function bytesOf(buffer) {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
function axesOf(plot) {
  const { xaxis, yaxis } = plot._fullLayout;
  return { xaxis, yaxis };
}
function layCanvas(plot, canvas) {
  const below = plot.querySelector(".gl-container");
  if (below) below.after(canvas);
  else plot.parentElement.append(canvas);
}

// geco_viz/live/js/status.js
var PACE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
var STATUS_ABOUT = "All figures of the sentence are of the moment that it begins with. κ̂ is the error of averaged weights and many samples, with its standard error, in the units of κ; it is shown while no more than 5 % of the steps since the last edit have been made after it, else the mean of the last batches. It meets κ if it is within a tenth of the tolerance (κ² for RE) by two standard errors. R is the least KL, in nats, that any model needs at this error. λ/λ* is the multiplier over the limit's own price, 1 at the optimum. Holes are where no posterior covers the prior, q(z)/π(z) < 0.1.";
var together = (text) => text.replace(/ = /g, " = ").replace(/ %/g, " %").replace("λ/λ", "λ/⁠λ");
var StatusLine = class {
  constructor(host, store, about = STATUS_ABOUT) {
    this.store = store;
    const make = (name, place = host) => {
      const node = document.createElement("span");
      node.className = `gv-${name}`;
      place.append(node);
      return node;
    };
    const state = make("state");
    this.pill = make("pill", state);
    if (about) state.append(help("Status", about));
    this.pill.setAttribute("role", "status");
    this.words = make("words");
    this.hint = make("hint");
    this.pace = make("pace");
    this.silence = "";
    this.silent = "";
  }
  restyle() {
    this.draw();
  }
  // A quiet word, and a name for the pill, when the kernel stops answering; "" takes it back.
  gone(reason, name) {
    if (this.silence === reason) return;
    this.silence = reason;
    this.silent = name;
    this.draw();
  }
  draw() {
    const { status } = this.store;
    const { silence } = this;
    this.say(this.pill, silence ? this.silent : status?.phase ?? "waiting");
    this.pill.dataset.phase = silence ? "gone" : status?.phase ?? "waiting";
    this.say(this.words, silence || together(status?.words ?? "Waiting for the first step."));
    this.say(this.hint, silence ? "What is drawn here came before." : status?.hint ?? "");
    const parts = [];
    if (status) {
      parts.push(`step ${PACE.format(status.step)}`);
      if (status.rate && !silence) parts.push(`${status.rate < 10 ? status.rate.toFixed(1) : PACE.format(status.rate)}/s`);
      parts.push(status.device);
    }
    this.say(this.pace, parts.join(" · "));
  }
  say(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }
};

// geco_viz/live/js/store.js
var Store = class {
  constructor() {
    this.columns = {};
    this.names = [];
    this.n = 0;
    this.total = 0;
    this.now = {};
    this.setup = { title: "", constraints: [] };
    this.limit = { kappa: [], rate: [], note: "", subset: 0, critical: [] };
    this.ghosts = [];
    this.evaluations = [];
    this.images = null;
    this.tiling = null;
    this.status = null;
  }
  /**
   * @param {import("./messages").Part} part
   * @param {DataView} [buffer]
   */
  apply(part, buffer) {
    const floats = () => {
      const bytes = bytesOf(buffer);
      return new Float32Array(bytes.slice().buffer);
    };
    if (part.kind === "rows") this.addRows(part, floats());
    else if (part.kind === "evaluations") this.evaluations = triples(floats());
    else if (part.kind === "ghosts") this.addGhosts(part, floats());
    else if (part.kind === "images") this.images = { ...part, pixels: bytesOf(buffer).slice() };
    else if (part.kind === "tiling") this.tiling = { ...part, z: floats() };
    else if (buffer === void 0) this[part.kind] = part;
    else this[part.kind] = { ...part, values: "raw" in part && part.raw ? bytesOf(buffer).slice() : floats() };
  }
  addRows(part, values) {
    if (part.full) {
      this.names = part.columns;
      this.n = 0;
      this.columns = {};
      this.now = {};
    }
    const width = this.names.length;
    const needed = this.n + part.n;
    this.names.forEach((name, j) => {
      let column = this.columns[name];
      if (!column || column.length < needed) {
        const longer = new Float32Array(Math.max(2200, 2 * needed));
        if (column) longer.set(column);
        column = this.columns[name] = longer;
      }
      for (let i = 0; i < part.n; i++) column[this.n + i] = values[i * width + j];
    });
    this.n = needed;
    this.total = part.total;
    if (part.now) this.now = Object.fromEntries(part.now.map((v, j) => [this.names[j], v ?? NaN]));
  }
  addGhosts(part, values) {
    const all = triples(values);
    this.ghosts = part.names.map((name, i) => ({ name, rows: all.splice(0, part.counts[i]) }));
  }
  get lastStep() {
    return this.n ? this.columns.step[this.n - 1] : 0;
  }
  named(prefix) {
    return this.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }
  kappa(name) {
    return this.setup.constraints.find((c) => c.name === name)?.kappa ?? NaN;
  }
};
function triples(values) {
  return Array.from({ length: values.length / 3 }, (_, i) => [...values.subarray(3 * i, 3 * i + 3)]);
}
function quantile(values, n, q) {
  const sorted = values.slice(0, n).filter(Number.isFinite).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : NaN;
}

// geco_viz/plots/palette.json
var palette_default = {
  FONT: "Inter, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif",
  THEMES: {
    light: {
      page: "#F6F6F4",
      paper: "#FFFFFF",
      text: "#1A1A1A",
      muted: "#5B6066",
      grid: "#E4E4E1",
      ghost: "#A4A8AD",
      accent: "#B5402A",
      shade: "rgba(181, 64, 42, 0.13)",
      good: "#007A59",
      hole: "#3D4250",
      categories: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#94890A", "#3C3C3C"],
      iterations: [
        [0, "#440154"],
        [0.15, "#472D7B"],
        [0.3, "#3B528B"],
        [0.45, "#2C728E"],
        [0.6, "#21918C"],
        [0.75, "#28AE80"],
        [0.9, "#5EC962"],
        [1, "#84D44B"]
      ]
    },
    dark: {
      page: "#15171C",
      paper: "#1E2128",
      text: "#ECECEC",
      muted: "#A9AFB7",
      grid: "#353A43",
      ghost: "#7C838D",
      accent: "#FF6B3D",
      shade: "rgba(255, 107, 61, 0.20)",
      good: "#2BC596",
      hole: "#07080A",
      categories: ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442", "#E3E3E3"],
      iterations: [
        [0, "#3B528B"],
        [0.2, "#2C728E"],
        [0.4, "#21918C"],
        [0.6, "#28AE80"],
        [0.8, "#5EC962"],
        [0.9, "#ADDC30"],
        [1, "#FDE725"]
      ]
    }
  }
};

// geco_viz/live/js/palette.js
var { FONT, THEMES } = palette_default;

// geco_viz/live/js/theme.js
function pageIsDark() {
  const { body, documentElement: html } = document;
  if (body.dataset.jpThemeLight !== void 0) return body.dataset.jpThemeLight === "false";
  const code = body.dataset.vscodeThemeKind;
  if (code) return /dark|high-contrast$/.test(code);
  const named = html.getAttribute("theme") ?? html.dataset.theme;
  if (named) return /dark/.test(named);
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
var SHADES = 64;
function mix(scale, position) {
  const at = scale.findIndex(([stop]) => stop >= position);
  if (at <= 0) return scale.at(at).at(1);
  const [[low, from], [high, to]] = [scale[at - 1], scale[at]];
  const share = (position - low) / (high - low);
  const channel = (i) => {
    const [a, b] = [from, to].map((hex) => parseInt(hex.slice(i, i + 2), 16));
    return Math.round(a + share * (b - a));
  };
  return `rgb(${channel(1)}, ${channel(3)}, ${channel(5)})`;
}
function currentTheme() {
  const dark = pageIsDark();
  const theme = THEMES[dark ? "dark" : "light"];
  const shades = Array.from({ length: SHADES }, (_, i) => mix(theme.iterations, i / (SHADES - 1)));
  return { ...theme, dark, shades };
}
function dress(root, theme) {
  root.dataset.theme = theme.dark ? "dark" : "light";
  for (const name of ["paper", "text", "muted", "grid", "ghost", "accent", "good"])
    root.style.setProperty(`--gv-${name}`, theme[name]);
  root.style.setProperty("--gv-steps", `linear-gradient(90deg, ${theme.shades.join(", ")})`);
  root.style.setProperty("--gv-font", FONT);
}
function watchTheme(changed) {
  let dark = pageIsDark();
  const look = () => {
    if (pageIsDark() === dark) return;
    dark = !dark;
    changed();
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { attributes: true });
  observer.observe(document.documentElement, { attributes: true });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", look);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", look);
  };
}

// geco_viz/live/js/board.js
var RESTING = /* @__PURE__ */ new Set(["limit", "ghosts"]);
var FRAMES_PER_ACK = 4;
var SILENCE = 7e3;
function spans(weights, width) {
  const least = { 0: 0, 2: 250, 3: 310 };
  const fits = (row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    return sum <= 7 && row.every((weight) => weight && width * weight / sum >= least[weight]);
  };
  const rows = [];
  for (const weight of weights) {
    if (rows.length && fits([...rows.at(-1), weight])) rows.at(-1).push(weight);
    else rows.push([weight]);
  }
  return rows.flatMap((row) => {
    const sum = row.reduce((a, b) => a + b, 0);
    if (row.length === 1) return [12];
    const columns = row.map((weight) => Math.floor(12 * weight / sum));
    columns[0] += 12 - columns.reduce((a, b) => a + b, 0);
    return columns;
  });
}
var Board = class {
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
    Object.assign(this.root, { gecoViz: this });
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
    this.watchdog = setInterval(() => this.listenForLife(), 1e3);
    this.heard = performance.now();
    const plots = this.panels.some(({ spec }) => spec.plotted);
    this.send({ type: "ready", plotly: !(plots && mustAskForPlotly()) });
    if (plots) this.mountCharts();
    if (plots)
      this.second = setInterval(() => {
        if (shelf.plotly) clearInterval(this.second);
        else if (mustAskForPlotly()) this.send({ type: "ready", plotly: false });
      }, 2e3);
  }
  async mountCharts() {
    const Plotly = shelf.plotly ?? await shelf.waiting;
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
      if (part.kind === "setup" && part.title !== this.store.setup.title)
        for (const { draw } of this.panels) draw.zoomed = false;
      this.store.apply(part, buffers[part.buffer]);
      for (const panel of this.panels) {
        if (panel.spec.plotted) {
          panel.dirty ||= !["images", "tiling", "status"].includes(part.kind);
          panel.stale ||= RESTING.has(part.kind);
        } else panel.dirty ||= panel.name === part.kind;
      }
      if (part.kind === "tiling" && part.n === 0 !== this.planeless) this.arrange();
    }
    if (parts.some(({ kind }) => kind === "setup")) {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.rename(), 700);
    }
    this.seq = seq;
    this.pending ??= requestAnimationFrame(() => this.paint());
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
    else this.owed = setTimeout(tell, 250);
  }
  listenForLife() {
    const manager = this.model.widget_manager;
    const state = manager && "kernel" in manager && !manager.kernel ? "dead" : manager?.kernel?.status;
    const dead = ["dead", "restarting", "autorestarting", "terminating"].includes(state);
    const quiet = performance.now() - this.heard > SILENCE && !document.hidden;
    const [reason, name] = dead ? [`The kernel is ${state === "dead" ? "gone" : "restarting"}; this run can no longer be reached.`, "kernel gone"] : !quiet ? [""] : state === "busy" ? ["A cell keeps the kernel busy; this view is drawn when the cell lets it.", "kernel busy"] : ["No word from the kernel: it is gone, or the connection to it.", "no word"];
    this.panels.find(({ name: name2 }) => name2 === "status")?.draw.gone(reason, name);
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
    const shown = this.panels.map((panel) => !instead ? panel : panel === tiling ? images : panel === images ? null : panel);
    const placed = shown.filter(Boolean);
    const columns = spans(placed.map((panel) => instead && panel === images ? 3 : panel.spec.weight), width);
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
};

// geco_viz/live/js/canvas.js
var NAME_FONT = `600 13px ${FONT}`;
function sized(canvas, width, height) {
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
function trail(context, store, xs, ys, { x, y }, theme, { radius = 2.2, line = 0.35 } = {}) {
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
    if (!(Math.abs(px) < 4e3 && Math.abs(py) < 4e3)) continue;
    const own = Math.min(SHADES - 1, Math.floor(step[i] / last * SHADES));
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
function patched(context, text, x, y, theme, colour) {
  const { actualBoundingBoxLeft: before, width } = context.measureText(text);
  context.globalAlpha = 0.8;
  context.fillStyle = theme.paper;
  context.fillRect(x - before - 3, y - 9, width + 6, 18);
  context.globalAlpha = 1;
  context.fillStyle = colour;
  context.textBaseline = "middle";
  context.fillText(text, x, y);
}
function polyline(context, n, xAt, yAt, { colour, width = 1.6, dash = [], steps = false }) {
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
function spread(n, count) {
  const stride = Math.max(1, Math.ceil(n / count));
  const picked = [];
  for (let i = n - 1; i >= 0; i -= stride) picked.push(i);
  return picked.reverse();
}
var take = (column, indices) => indices.map((i) => column?.[i] ?? NaN);
function priorCircles(context, [x, y], scale, colour) {
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
function crosshair(context, [x, y], theme) {
  context.beginPath();
  for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
    context.moveTo(x + 4 * dx, y + 4 * dy);
    context.lineTo(x + 11 * dx, y + 11 * dy);
  }
  outlined(context, theme, 1);
}
function ring(context, x, y, theme, scale = 1) {
  context.beginPath();
  context.arc(x, y, 7.5 * scale, 0, 2 * Math.PI);
  outlined(context, theme, scale);
}
function diamond(context, x, y, theme, scale = 1) {
  const r = 8.5 * scale;
  context.beginPath();
  context.moveTo(x, y - r);
  context.lineTo(x + r, y);
  context.lineTo(x, y + r);
  context.lineTo(x - r, y);
  context.closePath();
  outlined(context, theme, scale);
}
function outlined(context, theme, scale) {
  context.lineWidth = 4.5 * scale;
  context.strokeStyle = theme.paper;
  context.stroke();
  context.lineWidth = 2.2 * scale;
  context.strokeStyle = theme.text;
  context.stroke();
}
function endLabels(context, { left, top, width, height }, labels) {
  const [first, last] = [top + 7, top + height - 7];
  const shown = labels.filter(({ y }) => y > top - 4 && y < top + height + 4).map((label) => ({ ...label, y: Math.min(Math.max(label.y, first), last) })).sort((a, b) => a.y - b.y);
  for (const [i, label] of shown.entries()) label.y = Math.max(label.y, i ? shown[i - 1].y + 15 : first);
  for (let i = shown.length - 1, most = last; i >= 0; i--, most = shown[i + 1].y - 15)
    shown[i].y = Math.min(shown[i].y, most);
  context.font = NAME_FONT;
  context.textBaseline = "middle";
  for (const { text, y, colour } of shown) {
    context.fillStyle = colour;
    context.fillText(text, left + width + 5, y);
  }
}
var short = (value) => Number(value.toPrecision(3)).toString();
var escaped = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// geco_viz/live/js/axes.js
function roomFor(wish, [low, high]) {
  if (!(wish.high > wish.low)) return null;
  const target = padded(wish);
  const inside = wish.low >= low - 1e-9 && wish.high <= high + 1e-9;
  const filled = (target[1] - target[0]) / (high - low);
  return inside && filled > 0.55 ? null : target;
}
function padded({ low, high, pad = 0.08, grow = 0, fixedLow = false }) {
  const room = high - low;
  return [fixedLow ? low : low - pad * room, high + Math.max(pad, grow) * room];
}

// geco_viz/live/js/export.js
function exportFigure(chart) {
  const { theme, store } = chart;
  const layout = chart.layout();
  layout.paper_bgcolor = layout.plot_bgcolor = theme.paper;
  layout.title = { text: `${chart.spec.name} · ${escaped(store.setup.title)}`, font: { size: 16 }, x: 0.02, xanchor: "left" };
  layout.margin = { ...layout.margin, t: 48, r: 110, b: 60 };
  const { xaxis, yaxis } = axesOf(chart.plot);
  layout.xaxis.range = [...xaxis.range];
  layout.yaxis.range = [...yaxis.range];
  const lines = chart.live();
  layout.shapes = lines.flatMap((line) => line.shape ?? []);
  layout.annotations = [...layout.annotations, ...lines.flatMap((line) => line.note ?? [])];
  const data = lines.flatMap((line) => line.trace ?? []);
  return { data: [...chart.resting(), ...data], layout };
}
function exportChart(chart, format) {
  const size = { width: 1e3, height: 640, scale: format === "png" ? 2 : 1 };
  const figure = exportFigure(chart);
  Object.assign(figure.layout, { width: size.width, height: size.height });
  const filename = `geco-viz ${chart.spec.name} step ${chart.store.lastStep}`.replace(/[^\w.-]+/g, "-");
  return chart.Plotly.downloadImage(figure, { format, filename, ...size });
}
function colouredTrace(chart, xs, ys, { name, bar: bar2 = true }) {
  const { store, theme } = chart;
  const all = Array.from({ length: store.n }, (_, i) => i);
  return {
    type: "scatter",
    mode: "lines+markers",
    name,
    x: take(xs, all),
    y: take(ys, all),
    line: { color: theme.ghost, width: 0.6 },
    marker: {
      size: 5,
      color: take(store.columns.step, all),
      cmin: 0,
      cmax: store.lastStep,
      colorscale: theme.iterations,
      showscale: bar2,
      colorbar: { title: { text: "step" }, thickness: 12, outlinewidth: 0 }
    }
  };
}

// geco_viz/live/js/chart.js
var MARGIN = { l: 60, r: 14, t: 8, b: 44 };
var HOVER_POINTS = 400;
var HOVER_PERIOD = 1e3;
var Chart = class {
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
    this.pointer = null;
    this.hoverDue = 0;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "gv-live";
    this.canvas.setAttribute("aria-hidden", "true");
    this.plot = /** @type {any} */
    document.createElement("div");
    this.plot.className = "gv-plotly";
    host.append(this.plot);
  }
  async mount(Plotly, theme) {
    this.Plotly = Plotly;
    this.theme = theme;
    this.measure();
    await Plotly.newPlot(this.plot, this.traces(), this.layout(), this.config());
    if (!this.plot) return;
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
    this.host.addEventListener("pointermove", (event) => this.pointer = [event.clientX, event.clientY], { signal });
    this.host.addEventListener("pointerleave", () => this.pointer = null, { signal });
    this.host.addEventListener("pointerdown", () => this.held = true, { signal, capture: true });
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
    if (!this.ready || width === this.width && height === this.height) return;
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
      ...log ? this.logTicks(which) : { nticks: 6 },
      ...step ? { nticks: Math.max(2, Math.min(5, Math.round(this.area.width / 45))), tickformat: "~s" } : {}
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
      hoverdistance: -1,
      // the nearest, however far: a place in a chart always has a value
      dragmode: "zoom",
      hoverlabel: { bgcolor: theme.paper, bordercolor: theme.muted, font: { family: FONT, color: theme.text, size: 13 } },
      modebar: { bgcolor: theme.paper, color: theme.muted, activecolor: theme.text },
      xaxis: this.axis("x"),
      yaxis: this.axis("y"),
      annotations: this.annotations(),
      uirevision: "kept"
    };
  }
  config() {
    const { camera, disk, home } = this.Plotly.Icons;
    const save = (format, icon) => ({
      name: format,
      title: `Save as ${format.toUpperCase()}`,
      icon,
      click: () => exportChart(this, format)
    });
    const reset = {
      name: "reset",
      title: "Follow the run again",
      icon: home,
      click: () => this.release()
    };
    return {
      displaylogo: false,
      doubleClick: false,
      modeBarButtons: [[save("png", camera), save("svg", disk)], [reset]]
      // few: a narrow panel has its "?" beside them; a drag zooms, with shift it pans,
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
  sketch(_context, _scales) {
  }
  traces() {
    const points = this.hover().map((trace) => ({
      type: "scatter",
      mode: "markers",
      marker: { size: 8, opacity: 0 },
      ...trace
    }));
    return [...this.resting(), ...points];
  }
  // Called when something that rests has changed: limit, ghosts, theme, names.
  refresh() {
    this.missed = this.held;
    if (!this.ready || this.held) return;
    this.hoverDue = performance.now() + HOVER_PERIOD;
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
      ...this.ticks()
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
};

// geco_viz/live/js/curves.js
var WRITTEN = { pncc: "pNCC", rate: "KL" };
var written = (name) => WRITTEN[name] ?? name.toUpperCase();
var boundOf = (name, several) => name === "rate" ? "C" : several ? `κ ${written(name)}` : "κ";
var Curves = class extends Chart {
  /** @returns {any[]} the curves: values with label, hover text, colour, dash */
  lines() {
    return [];
  }
  layout() {
    this.margin.r = this.roomForNames();
    const layout = super.layout();
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
    const x = { low: 0, high: Math.max(50, 1.01 * store.lastStep), fixedLow: true, pad: 0, grow: 0.25 };
    let [low, high] = [Infinity, -Infinity];
    for (const { values } of this.lines()) {
      low = Math.min(low, ...[quantile(values, store.n, this.spec.tail)].filter((v) => v > 0));
      high = Math.max(high, ...[quantile(values, store.n, 1 - this.spec.tail), values[store.n - 1]].filter((v) => v > 0));
    }
    if (!(high > 0 && low < Infinity)) return { x };
    const [a, b] = [Math.log10(low), Math.log10(high)];
    const middle = (a + b) / 2;
    const half = Math.max((b - a) / 2, 0.2);
    return { x, y: { low: middle - half, high: middle + half } };
  }
  hover() {
    const { columns, n } = this.store;
    const picked = spread(n, HOVER_POINTS);
    return this.lines().map(({ values, hover }) => ({
      x: take(columns.step, picked),
      y: take(values, picked),
      hovertemplate: `${escaped(hover)}<extra></extra>`
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
        x: columns.step[n - 1],
        y: Math.log10(values[n - 1]),
        text: escaped(label ?? ""),
        showarrow: false,
        xanchor: "left",
        font: { color: colour ?? this.theme.text }
      };
      const trace = coloured ? colouredTrace(this, columns.step, values, { name, bar: i === 0 }) : {
        type: "scatter",
        mode: "lines",
        name,
        x: take(columns.step, all),
        y: take(values, all),
        line: { color: colour, width: 2, dash: dash.length ? "dash" : "solid", shape: steps ? "hv" : "linear" }
      };
      return { trace, note: note && Number.isFinite(note.y) ? [note] : [] };
    });
  }
};
var Errors = class extends Curves {
  constructor(host, store) {
    super(host, store, {
      name: "error against kappa",
      x: { title: "step", step: true },
      y: { log: true },
      tail: 5e-3
      // single batches may miss by far; the axis need not
    });
  }
  yTitle() {
    const { constraints } = this.store.setup;
    const others = this.store.named("err/").length > 1;
    return `error (${others ? "units of κ" : constraints[0]?.unit ?? "RMS pixel"})`;
  }
  lines() {
    const { store, theme } = this;
    const names = store.named("err/");
    const several = names.length > 1;
    const lines = names.map((name) => ({
      values: store.columns[`err/${name}`],
      label: several ? written(name) : "",
      now: store.now[`err/${name}`],
      hover: `${written(name)}${name === "rate" ? "" : " error"} %{y:.4f} ${unitOf(store, name)}`,
      coloured: true
    }));
    for (const name of store.named("kappa/")) {
      lines.push({
        values: store.columns[`kappa/${name}`],
        label: boundOf(name, several),
        hover: `${name === "rate" ? "C" : `κ of ${written(name)}`} %{y:.4f} ${unitOf(store, name)}`,
        colour: theme.accent,
        dash: [5, 4],
        steps: true
      });
    }
    return lines;
  }
};
var Multipliers = class extends Curves {
  constructor(host, store) {
    super(host, store, {
      name: "beta and lambda",
      x: { title: "step", step: true },
      y: { log: true },
      tail: 0
      // λ's first swing is the lesson
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
    this.nameCritical(context, lines, this.crowd(scales));
    return labels;
  }
  critical(context, scales) {
    const { left, top, width, height } = this.area;
    const inSight = this.store.limit.critical.map(([beta, before, after]) => ({ beta, before, after, y: scales.y(beta) })).filter(({ y }) => y > top && y < top + height);
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
      const best = wordings.map((text) => this.freest(text, context.measureText(text).width, [low.y + 12, high.y - 12], crowd)).reduce((a, b) => b && (!a || b.hidden < a.hidden) ? b : a);
      if (best) patched(context, best.text, best.x, best.y, theme, theme.muted);
    }
  }
  // Where at these heights a text hides the fewest points; null where it has no room.
  freest(text, wide, heights, crowd) {
    const { left, top, width, height } = this.area;
    const across = [34, 6, (width - wide) / 2, width - wide - 6].filter((v) => v > 0 && v + wide < width - 4);
    const spots = heights.filter((y) => y > top + 8 && y < top + height - 8).flatMap((y) => across.map((v) => ({ text, x: left + v, y })));
    for (const spot of spots)
      spot.hidden = crowd.filter(
        ([a, b]) => a > spot.x - 4 && a < spot.x + wide + 4 && Math.abs(b - spot.y) < 10
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
        label: !active ? "" : several ? `λ ${written(name)}` : "λ",
        // of one that has gone its past is left
        hover: `λ ${name === "rate" ? "of the rate %{y:.4g}" : `${written(name)} %{y:.4g} nats`}`,
        colour: theme.muted,
        dash: [[7, 5], [2, 3], [9, 3, 2, 3]][i % 3],
        // Without beta the multiplier itself carries the iteration colours.
        coloured: !known && i === 0
      });
    });
    return lines;
  }
};
var unitOf = (store, name) => store.setup.constraints.find((c) => c.name === name)?.unit ?? "";

// geco_viz/live/js/panel.js
var CanvasPanel = class {
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
    this.small = document.createElement("canvas");
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(host);
  }
  draw() {
  }
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
};
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

// geco_viz/live/js/images.js
var Images = class extends CanvasPanel {
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
    const least = 20;
    const tall = (height - strip - gap * rows.length) / rows.length;
    const shown = Math.max(1, Math.min(n, Math.floor((width - key) / (least + gap))));
    const cell = Math.min((width - key) / shown - gap, tall * w / h);
    const high = cell * h / w;
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
        context.fillRect(x, y - strip, cell, 3);
      }
    });
    this.canvas.title = shown < n ? `the first ${shown} of ${n}` : "";
  }
};

// geco_viz/live/js/ghosts.js
function ghostNames(context, { x, y }, { store, theme, area }) {
  const { left, top, width, height } = area;
  const marks = [[store.now["err/re"], store.now.kl], store.evaluations.at(-1)?.slice(1) ?? []];
  const taken = marks.filter(([e]) => Number.isFinite(e)).map(([e, k]) => ({ x: x(e) - 10, y: y(k) - 10, w: 20, h: 20 }));
  const apart = (a, b) => a.x + a.w < b.x || b.x + b.w < a.x || a.y + a.h < b.y || b.y + b.h < a.y;
  context.font = `12px ${FONT}`;
  for (const { name, rows } of store.ghosts) {
    const end = rows.at(-1);
    const [at, over] = end ? [x(end[1]), y(end[2])] : [NaN, NaN];
    if (!(at > left && at < left + width && over > top && over < top + height)) continue;
    const w = context.measureText(name).width;
    const spots = [-10, -26, -42, -58, 12].flatMap((dy) => [[at + 6, over + dy], [at - 6 - w, over + dy]]).map(([u, v]) => ({ x: u, y: v - 8, w, h: 16 })).filter((box2) => box2.x > left && box2.x + w < left + width && box2.y > top && box2.y + 16 < top + height);
    const box = spots.find((one) => taken.every((other) => apart(one, other))) ?? spots[0];
    if (!box) continue;
    taken.push(box);
    patched(context, name, box.x, box.y + 8, theme, theme.muted);
  }
}

// geco_viz/live/js/plane.js
var Plane = class extends Chart {
  constructor(host, store) {
    super(host, store, {
      name: "information plane",
      x: { title: "reconstruction error (RMS pixel)" },
      y: { title: "KL (nats)" }
    });
  }
  bounds() {
    const { store } = this;
    const error = store.columns["err/re"] ?? new Float32Array();
    const kl = store.columns.kl ?? new Float32Array();
    const reach = reachOf(store.limit);
    const ghosts = store.n ? [] : store.ghosts.flatMap(({ rows }) => rows.slice(-1));
    const across = [
      quantile(error, store.n, 0.9),
      store.now["err/re"],
      1.7 * store.kappa("re"),
      1.1 * (reach || NaN),
      ...ghosts.map(([, e]) => e)
    ];
    const up = [
      quantile(kl, store.n, 0.85),
      1.25 * store.now.kl,
      1.35 * (store.limit.rate[0] ?? NaN),
      // R falls: its first value is the largest
      ...store.evaluations.slice(-1).map(([, , value]) => 1.2 * value),
      ...ghosts.map(([, , value]) => 1.1 * value)
    ];
    const top = (values) => {
      const known = values.filter(Number.isFinite);
      return known.length ? Math.max(...known, 1e-3) : NaN;
    };
    return {
      x: { low: 0, high: top(across), fixedLow: true, pad: 0.06 },
      y: { low: 0, high: top(up), fixedLow: true, pad: 0.06 }
    };
  }
  resting() {
    const { limit, ghosts } = this.store;
    const { theme } = this;
    const traces = ghosts.map(({ name, rows }) => ({
      type: "scatter",
      mode: "lines",
      x: rows.map((row) => row[1]),
      y: rows.map((row) => row[2]),
      line: { color: theme.ghost, width: 1.4 },
      hovertemplate: `${escaped(name)}<br>error %{x:.4f} RMS pixel<br>KL %{y:.3f} nats<extra></extra>`
    }));
    if (!limit.kappa.length) return traces;
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
      hovertemplate: `limit R(D)${limit.note && `, ${escaped(limit.note)}`}<br>error %{x:.4f} RMS pixel<br>at least %{y:.3f} nats<extra></extra>`
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
      const half = text.length * 7 * (x1 - x0) / width / 2;
      const spots = Number.isFinite(kappa) ? [kappa + half * 1.15, kappa - half * 1.15] : [x0 + half * 1.1];
      const x = spots.find(
        (spot) => spot - half > Math.max(x0, 0) && spot + half < x1 && (rateAt(limit, spot + half) - y0) / (y1 - y0) > 24 / height
      );
      if (x === void 0) continue;
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
        hovertemplate: "step %{customdata:,}<br>error %{x:.4f} RMS pixel<br>KL %{y:.3f} nats (one batch)<extra></extra>"
      }
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
    const [a, b] = [dx, dy].map((v) => 44 * v / Math.hypot(dx, dy));
    for (const [colour, width] of [[this.theme.paper, 4.5], [this.theme.text, 2]])
      polyline(context, 2, (i) => x + (2 * i - 1) * a, (i) => y + (2 * i - 1) * b, { colour, width });
  }
  // NaN unless RE is the one constraint: else R(D) is not the curve that lambda is the slope of.
  slope() {
    const { now, setup } = this.store;
    const alone = setup.constraints.length === 1 && setup.constraints[0].name === "re";
    return alone ? -2 * now["multiplier/re"] / now["err/re"] : NaN;
  }
  legend(context, checked, taken) {
    const { left, top, width } = this.area;
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
    const bound = (line, note, text) => ({
      shape: { type: "line", ...line, line: { color: theme.accent, width: 2, dash: "dash" } },
      note: { ...note, showarrow: false, text, font: { color: theme.accent } }
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
        type: "scatter",
        mode: "markers",
        x: [x],
        y: [y],
        name,
        marker: { symbol, size: 14, color: theme.text, line: { width: 2, color: theme.text } }
      }
    });
    if (Number.isFinite(now.kl)) lines.push(mark(now["err/re"], now.kl, "circle-open", "now"));
    const checked = store.evaluations.at(-1);
    if (checked) lines.push(mark(checked[1], checked[2], "diamond-open", "evaluation"));
    if (Number.isFinite(kappa))
      lines.push(
        bound(
          { x0: kappa, x1: kappa, yref: "paper", y0: 0, y1: 1 },
          { x: kappa, yref: "paper", y: 1, yanchor: "top", xanchor: "left" },
          `κ = ${short(kappa)}`
        )
      );
    const most = store.kappa("rate");
    if (Number.isFinite(most))
      lines.push(
        bound(
          { y0: most, y1: most, xref: "paper", x0: 0, x1: 1 },
          { y: most, xref: "paper", x: 1, yanchor: "bottom", xanchor: "right" },
          `C = ${short(most)} nats`
        )
      );
    return lines;
  }
};
function bar(context, x, y, theme) {
  polyline(context, 2, (i) => x - 8 + 16 * i, (i) => y - 4 + 8 * i, { colour: theme.text, width: 2 });
}
function reachOf({ kappa, rate }) {
  const at = rate.findIndex((value) => value <= 1e-6);
  return kappa.length ? kappa[at < 0 ? kappa.length - 1 : at] : 0;
}
function rateAt({ kappa, rate }, x) {
  const at = kappa.findIndex((value) => value >= x);
  if (at < 0) return 0;
  if (at === 0) return rate[0];
  const share = (x - kappa[at - 1]) / (kappa[at] - kappa[at - 1]);
  return rate[at - 1] + share * (rate[at] - rate[at - 1]);
}

// geco_viz/live/js/tiling.js
var TILING_REACH = 3.4;
var PROBE_AGAIN = 1e3;
var Tiling = class {
  constructor(host, store, ask) {
    this.store = store;
    this.ask = ask;
    this.at = [0, 0];
    this.waiting = null;
    this.wanted = true;
    this.asked = 0;
    this.serial = 0;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "gv-latent";
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Latent space. Arrow keys move the probe, with shift in larger strides.");
    this.stage = div("gv-stage");
    this.chooser = document.createElement("select");
    this.chooser.className = "gv-plane";
    this.chooser.setAttribute("aria-label", "plane of latent space");
    this.chooser.hidden = true;
    this.chooser.addEventListener("change", () => this.turn(this.chooser.value));
    this.stage.append(this.canvas);
    this.side = div("gv-side");
    this.face = decodedImage("decoded image under the probe");
    this.facts = politeFacts();
    this.masses = div("gv-masses");
    this.side.append(this.chooser, div("gv-caption", "under the cursor"), this.face, this.facts, this.masses);
    host.append(this.stage, this.side);
    this.listen();
    this.observer = new ResizeObserver(() => this.restyle(this.theme));
    this.observer.observe(this.stage);
  }
  listen() {
    const { canvas } = this;
    const point = (event) => {
      if (!this.scale) return;
      const box = canvas.getBoundingClientRect();
      this.move([
        (event.clientX - box.left - this.centre[0]) / this.scale,
        -(event.clientY - box.top - this.centre[1]) / this.scale
      ]);
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("keydown", (event) => {
      const stride = event.shiftKey ? 0.5 : 0.1;
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!way) return;
      event.preventDefault();
      this.move(this.at.map((v, i) => v + stride * way[i]));
    });
  }
  move(at) {
    this.at = at.map((v) => Math.max(-TILING_REACH, Math.min(TILING_REACH, v)));
    this.wanted = true;
    this.probe();
    this.draw();
  }
  // The place in latent space under the probe, in the plane shown.
  point({ dims, axes }) {
    const along = (i) => axes ? this.at[0] * axes[0][i] + this.at[1] * axes[1][i] : this.at[i] ?? 0;
    return Array.from({ length: dims }, (_, i) => along(i));
  }
  turn(plane) {
    this.ask({ type: "plane", plane });
    this.wanted = true;
  }
  offer({ planes = [], plane }) {
    const known = JSON.stringify(planes);
    if (known !== this.offered) {
      this.offered = known;
      this.chooser.replaceChildren(...planes.map(([key, label]) => new Option(label, key)));
      this.chooser.hidden = !planes.length;
    }
    if (planes.length && document.activeElement !== this.chooser) this.chooser.value = plane;
  }
  // One probe out at a time; the newest place is asked when the answer is there.
  probe() {
    const { tiling } = this.store;
    const lost = performance.now() - this.asked > 3e3;
    if (!tiling?.n || !this.wanted || this.waiting !== null && !lost) return;
    const z = this.point(tiling);
    this.wanted = false;
    this.waiting = ++this.serial;
    this.asked = performance.now();
    this.ask({ id: this.waiting, z });
  }
  answer(message, buffer) {
    if (message.id !== this.waiting) return;
    this.waiting = null;
    if (message.error) this.facts.replaceChildren(div("", message.error));
    else this.show(message, bytesOf(buffer));
    this.probe();
  }
  show({ weights, density, hole, h, w, c }, pixels) {
    pourImage(this.face, pixels, h, w, c);
    const best = weights.map((weight, i) => [weight ?? 0, i]).sort((a, b) => b[0] - a[0]).slice(0, 3);
    const line = div("gv-weights");
    line.title = "w_i(z) = q(z | xᵢ) / Σⱼ q(z | xⱼ): the share of each datum in what is at z; the three largest";
    line.append("w");
    for (const [weight, i] of best) {
      const share = chip(weight, this.colour(i));
      share.title = `datum ${this.store.tiling?.labels[i] ?? i}`;
      line.append(share);
    }
    const ratio = div("", `q/π ${density === null ? "–" : density < 100 ? density.toFixed(2) : density.toPrecision(3)}`);
    ratio.title = "the aggregate posterior's density over the prior's at z; a hole where it is below 0.1";
    const verdict = document.createElement("span");
    verdict.className = hole ? "gv-hole" : "";
    verdict.textContent = hole ? " hole" : " no hole";
    ratio.append(verdict);
    const z = this.at.slice(0, this.store.tiling?.dims ?? 2).map((v) => v.toFixed(1).replace("-", "−"));
    const place = div("", `z = (${z.join(", ")})`);
    if (this.store.tiling?.dims > 2) place.title = "in the plane shown; 0 in every direction across it";
    this.facts.replaceChildren(...weights.length ? [place, line, ratio] : [place]);
  }
  colour(i) {
    const { categories } = this.theme;
    return categories[i % categories.length];
  }
  note() {
    const { dims = 2, names } = this.store.tiling ?? {};
    return dims > 2 && names ? `${dims} latents: ${names.join(", ")}` : "";
  }
  restyle(theme) {
    this.theme = theme;
    this.told = null;
    this.draw();
  }
  draw() {
    const { theme, stage } = this;
    const [width, height] = [stage.clientWidth, stage.clientHeight];
    if (!theme || width < 20 || height < 20) return;
    if (this.store.tiling) this.offer(this.store.tiling);
    const context = sized(this.canvas, width, height);
    const none = this.store.tiling?.n === 0;
    this.side.style.visibility = none ? "hidden" : "";
    if (none) return this.none(context, width, height);
    const room = { left: 30, top: 6, width: width - 36, height: height - 46 };
    this.scale = Math.min(room.width, room.height) / (2 * TILING_REACH);
    this.centre = [room.left + room.width / 2, room.top + room.height / 2];
    const most = 2.8 * TILING_REACH * this.scale;
    const [w, h] = [Math.min(room.width, most), Math.min(room.height, most)];
    const box = { left: this.centre[0] - w / 2, top: this.centre[1] - h / 2, width: w, height: h };
    this.grid(context, box);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    this.samples(context);
    if ((this.store.tiling?.dims ?? 2) > 1) priorCircles(context, this.centre, this.scale, theme.muted);
    crosshair(context, this.to(...this.at), theme);
    context.restore();
    this.bars();
    if (performance.now() - this.asked > PROBE_AGAIN) {
      this.wanted = true;
      this.probe();
    }
  }
  none(context, width, height) {
    context.font = `13px ${FONT}`;
    context.fillStyle = this.theme.muted;
    context.textAlign = "center";
    const lines = ["this model has no single latent plane:", "it draws latents step by step"];
    for (const [i, line] of lines.entries()) context.fillText(line, width / 2, height / 2 - 10 + 20 * i);
    context.textAlign = "left";
  }
  to(a, b) {
    return [this.centre[0] + a * this.scale, this.centre[1] - b * this.scale];
  }
  grid(context, box) {
    const { theme } = this;
    context.strokeStyle = theme.grid;
    context.fillStyle = theme.muted;
    context.lineWidth = 1;
    context.font = `12.5px ${FONT}`;
    const flat = (this.store.tiling?.dims ?? 2) < 2;
    for (let v = -10; v <= 10; v++) {
      const [x, y] = this.to(v, v);
      context.beginPath();
      if (x >= box.left && x <= box.left + box.width) {
        context.moveTo(x, box.top);
        context.lineTo(x, box.top + box.height);
        context.textAlign = "center";
        context.textBaseline = "top";
        if (v % 2 === 0) context.fillText(minus(v), x, box.top + box.height + 5);
      }
      if (y >= box.top && y <= box.top + box.height && !flat) {
        context.moveTo(box.left, y);
        context.lineTo(box.left + box.width, y);
        context.textAlign = "right";
        context.textBaseline = "middle";
        if (v % 2 === 0) context.fillText(minus(v), box.left - 5, y);
      }
      context.stroke();
    }
    context.font = `13.5px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const [across, up] = this.store.tiling?.names ?? ["z₁", "z₂"];
    context.fillText(across, box.left + box.width / 2, box.top + box.height + 36);
    context.save();
    context.translate(box.left - 19, box.top + box.height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(flat ? "datum" : up, 0, 0);
    context.restore();
    context.textAlign = "left";
  }
  samples(context) {
    const { tiling } = this.store;
    if (!tiling) return;
    const { n, per, z, dims } = tiling;
    const width = Math.min(dims, 2);
    for (let i = 0; i < n; i++) {
      context.beginPath();
      for (let s = 0; s < per; s++) {
        const k = (i * per + s) * width;
        const [x, y] = this.to(z[k], width > 1 ? z[k + 1] : TILING_REACH * (1 - (2 * i + 1) / n));
        context.moveTo(x + 1.9, y);
        context.arc(x, y, 1.9, 0, 2 * Math.PI);
      }
      context.fillStyle = this.colour(i);
      context.fill();
    }
  }
  bars() {
    const { tiling } = this.store;
    if (!tiling || tiling === this.told) return;
    this.told = tiling;
    this.masses.replaceChildren();
    if (tiling.masses.length) {
      const n = tiling.masses.length;
      const caption = div("gv-caption", `tile mass × ${n}`);
      caption.title = "the prior mass of each datum's tile, where q(z | xᵢ) is the largest, times n; the line marks 1, equal tiles (the limit κ → 0); – where data share their codes, so that none has a tile";
      this.masses.append(caption);
      const room = Math.max(1, Math.floor((this.side.clientHeight - this.masses.offsetTop + this.side.offsetTop - 18) / 16));
      const shown = tiling.masses.slice(0, n > room ? Math.max(1, room - 1) : n);
      shown.forEach((mass, i) => {
        const text = mass === null ? "–" : (mass * n).toFixed(2);
        this.masses.append(massBar(tiling.labels[i] ?? i, (mass ?? 0) * n, this.colour(i), text));
      });
      if (shown.length < n) this.masses.append(div("gv-caption", `and ${n - shown.length} more`));
    }
  }
  dispose() {
    this.observer.disconnect();
  }
};

// geco_viz/live/js/panels.js
var PANELS = {
  "information-plane": {
    title: "Information plane",
    unit: "KL (nats) against error",
    make: (host, store) => new Plane(host, store),
    plotted: true,
    weight: 3,
    about: "Each point is a training step: average KL(q(z|x) ‖ π(z)) in nats, the rate, against the reconstruction error √(mean (x − g(z))²) in RMS pixel, the distortion. GECO walks to the dashed line κ and then down along it. No model can be below R(D), the rate–distortion limit of the data. The short line through the present point has the slope dKL/derr = −2λ/err: λ* = −dR/d ln κ², so at rest it runs along R(D)."
  },
  tiling: {
    title: "Posterior tiling",
    unit: "samples of q(z | x); circles: prior",
    make: (host, store, ask) => new Tiling(host, store, ask),
    weight: 3,
    about: "Samples of the posterior q(z | xᵢ) of each datum, one colour each. The circles are 1, 2 and 3 standard deviations of the prior N(0, I). A good model tiles the prior without gaps and with equal masses. Point at a place to decode it: g(z), the weights wᵢ(z) = q(z|xᵢ)/Σⱼ q(z|xⱼ), and whether it is a hole, q(z)/π(z) < 0.1."
  },
  error: {
    title: "Error against κ",
    unit: "log scale",
    make: (host, store) => new Errors(host, store),
    plotted: true,
    weight: 2,
    about: "The constrained error of each batch by training step, in the units of κ: for RE √(mean (x − g(z))²), RMS pixel. The dashed line is κ, the error that you allow; the constraint c = err²/κ² − 1 is 0 on it."
  },
  multiplier: {
    title: "β and λ",
    unit: "log scale",
    make: (host, store) => new Multipliers(host, store),
    plotted: true,
    weight: 2,
    about: "λ (nats) is the Lagrange multiplier: the price of accuracy, raised while the error is above κ and lowered below it, log λ ← log λ + ν c. β = d κ²/(2λ) (pixel²) is the variance of the equivalent Gaussian decoder, the β of a β-VAE: L = KL + SSE/(2β). Thin lines: critical temperatures βc of the data, where the best reconstruction points merge, with their number below and above."
  },
  images: {
    title: "Reconstructions",
    unit: "",
    make: (host, store) => new Images(host, store),
    weight: 2,
    about: "Data x; reconstructions g(z) with z from q(z | x); and samples g(z) with z from the prior π(z). The coloured strip is the datum's colour in the tiling."
  },
  status: {
    title: "Status",
    make: (host, store) => new StatusLine(host, store),
    weight: 0
  }
};

// geco_viz/live/js/view.js
var view_default = {
  render({ model, el }) {
    const board = new Board(model, el, PANELS);
    return () => board.dispose();
  }
};
export {
  view_default as default
};
