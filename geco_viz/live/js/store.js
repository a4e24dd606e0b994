// What the page knows of the run: filled by frames, read by panels.

import { bytesOf } from "./plotly.js";

export class Store {
  constructor() {
    this.columns = {}; // name -> Float32Array, longer than n
    this.names = [];
    this.n = 0;
    this.total = 0;
    this.now = {}; // mean of the newest rows by column
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
      // Copied: a view of the message may start where float32 must not.
      return new Float32Array(bytes.slice().buffer);
    };
    if (part.kind === "rows") this.addRows(part, floats());
    else if (part.kind === "evaluations") this.evaluations = triples(floats());
    else if (part.kind === "ghosts") this.addGhosts(part, floats());
    else if (part.kind === "images") this.images = { ...part, pixels: bytesOf(buffer).slice() };
    else if (part.kind === "tiling") this.tiling = { ...part, z: floats() };
    else if (buffer === undefined) this[part.kind] = part;
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
}

function triples(values) {
  return Array.from({ length: values.length / 3 }, (_, i) => [...values.subarray(3 * i, 3 * i + 3)]);
}

// The q-th quantile of the finite values among the first n; NaN where there is none.
export function quantile(values, n, q) {
  const sorted = values.slice(0, n).filter(Number.isFinite).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : NaN;
}
