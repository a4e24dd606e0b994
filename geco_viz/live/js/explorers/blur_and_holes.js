// Figure 1: boxes in latent space to move and to widen, and what the best decoder makes of them.

import { crosshair, patched } from "../canvas.js";
import { FONT } from "../palette.js";
import { CanvasPanel, pourImage } from "../panel.js";
import { chip, decodedImage, div, massBar, politeFacts } from "../pieces.js";
import { holeGround, latentAxes } from "./shared.js";

const CORNER = 9; // half the side of a corner's handle, CSS pixels

class BlurLatent extends CanvasPanel {
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
      // The middle of a tile is its grip; elsewhere the pointer only looks.
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
    this.own = this.tiles.map((kept, i) => (i === tile ? box.map((v) => Math.max(0, Math.min(1, v))) : kept));
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
    // Paper under the tiles: their own colours are laid over each other where they overlap.
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
}

const moved = (box, dx, dy) => {
  const [a, b, c, d] = box;
  const x = Math.max(-a, Math.min(1 - c, dx));
  const y = Math.max(-b, Math.min(1 - d, dy));
  return [a + x, b + y, c + x, d + y];
};

class BlurDecoder extends CanvasPanel {
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
        const [x, y] = [left + i * cell, 6 + (side - 1 - j) * cell]; // i along z1, j up along z2
        this.picture(context, store.mosaic, i * side + j, x, y, cell - 1);
      }
    latentAxes(context, theme, [left, 6, room], [0, 0.5, 1], (v) => v * room);
    for (const [k, [a, b, e, d]] of (store.blur?.tiles ?? []).entries()) {
      context.strokeStyle = theme.categories[k % theme.categories.length];
      context.lineWidth = 2;
      context.strokeRect(left + a * room, 6 + (1 - d) * room, (e - a) * room, (d - b) * room);
    }
  }
}

class BlurFigures {
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
      ...tiles,
    );
  }
}

export const BLUR_AND_HOLES = {
  "blur-latent": {
    title: "Latent space",
    unit: "drag a digit or a corner",
    make: (host, store, ask) => new BlurLatent(host, store, ask),
    weight: 3,
    about:
      "Each coloured box Ωᵢ is the support of q(z | xᵢ), the uniform prior cut to it. Drag the digit in its middle to move it, the corner to widen it. Dark and hatched: holes, which no posterior covers. Pointing anywhere decodes that place.",
  },
  "blur-decoder": {
    title: "Best decoder",
    unit: "g(z) over the same square",
    make: (host, store) => new BlurDecoder(host, store),
    weight: 3,
    about:
      "g(z) = Σᵢ wᵢ(z) xᵢ with wᵢ ∝ 1/πᵢ over the tiles that hold z (eq. 4, Prop. 3): one datum's own tile shows it sharp, overlaps show averages. In holes the ELBO asks for nothing, so what stands there is arbitrary.",
  },
  "blur-figures": {
    title: "Figures",
    make: (host, store) => new BlurFigures(host, store),
    weight: 2,
    about:
      "KL(q(z | xᵢ) ‖ π) = −ln πᵢ for a tile of prior mass πᵢ. Tiles that part the square have a mean KL of at least ln n, and ln n for equal masses (Prop. 2). Overlap makes it smaller and the error larger.",
  },
};
