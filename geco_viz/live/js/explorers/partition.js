// Theory's partition of the latent space, and the one that a run has learned.

import { priorCircles } from "../canvas.js";
import { FONT } from "../palette.js";
import { CanvasPanel } from "../panel.js";
import { decimals, div } from "../pieces.js";
import { holeGround, latentAxes } from "./shared.js";

class Partition extends CanvasPanel {
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
}

// Sectors of a round prior have whatever mass their angle says: one arrangement of many.
class TheoryPartition extends Partition {
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
}

class TrainedPartition extends Partition {
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
    const step = (1.15 * size) / this.scale;
    const taken = [];
    const free = ([a, b]) => taken.every(([c, d]) => Math.max(Math.abs(a - c), Math.abs(b - d)) > step);
    this.places(side, values, means.n).forEach((at, a) => {
      if (!at) return;
      // Beside another picture it moves along its region, as far as that goes.
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
        const region = values[i * side + j]; // i along z1, j up along z2
        const at = 4 * ((side - 1 - j) * side + i);
        if (region !== 255) image.data.set([...rgb[region % rgb.length], 255], at); // holes: seen through
      }
    context.putImageData(image, 0, 0);
  }

  regionAt(side, values, u, v) {
    const [i, j] = [u, v].map((c) => Math.round(((c / this.reach + 1) / 2) * (side - 1)));
    return i >= 0 && j >= 0 && i < side && j < side ? values[i * side + j] : -1;
  }

  // The place of each region's picture: the mean of its cells under the prior.
  places(side, values, n) {
    const sums = Array.from({ length: n }, () => [0, 0, 0]);
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++) {
        const region = values[i * side + j];
        if (region >= n) continue;
        const [a, b] = [i, j].map((k) => (2 * k) / (side - 1) - 1).map((v) => v * this.reach);
        const weight = Math.exp(-(a * a + b * b) / 2);
        sums[region][0] += weight * a;
        sums[region][1] += weight * b;
        sums[region][2] += weight;
      }
    return sums.map(([a, b, weight]) => (weight > 0 ? [a / weight, b / weight] : null));
  }
}

class PartitionMasses {
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
        fill.style.width = `${(100 * value) / most}%`;
        fill.style.background = this.theme.categories[a % this.theme.categories.length];
        fill.style.opacity = faint ? "0.55" : "1";
        track.append(fill, div("gv-value", value.toFixed(3)));
        node.append(track);
      }
      return node;
    });
    this.table.replaceChildren(div("gv-caption", "prior mass: theory γ (full), trained (faint)"), ...rows);
  }
}

class PartitionShares extends CanvasPanel {
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
}

export const PARTITION = {
  "part-theory": {
    title: "Theory's partition",
    unit: "one arrangement of many",
    make: (host, store) => new TheoryPartition(host, store, "theory's tiles as sectors of the prior, each with its reconstruction"),
    weight: 3,
    about:
      "The optimal tiles at this κ: each has a reconstruction point ψ_a and a prior mass γ_a (Prop. 5; 1/n each as κ → 0, Prop. 2). Theory fixes masses, not places: sectors of these angles are one arrangement of many. The circles are 1, 2 and 3 standard deviations of the prior.",
  },
  "part-trained": {
    title: "Trained posterior",
    unit: "g(z) nearest to which ψ",
    make: (host, store) => new TrainedPartition(host, store, "the latent space by the tile that the trained decoder's image is nearest to"),
    weight: 3,
    about:
      "Each place z of the latent space in the colour of the ψ_a that the trained decoder's g(z) is nearest to, with the mean picture of each region. Dark and hatched: holes, where q(z)/π(z) < 0.1.",
  },
  "part-masses": {
    title: "Masses",
    make: (host, store) => new PartitionMasses(host, store),
    weight: 2,
    about: "Prior mass of each tile: theory's γ_a, and the prior mass of the trained region without its holes.",
  },
  "part-shares": {
    title: "Which datum uses which tile",
    unit: "q(tile | x)",
    make: (host, store) => new PartitionShares(host, store),
    weight: 2,
    about: "Rows are data, columns tiles. Left q(a | xᵢ) of theory (eq. 19), right the share of 256 posterior samples whose reconstruction is nearest to ψ_a. A datum spread over tiles is one that the code does not tell apart.",
  },
};
