// The posterior tiling: samples of q(z | x_i) coloured by datum over the prior, and a probe that decodes any z.

import { crosshair, priorCircles, sized } from "./canvas.js";
import { FONT } from "./palette.js";
import { pourImage } from "./panel.js";
import { chip, decodedImage, div, massBar, minus, politeFacts } from "./pieces.js";
import { bytesOf } from "./plotly.js";

const TILING_REACH = 3.4; // standard deviations of the prior shown
const PROBE_AGAIN = 1000; // ms after which a resting probe is asked again, since the decoder moves

export class Tiling {
  constructor(host, store, ask) {
    this.store = store;
    this.ask = ask;
    this.at = [0, 0];
    this.waiting = null; // id of the probe that is out
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
        -(event.clientY - box.top - this.centre[1]) / this.scale,
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
    const along = (i) => (axes ? this.at[0] * axes[0][i] + this.at[1] * axes[1][i] : (this.at[i] ?? 0));
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
    const lost = performance.now() - this.asked > 3000;
    if (!tiling?.n || !this.wanted || (this.waiting !== null && !lost)) return;
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
    const best = weights
      .map((weight, i) => [weight ?? 0, i])
      .sort((a, b) => b[0] - a[0])
      .slice(0, 3);
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
    this.facts.replaceChildren(...(weights.length ? [place, line, ratio] : [place]));
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
    // Equal units both ways; a long side shows somewhat more of the plane, not empty space for its own sake.
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
        // One latent dimension: each datum gets a row of its own.
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
      caption.title =
        "the prior mass of each datum's tile, where q(z | xᵢ) is the largest, times n; the line marks 1, equal tiles (the limit κ → 0); – where data share their codes, so that none has a tile";
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
}
