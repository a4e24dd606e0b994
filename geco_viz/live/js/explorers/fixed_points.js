// The panels of fixed points: the plane, the tree over beta, u(beta) and its bend.

import { outlined, patched, polyline, ring } from "../canvas.js";
import { FONT } from "../palette.js";
import { axesOf, onToolbar } from "../plotly.js";
import { BetaChart, dot, SquareChart } from "./shared.js";

const DRAW_GAP = 0.035; // between the points of a stroke, data units

class FixedPlane extends SquareChart {
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
        xaxis.range[0] + ((u - left) / width) * (xaxis.range[1] - xaxis.range[0]),
        yaxis.range[0] + (1 - (v - top) / height) * (yaxis.range[1] - yaxis.range[0]),
      ];
      return at.every((c) => Math.abs(c) <= 0.5) ? at : null;
    };
    const add = (at) => this.send([...(this.stroke ?? this.kept()), at]);
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
    for (const name of ["pointerup", "pointerleave"]) host.addEventListener(name, () => (this.last = null));
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
    this.fresh = setTimeout(() => (this.stroke = null), 1500); // by then the kernel has answered
    this.ask({ type: "draw", points: points.slice(-200) });
    this.paint();
  }

  key(event) {
    const stride = event.shiftKey ? 0.1 : 0.02;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (way) this.cursor = this.cursor.map((v, i) => Math.max(-0.5, Math.min(0.5, v + stride * way[i])));
    else if (event.key === "Enter" || event.key === " ") this.send([...(this.stroke ?? this.kept()), [...this.cursor]]);
    else if (event.key === "Backspace") this.send((this.stroke ?? this.kept()).slice(0, -1));
    else return;
    this.typing = true;
    event.preventDefault();
    event.stopPropagation(); // not a command of the notebook
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
      if (values[4 * k] > beta || values[4 * k + 3] < 0.002) continue;
      dot(context, x(values[4 * k + 1]), y(values[4 * k + 2]), 1.6, this.theme.muted);
    }
  }

  tiles(context, x, y, { values, m, converged }) {
    const { theme } = this;
    const seen = new Set();
    for (let a = 0; a < m; a++) {
      const [px, py] = [x(values[2 * a]), y(values[2 * a + 1])];
      const key = `${Math.round(px)} ${Math.round(py)}`;
      if (seen.has(key)) continue; // a thousand tiles at seven places are seven circles
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
}

class FixedTree extends BetaChart {
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
      // A slant keeps places apart that are above each other.
      dot(context, scales.x(beta), scales.y(a + b / 4), radius, this.theme.accent);
    }
  }
}

class FixedCurve extends BetaChart {
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
    const at = (i) => (values[i] === null ? NaN : scales.y(values[i]));
    polyline(context, values.length, (i) => scales.x(curve.beta[i]), at, { colour: this.theme.text, width: 1.8 });
    if (this.column === "error" && Number.isFinite(state?.error ?? NaN))
      ring(context, scales.x(state.beta), scales.y(state.error), this.theme, 0.8);
  }
}

export const FIXED_POINTS = {
  "fixed-points": {
    title: "Fixed points",
    plotted: true,
    unit: "draw your own",
    make: (host, store, ask) => new FixedPlane(host, store, ask),
    weight: 3,
    about:
      "Grey: the way of each tile's reconstruction ψ from its place on the grid, under ψ_a ← Σᵢ m_ia xᵢ / Σᵢ m_ia (eq. 20). Red: where they end. As β rises neighbours merge. " +
      "Click or drag to draw data of your own; with the keyboard, arrows move a cross and Enter adds a point, Backspace takes the last away.",
  },
  "fixed-tree": {
    title: "Merging tree",
    plotted: true,
    unit: "over β, log scale",
    make: (host, store) => new FixedTree(host, store),
    weight: 3,
    about: "Every fixed point at 64 values of β, larger where more tiles end. Branches join where points merge, from one point per datum at the left to one for all at the right.",
  },
  "fixed-error": {
    title: "u(β)",
    plotted: true,
    unit: "expected error",
    make: (host, store) =>
      new FixedCurve(host, store, "error", { name: "error over beta", y: { title: "u (data units²)" }, hover: "u" }),
    weight: 2,
    about: "u(β) = E |x − g(z)|², the expected reconstruction error, without a Lipschitz constraint. The ring is the present state; grey lines are its three sharpest bends, known to a step of the grid, 12 %. Tiles of equal mass bend near the exact critical temperatures βc, which have the best masses, not at them.",
  },
  "fixed-bend": {
    title: "Bend of u",
    plotted: true,
    unit: "spikes where points merge",
    make: (host, store) =>
      new FixedCurve(host, store, "bend", { name: "bend of u", y: { title: "−d²u/d(ln β)²" }, hover: "−u″" }),
    weight: 2,
    about: "−d²u/d(ln β)²: where fixed points merge the slope of u falls at once, a spike. Taken over ln β: over β itself the mergers of single points at small β tower over those of clusters.",
  },
};
