// What the explorers' panels share: charts with equal units, marks of beta, a status line without steps.

// A plane with the same unit both ways, at least [-reach, reach] each way.
class SquareChart extends Chart {
  bounds() {
    const { width, height } = this.area;
    const reach = this.spec.reach;
    const [across, up] = [Math.max(1, width / height), Math.max(1, height / width)];
    const middle = this.spec.middle ?? 0;
    return {
      x: { low: middle - reach * across, high: middle + reach * across, pad: 0 },
      y: { low: middle - reach * up, high: middle + reach * up, pad: 0 },
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
}

// Values over beta on a log axis, with the present beta and the critical temperatures.
class BetaChart extends Chart {
  constructor(host, store, spec) {
    super(host, store, { x: { title: "β (data units²)", log: true }, ...spec });
    this.ranges.x = [-3.7, -0.7];
  }

  get beta() {
    return this.store.state?.beta ?? NaN;
  }

  marks(context, { x }) {
    const { left, top, height } = this.area;
    const { theme } = this;
    // Labels stand left of their lines, the rightmost on top: what curves do there, they do below.
    let next = Infinity;
    let row = 0;
    context.font = `12px ${FONT}`;
    context.textAlign = "right";
    for (const critical of [...(this.store.curve?.critical ?? [])].sort((p, q) => q - p)) {
      const at = x(critical);
      row = next - at < 52 ? row + 1 : 0;
      next = at;
      polyline(context, 2, () => at, (i) => top + i * height, { colour: theme.ghost, width: 1.2 });
      patched(context, short(critical), at - 5, top + 10 + 17 * row, theme, theme.muted);
    }
    context.textAlign = "left";
    if (Number.isFinite(this.beta)) {
      const at = x(this.beta);
      polyline(context, 2, () => at, (i) => top + i * height, { colour: theme.accent, width: 2, dash: [5, 4] });
    }
  }
}

class ExplorerStatus extends StatusLine {
  draw() {
    super.draw();
    this.say(this.pace, "");
  }
}

function dot(context, x, y, radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
}

PANEL_SPECS.status = { ...PANEL_SPECS.status, make: (host, store) => new ExplorerStatus(host, store) };
