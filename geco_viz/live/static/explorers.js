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
var onToolbar = (node) => Boolean(node.closest(".modebar-container"));

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

// geco_viz/live/js/chart.js
var MARGIN = { l: 60, r: 14, t: 8, b: 44 };
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

// geco_viz/live/js/explorers/shared.js
var SquareChart = class extends Chart {
  bounds() {
    const { width, height } = this.area;
    const reach = this.spec.reach;
    const [across, up] = [Math.max(1, width / height), Math.max(1, height / width)];
    const middle = this.spec.middle ?? 0;
    return {
      x: { low: middle - reach * across, high: middle + reach * across, pad: 0 },
      y: { low: middle - reach * up, high: middle + reach * up, pad: 0 }
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
};
var BetaChart = class extends Chart {
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
    let next = Infinity;
    let row = 0;
    context.font = `12px ${FONT}`;
    context.textAlign = "right";
    for (const bend of [...this.store.curve?.bends ?? []].sort((p, q) => q - p)) {
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
};
var ExplorerStatus = class extends StatusLine {
  constructor(host, store) {
    super(host, store, "");
  }
  draw() {
    super.draw();
    this.say(this.pace, "");
  }
};
function holeGround(context, theme, square) {
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
function latentAxes(context, theme, square, ticks, at) {
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
function dot(context, x, y, radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

// geco_viz/live/js/explorers/blur_and_holes.js
var CORNER = 9;
var BlurLatent = class extends CanvasPanel {
  constructor(host, store, ask) {
    super(host, store, "Latent square. Digit keys pick a tile, arrows move it, shift and arrows widen it; pointing at a place decodes it.");
    this.ask = ask;
    this.chosen = 0;
    this.canvas.className = "gv-boxes";
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.listen();
  }
  // While a tile is moved the page's own tiles are shown; the kernel's come back behind them.
  get tiles() {
    return this.own ?? this.store.blur?.tiles ?? [];
  }
  listen() {
    const { canvas } = this;
    const place = ({ clientX, clientY }) => {
      const box = canvas.getBoundingClientRect();
      return this.from(clientX - box.left, clientY - box.top);
    };
    canvas.addEventListener("pointerdown", (event) => {
      const at = place(event);
      const hit = this.hit(at);
      canvas.setPointerCapture(event.pointerId);
      if (!hit) return this.probe(at);
      this.chosen = hit.tile;
      this.grip = { ...hit, at, box: [...this.tiles[hit.tile]] };
      this.draw();
    });
    canvas.addEventListener("pointermove", (event) => {
      const at = place(event);
      if (this.grip) this.pull(at);
      else {
        canvas.style.cursor = { move: "move", wide: "nwse-resize" }[this.hit(at)?.what] ?? "crosshair";
        this.probe(at);
      }
    });
    for (const name of ["pointerup", "pointercancel"])
      canvas.addEventListener(name, () => {
        this.grip = null;
        this.release();
      });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }
  key(event) {
    const digit = Number(event.key);
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (digit >= 1 && digit <= this.tiles.length) this.chosen = digit - 1;
    else if (way) {
      const [dx, dy] = way.map((v) => 0.02 * v);
      const [a, b, c, d] = this.tiles[this.chosen];
      this.put(this.chosen, event.shiftKey ? [a, b, c + dx, d + dy] : moved([a, b, c, d], dx, dy));
      this.release();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    this.draw();
  }
  hit(at) {
    const { tiles } = this;
    const near = CORNER / this.side;
    const order = tiles.map((_, i) => i).sort((i, j) => Number(j === this.chosen) - Number(i === this.chosen));
    for (const i of order) {
      const [, b, c] = tiles[i];
      if (Math.abs(at[0] - c) < near && Math.abs(at[1] - b) < near) return { tile: i, what: "wide" };
    }
    for (const i of order) {
      const [a, b, c, d] = tiles[i];
      const grip = Math.abs(at[0] - (a + c) / 2) < 16 / this.side && Math.abs(at[1] - (b + d) / 2) < 16 / this.side;
      if (grip) return { tile: i, what: "move" };
    }
    return null;
  }
  pull(at) {
    const { tile, what, box } = this.grip;
    const [dx, dy] = [at[0] - this.grip.at[0], at[1] - this.grip.at[1]];
    const [a, b, c, d] = box;
    this.put(tile, what === "move" ? moved(box, dx, dy) : [a, Math.min(b + dy, d - 0.04), Math.max(c + dx, a + 0.04), d]);
  }
  put(tile, box) {
    this.own = this.tiles.map((kept, i) => i === tile ? box.map((v) => Math.max(0, Math.min(1, v))) : kept);
    this.sending ??= requestAnimationFrame(() => {
      this.sending = null;
      this.ask({ type: "tiles", tiles: this.own ?? this.tiles });
    });
    this.draw();
  }
  release() {
    clearTimeout(this.giving);
    this.giving = setTimeout(() => {
      this.own = null;
      this.draw();
    }, 700);
  }
  probe(at) {
    this.at = at.map((v) => Math.max(0, Math.min(1, v)));
    this.asking ??= setTimeout(() => {
      this.asking = null;
      this.ask({ type: "probe", z: this.at });
    }, 60);
  }
  to(a, b) {
    return [this.left + a * this.side, this.top + (1 - b) * this.side];
  }
  from(px, py) {
    return [(px - this.left) / this.side, 1 - (py - this.top) / this.side];
  }
  draw() {
    const sheet = this.open();
    if (!sheet) return;
    const { context, width, height } = sheet;
    this.side = Math.min(width - 54, height - 44);
    this.left = 44 + (width - 54 - this.side) / 2;
    this.top = 6;
    this.ground(context);
    for (const [i, tile] of this.tiles.entries()) this.tile(context, tile, i);
    const z = this.at ?? this.store.decoded?.z;
    if (z) crosshair(context, this.to(...z), this.theme);
  }
  // What no tile covers is a hole.
  ground(context) {
    const { theme } = this;
    const square = [...this.to(0, 1), this.side];
    holeGround(context, theme, square);
    context.fillStyle = theme.paper;
    for (const [a, b, c, d] of this.tiles) context.fillRect(...this.to(a, d), (c - a) * this.side, (d - b) * this.side);
    latentAxes(context, theme, square, [0, 0.5, 1], (v) => v * this.side);
  }
  tile(context, [a, b, c, d], i) {
    const { theme } = this;
    const [x, y] = this.to(a, d);
    const [w, h] = [(c - a) * this.side, (d - b) * this.side];
    const colour = theme.categories[i % theme.categories.length];
    context.globalAlpha = 0.62;
    context.fillStyle = colour;
    context.fillRect(x, y, w, h);
    context.globalAlpha = 1;
    context.lineWidth = i === this.chosen ? 3 : 1.5;
    context.strokeStyle = i === this.chosen ? theme.text : colour;
    context.strokeRect(x, y, w, h);
    context.fillStyle = theme.paper;
    context.fillRect(x + w - CORNER / 1.5, y + h - CORNER / 1.5, CORNER * 1.3, CORNER * 1.3);
    context.strokeStyle = theme.text;
    context.lineWidth = 1.2;
    context.strokeRect(x + w - CORNER / 1.5, y + h - CORNER / 1.5, CORNER * 1.3, CORNER * 1.3);
    const face = this.face(i);
    const size = Math.min(32, 0.8 * w, 0.8 * h);
    if (face) {
      context.imageSmoothingEnabled = false;
      context.drawImage(face, x + w / 2 - size / 2, y + h / 2 - size / 2, size, size);
    }
    context.font = `600 13px ${FONT}`;
    context.textBaseline = "top";
    patched(context, `Ω${"₁₂₃₄₅₆₇"[i] ?? i + 1}`, x + 6, y + 13, theme, theme.text);
  }
  face(i) {
    const { data } = this.store;
    if (!data || i >= data.n) return null;
    if (this.faces !== data) {
      this.faces = data;
      const size = data.h * data.w * data.c;
      this.drawn = Array.from({ length: data.n }, (_, k) => {
        const canvas = document.createElement("canvas");
        pourImage(canvas, data.values.subarray(k * size, (k + 1) * size), data.h, data.w, data.c);
        return canvas;
      });
    }
    return this.drawn[i];
  }
  dispose() {
    super.dispose();
    clearTimeout(this.giving);
    clearTimeout(this.asking);
    cancelAnimationFrame(this.sending);
  }
};
var moved = (box, dx, dy) => {
  const [a, b, c, d] = box;
  const x = Math.max(-a, Math.min(1 - c, dx));
  const y = Math.max(-b, Math.min(1 - d, dy));
  return [a + x, b + y, c + x, d + y];
};
var BlurDecoder = class extends CanvasPanel {
  constructor(host, store) {
    super(host, store, "the decoder's image at every place of the latent square");
    this.canvas.className = "gv-boxes";
  }
  draw() {
    const sheet = this.open();
    const { theme, store } = this;
    if (!sheet || !store.mosaic) return;
    const { context, width, height } = sheet;
    const { side, w } = store.mosaic;
    const room = Math.min(width - 54, height - 44);
    const left = 44 + (width - 54 - room) / 2;
    const cell = room / side;
    context.imageSmoothingEnabled = cell < w;
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++) {
        const [x, y] = [left + i * cell, 6 + (side - 1 - j) * cell];
        this.picture(context, store.mosaic, i * side + j, x, y, cell - 1);
      }
    latentAxes(context, theme, [left, 6, room], [0, 0.5, 1], (v) => v * room);
    for (const [k, [a, b, e, d]] of (store.blur?.tiles ?? []).entries()) {
      context.strokeStyle = theme.categories[k % theme.categories.length];
      context.lineWidth = 2;
      context.strokeRect(left + a * room, 6 + (1 - d) * room, (e - a) * room, (d - b) * room);
    }
  }
};
var BlurFigures = class {
  constructor(host, store) {
    this.store = store;
    this.host = host;
    this.side = div("gv-side");
    this.face = decodedImage("decoded image under the pointer");
    this.facts = politeFacts();
    this.side.append(div("gv-caption", "g(z) under the pointer"), this.face, this.facts);
    this.table = div("gv-table");
    host.append(this.side, this.table);
  }
  restyle(theme) {
    this.theme = theme;
    this.draw();
  }
  draw() {
    const { store, theme } = this;
    const { blur, decoded } = store;
    if (!theme || !blur || !decoded) return;
    pourImage(this.face, decoded.values, decoded.h, decoded.w, decoded.c);
    const line = div("gv-weights");
    line.append(decoded.hole ? "no datum asks for anything here" : "w");
    if (!decoded.hole)
      decoded.weights.forEach((weight, i) => {
        if (weight) line.append(chip(weight, theme.categories[i % theme.categories.length]));
      });
    const verdict = div(decoded.hole ? "gv-hole" : "", decoded.hole ? "hole" : "no hole");
    this.facts.replaceChildren(div("", `z = (${decoded.z.map((v) => v.toFixed(2)).join(", ")})`), line, verdict);
    const row = (name, value, title) => {
      const node = div("gv-row");
      node.title = title;
      node.append(div("gv-caption", name), div("", value));
      return node;
    };
    const tiles = blur.masses.map((mass, i) => {
      const colour = theme.categories[i % theme.categories.length];
      const error = blur.errors[i].toFixed(3);
      const node = massBar(`${i + 1}`, mass * blur.masses.length, colour, mass.toFixed(2), error);
      node.classList.add("gv-long");
      return node;
    });
    this.table.replaceChildren(
      row("KL, mean of −ln πᵢ", `${blur.kl.toFixed(3)} nats`, "KL of a posterior that is the prior cut to a tile of mass πᵢ"),
      row("ln n", `${blur["ln n"].toFixed(3)} nats`, "the least KL of a partition (Prop. 2)"),
      row("error", `${blur.error.toFixed(4)} RMS pixel`, "root of the mean squared error with the best decoder"),
      row("in holes", `${(100 * blur.holes).toFixed(1)} % of the prior`, "prior mass in no tile"),
      row("in overlaps", `${(100 * blur.overlap).toFixed(1)} % of the prior`, "prior mass in two or more tiles"),
      div("gv-caption", "tile · mass πᵢ (line: 1/n) · RMS error"),
      ...tiles
    );
  }
};
var BLUR_AND_HOLES = {
  "blur-latent": {
    title: "Latent space",
    unit: "drag a digit or a corner",
    make: (host, store, ask) => new BlurLatent(host, store, ask),
    weight: 3,
    about: "Each coloured box Ωᵢ is the support of q(z | xᵢ), the uniform prior cut to it. Drag the digit in its middle to move it, the corner to widen it. Dark and hatched: holes, which no posterior covers. Pointing anywhere decodes that place."
  },
  "blur-decoder": {
    title: "Best decoder",
    unit: "g(z) over the same square",
    make: (host, store) => new BlurDecoder(host, store),
    weight: 3,
    about: "g(z) = Σᵢ wᵢ(z) xᵢ with wᵢ ∝ 1/πᵢ over the tiles that hold z (eq. 4, Prop. 3): one datum's own tile shows it sharp, overlaps show averages. In holes the ELBO asks for nothing, so what stands there is arbitrary."
  },
  "blur-figures": {
    title: "Figures",
    make: (host, store) => new BlurFigures(host, store),
    weight: 2,
    about: "KL(q(z | xᵢ) ‖ π) = −ln πᵢ for a tile of prior mass πᵢ. Tiles that part the square have a mean KL of at least ln n, and ln n for equal masses (Prop. 2). Overlap makes it smaller and the error larger."
  }
};

// geco_viz/live/js/explorers/fixed_points.js
var DRAW_GAP = 0.035;
var FixedPlane = class extends SquareChart {
  constructor(host, store, ask) {
    super(host, store, { name: "fixed points", x: { title: "x₁" }, y: { title: "x₂" }, reach: 0.54 });
    this.ask = ask;
    this.cursor = [0, 0];
    this.typing = false;
    host.tabIndex = 0;
    host.setAttribute("role", "application");
    host.setAttribute("aria-label", "Data plane. Click or drag to add points; arrow keys move the cross, Enter adds a point, Backspace removes the last.");
    this.pen();
  }
  get points() {
    const values = this.store.points?.values ?? [];
    return Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i], values[2 * i + 1]]);
  }
  // A pen instead of Plotly's zoom box; the tool bar and the axes keep theirs.
  pen() {
    const { host } = this;
    const place = (event) => {
      const box = host.getBoundingClientRect();
      const { left, top, width, height } = this.area;
      const [u, v] = [event.clientX - box.left, event.clientY - box.top];
      if (!this.ready || u < left || u > left + width || v < top || v > top + height) return null;
      const { xaxis, yaxis } = axesOf(this.plot);
      const at = [
        xaxis.range[0] + (u - left) / width * (xaxis.range[1] - xaxis.range[0]),
        yaxis.range[0] + (1 - (v - top) / height) * (yaxis.range[1] - yaxis.range[0])
      ];
      return at.every((c) => Math.abs(c) <= 0.5) ? at : null;
    };
    const add = (at) => this.send([...this.stroke ?? this.kept(), at]);
    const down = (event) => {
      const at = event.button === 0 && !onToolbar(event.target) && place(event);
      if (!at) return;
      event.stopPropagation();
      if (event.type !== "pointerdown") return;
      this.last = at;
      add(at);
    };
    host.addEventListener("mousedown", down, true);
    host.addEventListener("pointerdown", down, true);
    host.addEventListener("pointermove", (event) => {
      const at = this.last && event.buttons & 1 && place(event);
      if (!at || Math.hypot(at[0] - this.last[0], at[1] - this.last[1]) < DRAW_GAP) return;
      this.last = at;
      add(at);
    });
    for (const name of ["pointerup", "pointerleave"]) host.addEventListener(name, () => this.last = null);
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("blur", () => {
      this.typing = false;
      this.paint();
    });
  }
  // A first stroke replaces an example; later ones add to what is drawn.
  kept() {
    return this.store.points?.own ? this.points : [];
  }
  send(points) {
    this.stroke = points;
    clearTimeout(this.fresh);
    this.fresh = setTimeout(() => this.stroke = null, 1500);
    this.ask({ type: "draw", points: points.slice(-200) });
    this.paint();
  }
  key(event) {
    const stride = event.shiftKey ? 0.1 : 0.02;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (way) this.cursor = this.cursor.map((v, i) => Math.max(-0.5, Math.min(0.5, v + stride * way[i])));
    else if (event.key === "Enter" || event.key === " ") this.send([...this.stroke ?? this.kept(), [...this.cursor]]);
    else if (event.key === "Backspace") this.send((this.stroke ?? this.kept()).slice(0, -1));
    else return;
    this.typing = true;
    event.preventDefault();
    event.stopPropagation();
    this.paint();
  }
  note() {
    const { state } = this.store;
    if (!state) return "";
    return state.converged ? `${state.m} tiles` : "not converged";
  }
  sketch(context, { x, y }) {
    const { store, theme } = this;
    const { paths, state, tree } = store;
    if (paths?.steps > 1) this.paths(context, x, y, paths);
    if (tree?.n && state) this.branches(context, x, y, tree, state.beta);
    const size = Math.max(2.2, Math.min(4, 30 / Math.sqrt(Math.max(1, this.points.length))));
    for (const [a, b] of this.stroke ?? this.points) dot(context, x(a), y(b), size, theme.categories[0]);
    if (state?.values) this.tiles(context, x, y, state);
    if (this.typing) {
      const [a, b] = [x(this.cursor[0]), y(this.cursor[1])];
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [0, 1]]) {
        context.moveTo(a - 9 * dx, b - 9 * dy);
        context.lineTo(a + 9 * dx, b + 9 * dy);
      }
      outlined(context, theme, 0.9);
    }
    this.legend(context, state);
  }
  paths(context, x, y, { steps, m, values }) {
    context.beginPath();
    for (let a = 0; a < m; a++)
      for (let t = 0; t < steps; t++) {
        const k = 2 * (t * m + a);
        context[t ? "lineTo" : "moveTo"](x(values[k]), y(values[k + 1]));
      }
    context.globalAlpha = 0.3;
    context.strokeStyle = this.theme.ghost;
    context.lineWidth = 0.8;
    context.stroke();
    context.globalAlpha = 1;
  }
  // Where the fixed points were at lower beta: as beta rises they run along these to where they merge.
  branches(context, x, y, { n, values }, beta) {
    for (let k = 0; k < n; k++) {
      if (values[4 * k] > beta || values[4 * k + 3] < 2e-3) continue;
      dot(context, x(values[4 * k + 1]), y(values[4 * k + 2]), 1.6, this.theme.muted);
    }
  }
  tiles(context, x, y, { values, m, converged }) {
    const { theme } = this;
    const seen = /* @__PURE__ */ new Set();
    for (let a = 0; a < m; a++) {
      const [px, py] = [x(values[2 * a]), y(values[2 * a + 1])];
      const key = `${Math.round(px)} ${Math.round(py)}`;
      if (seen.has(key)) continue;
      seen.add(key);
      context.beginPath();
      context.arc(px, py, converged ? 4 : 2.6, 0, 2 * Math.PI);
      context.strokeStyle = context.fillStyle = theme.accent;
      context.lineWidth = 1.4;
      if (converged) context.fill();
      else context.stroke();
    }
  }
  legend(context, state) {
    const { left, top } = this.area;
    const { theme } = this;
    context.font = `12px ${FONT}`;
    const entries = [[theme.categories[0], "data"], [theme.accent, state?.converged === false ? "tiles on their way" : "fixed points"]];
    if (this.store.tree?.n) entries.push([theme.muted, "at lower β"]);
    let at = left + 8;
    for (const [colour, text] of entries) {
      dot(context, at + 4, top + 11, 4, colour);
      patched(context, text, at + 12, top + 11, theme, theme.muted);
      at += context.measureText(text).width + 28;
    }
  }
};
var FixedTree = class extends BetaChart {
  constructor(host, store) {
    super(host, store, { name: "merging tree", y: { title: "fixed points, x₁ + x₂/4" } });
    this.ranges.y = [-0.65, 0.65];
  }
  sketch(context, scales) {
    this.marks(context, scales);
    const { tree } = this.store;
    for (let k = 0; k < (tree?.n ?? 0); k++) {
      const [beta, a, b, share] = tree.values.subarray(4 * k, 4 * k + 4);
      const radius = 1.2 + 3 * Math.sqrt(share);
      dot(context, scales.x(beta), scales.y(a + b / 4), radius, this.theme.accent);
    }
  }
};
var FixedCurve = class extends BetaChart {
  constructor(host, store, column, spec) {
    super(host, store, spec);
    this.column = column;
  }
  get values() {
    return this.store.curve?.[this.column] ?? [];
  }
  bounds() {
    const known = this.values.filter((v) => v !== null);
    if (known.length < 2) return {};
    return { y: { low: Math.min(0, ...known), high: Math.max(...known, 1e-6), pad: 0.12 } };
  }
  hover() {
    const { curve } = this.store;
    const name = this.spec.hover;
    return [{ x: curve?.beta ?? [], y: this.values, hovertemplate: `β %{x:.3g}<br>${name} %{y:.3g}<extra></extra>` }];
  }
  note() {
    const { curve } = this.store;
    return curve ? `${curve.beta.length} of ${curve.total} β` : "";
  }
  sketch(context, scales) {
    this.marks(context, scales);
    const { curve, state } = this.store;
    const values = this.values;
    const at = (i) => values[i] === null ? NaN : scales.y(values[i]);
    polyline(context, values.length, (i) => scales.x(curve.beta[i]), at, { colour: this.theme.text, width: 1.8 });
    if (this.column === "error" && Number.isFinite(state?.error ?? NaN))
      ring(context, scales.x(state.beta), scales.y(state.error), this.theme, 0.8);
  }
};
var FIXED_POINTS = {
  "fixed-points": {
    title: "Fixed points",
    plotted: true,
    unit: "draw your own",
    make: (host, store, ask) => new FixedPlane(host, store, ask),
    weight: 3,
    about: "Grey: the way of each tile's reconstruction ψ from its place on the grid, under ψ_a ← Σᵢ m_ia xᵢ / Σᵢ m_ia (eq. 20). Red: where they end. As β rises neighbours merge. Click or drag to draw data of your own; with the keyboard, arrows move a cross and Enter adds a point, Backspace takes the last away."
  },
  "fixed-tree": {
    title: "Merging tree",
    plotted: true,
    unit: "over β, log scale",
    make: (host, store) => new FixedTree(host, store),
    weight: 3,
    about: "Every fixed point at 64 values of β, larger where more tiles end. Branches join where points merge, from one point per datum at the left to one for all at the right."
  },
  "fixed-error": {
    title: "u(β)",
    plotted: true,
    unit: "expected error",
    make: (host, store) => new FixedCurve(host, store, "error", { name: "error over beta", y: { title: "u (data units²)" }, hover: "u" }),
    weight: 2,
    about: "u(β) = E |x − g(z)|², the expected reconstruction error, without a Lipschitz constraint. The ring is the present state; grey lines are its three sharpest bends, known to a step of the grid, 12 %. Tiles of equal mass bend near the exact critical temperatures βc, which have the best masses, not at them."
  },
  "fixed-bend": {
    title: "Bend of u",
    plotted: true,
    unit: "spikes where points merge",
    make: (host, store) => new FixedCurve(host, store, "bend", { name: "bend of u", y: { title: "−d²u/d(ln β)²" }, hover: "−u″" }),
    weight: 2,
    about: "−d²u/d(ln β)²: where fixed points merge the slope of u falls at once, a spike. Taken over ln β: over β itself the mergers of single points at small β tower over those of clusters."
  }
};

// geco_viz/live/js/explorers/partition.js
var Partition = class extends CanvasPanel {
  constructor(host, store, label) {
    super(host, store, label);
    this.canvas.className = "gv-boxes";
    this.cells = document.createElement("canvas");
  }
  restyle(theme) {
    this.painted = null;
    super.restyle(theme);
  }
  colour(a) {
    return this.theme.categories[a % this.theme.categories.length];
  }
  begin() {
    const sheet = this.open();
    const { store } = this;
    if (!sheet || !store.masses || !store.map) return null;
    const { context, width, height } = sheet;
    this.reach = store.map.reach;
    this.scale = Math.min(width - 54, height - 44) / (2 * this.reach);
    this.centre = [44 + (width - 54) / 2, 6 + (height - 44) / 2];
    return context;
  }
  circles(context) {
    priorCircles(context, this.centre, this.scale, this.theme.text);
    const [x, y] = this.centre;
    const edge = this.reach * this.scale;
    const corner = [x - edge, y - edge, 2 * edge];
    latentAxes(context, this.theme, corner, [-2, 0, 2], (v) => edge + v * this.scale);
  }
  framed(context, part, a, x, y, size) {
    context.imageSmoothingEnabled = false;
    context.strokeStyle = this.theme.paper;
    context.lineWidth = 3;
    context.strokeRect(x - size / 2, y - size / 2, size, size);
    this.picture(context, part, a, x - size / 2, y - size / 2, size);
  }
};
var TheoryPartition = class extends Partition {
  draw() {
    const context = this.begin();
    if (!context) return;
    const { masses, atoms } = this.store;
    const [x, y] = this.centre;
    const edge = this.reach * this.scale;
    let from = -Math.PI / 2;
    const sectors = masses.theory.map((mass, a) => {
      const to = from + 2 * Math.PI * mass;
      const sector = [a, from, to];
      from = to;
      return sector;
    });
    for (const [a, low, high] of sectors) {
      context.beginPath();
      context.moveTo(x, y);
      context.arc(x, y, edge, low, high);
      context.closePath();
      context.globalAlpha = 0.62;
      context.fillStyle = this.colour(a);
      context.fill();
      context.globalAlpha = 1;
    }
    this.circles(context);
    if (!atoms) return;
    for (const [a, low, high] of sectors) {
      const middle = (low + high) / 2;
      const size = Math.max(14, Math.min(0.26 * edge, 0.55 * edge * (high - low)));
      const out = sectors.length === 1 ? 0 : 0.6 * edge;
      this.framed(context, atoms, a, x + out * Math.cos(middle), y + out * Math.sin(middle), size);
    }
  }
};
var TrainedPartition = class extends Partition {
  draw() {
    const context = this.begin();
    if (!context) return;
    const { map, means } = this.store;
    const { side, values } = map;
    this.pour(side, values);
    const edge = this.reach * this.scale;
    holeGround(context, this.theme, [this.centre[0] - edge, this.centre[1] - edge, 2 * edge]);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.cells, this.centre[0] - edge, this.centre[1] - edge, 2 * edge, 2 * edge);
    this.circles(context);
    if (!means) return;
    const size = Math.min(0.24 * edge, 42);
    const step = 1.15 * size / this.scale;
    const taken = [];
    const free = ([a, b]) => taken.every(([c, d]) => Math.max(Math.abs(a - c), Math.abs(b - d)) > step);
    this.places(side, values, means.n).forEach((at, a) => {
      if (!at) return;
      const spots = [0, 1, -1, 2, -2].flatMap((k) => [[at[0], at[1] + k * step], [at[0] + k * step, at[1]]]);
      const own = spots.filter(([u, v]) => this.regionAt(side, values, u, v) === a);
      const spot = own.find(free) ?? own[0] ?? at;
      taken.push(spot);
      this.framed(context, means, a, this.centre[0] + spot[0] * this.scale, this.centre[1] - spot[1] * this.scale, size);
    });
  }
  pour(side, values) {
    if (this.painted === values) return;
    this.painted = values;
    Object.assign(this.cells, { width: side, height: side });
    const context = this.cells.getContext("2d");
    const image = context.createImageData(side, side);
    const channels = (hex) => [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
    const paper = channels(this.theme.paper);
    const rgb = this.theme.categories.map((hex) => channels(hex).map((v, k) => 0.62 * v + 0.38 * paper[k]));
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++) {
        const region = values[i * side + j];
        const at = 4 * ((side - 1 - j) * side + i);
        if (region !== 255) image.data.set([...rgb[region % rgb.length], 255], at);
      }
    context.putImageData(image, 0, 0);
  }
  regionAt(side, values, u, v) {
    const [i, j] = [u, v].map((c) => Math.round((c / this.reach + 1) / 2 * (side - 1)));
    return i >= 0 && j >= 0 && i < side && j < side ? values[i * side + j] : -1;
  }
  // The place of each region's picture: the mean of its cells under the prior.
  places(side, values, n) {
    const sums = Array.from({ length: n }, () => [0, 0, 0]);
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++) {
        const region = values[i * side + j];
        if (region >= n) continue;
        const [a, b] = [i, j].map((k) => 2 * k / (side - 1) - 1).map((v) => v * this.reach);
        const weight = Math.exp(-(a * a + b * b) / 2);
        sums[region][0] += weight * a;
        sums[region][1] += weight * b;
        sums[region][2] += weight;
      }
    return sums.map(([a, b, weight]) => weight > 0 ? [a / weight, b / weight] : null);
  }
};
var PartitionMasses = class {
  constructor(host, store) {
    this.host = host;
    this.store = store;
    this.table = div("gv-table");
    host.append(this.table);
  }
  restyle(theme) {
    this.theme = theme;
    this.draw();
  }
  draw() {
    const { masses } = this.store;
    if (!masses || !this.theme) return;
    const most = Math.max(...masses.theory, ...masses.trained, 1e-9);
    const rows = masses.theory.map((mass, a) => {
      const node = div("gv-pair");
      for (const [value, faint] of [[mass, false], [masses.trained[a], true]]) {
        const track = div("gv-line");
        const fill = div("");
        fill.style.width = `${100 * value / most}%`;
        fill.style.background = this.theme.categories[a % this.theme.categories.length];
        fill.style.opacity = faint ? "0.55" : "1";
        track.append(fill, div("gv-value", value.toFixed(3)));
        node.append(track);
      }
      return node;
    });
    this.table.replaceChildren(div("gv-caption", "prior mass: theory γ (full), trained (faint)"), ...rows);
  }
};
var PartitionShares = class extends CanvasPanel {
  constructor(host, store) {
    super(host, store, "share of each datum's posterior in each tile: theory at the left, trained at the right");
    this.canvas.className = "gv-boxes";
  }
  draw() {
    const sheet = this.open();
    const { theme, store } = this;
    if (!sheet || !store.shares) return;
    const { context, width, height } = sheet;
    const { n, m, values } = store.shares;
    const half = (width - 52) / 2;
    const cell = Math.min(half / m, (height - 44) / n, 34);
    context.font = `12.5px ${FONT}`;
    context.textBaseline = "middle";
    for (const [k, title] of ["theory", "trained"].entries()) {
      const left = 26 + k * (half + 12);
      context.fillStyle = theme.muted;
      context.fillText(title, left, 8);
      for (let i = 0; i < n; i++) {
        const y = 20 + i * cell;
        if (!k) {
          context.fillStyle = theme.muted;
          if (cell > 10) context.fillText(store.legend?.labels[i] ?? "", 6, y + cell / 2);
        }
        for (let a = 0; a < m; a++) {
          const share = values[k * n * m + i * m + a];
          context.fillStyle = theme.grid;
          context.fillRect(left + a * cell, y, cell - 2, cell - 2);
          context.globalAlpha = share;
          context.fillStyle = theme.categories[a % theme.categories.length];
          context.fillRect(left + a * cell, y, cell - 2, cell - 2);
          context.globalAlpha = 1;
          if (cell > 24 && share > 0.02) {
            context.fillStyle = theme.text;
            context.textAlign = "center";
            context.fillText(decimals(share), left + a * cell + cell / 2 - 1, y + cell / 2);
            context.textAlign = "left";
          }
        }
      }
    }
  }
};
var PARTITION = {
  "part-theory": {
    title: "Theory's partition",
    unit: "one arrangement of many",
    make: (host, store) => new TheoryPartition(host, store, "theory's tiles as sectors of the prior, each with its reconstruction"),
    weight: 3,
    about: "The optimal tiles at this κ: each has a reconstruction point ψ_a and a prior mass γ_a (Prop. 5; 1/n each as κ → 0, Prop. 2). Theory fixes masses, not places: sectors of these angles are one arrangement of many. The circles are 1, 2 and 3 standard deviations of the prior."
  },
  "part-trained": {
    title: "Trained posterior",
    unit: "g(z) nearest to which ψ",
    make: (host, store) => new TrainedPartition(host, store, "the latent space by the tile that the trained decoder's image is nearest to"),
    weight: 3,
    about: "Each place z of the latent space in the colour of the ψ_a that the trained decoder's g(z) is nearest to, with the mean picture of each region. Dark and hatched: holes, where q(z)/π(z) < 0.1."
  },
  "part-masses": {
    title: "Masses",
    make: (host, store) => new PartitionMasses(host, store),
    weight: 2,
    about: "Prior mass of each tile: theory's γ_a, and the prior mass of the trained region without its holes."
  },
  "part-shares": {
    title: "Which datum uses which tile",
    unit: "q(tile | x)",
    make: (host, store) => new PartitionShares(host, store),
    weight: 2,
    about: "Rows are data, columns tiles. Left q(a | xᵢ) of theory (eq. 19), right the share of 256 posterior samples whose reconstruction is nearest to ψ_a. A datum spread over tiles is one that the code does not tell apart."
  }
};

// geco_viz/live/js/explorers.js
var PANELS = {
  ...FIXED_POINTS,
  ...BLUR_AND_HOLES,
  ...PARTITION,
  status: { title: "Status", make: (host, store) => new ExplorerStatus(host, store), weight: 0 }
};
var ExplorerBoard = class extends Board {
  bar() {
  }
  // no iterations here
  frame(message, buffers) {
    super.frame(message, buffers);
    for (const panel of this.panels) panel.dirty = true;
  }
};
var explorers_default = {
  render({ model, el }) {
    const board = new ExplorerBoard(model, el, PANELS);
    return () => board.dispose();
  }
};
export {
  explorers_default as default
};
