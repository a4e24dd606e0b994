// When an axis takes a new range: seldom, since each one costs Plotly a new layout.

// wish: { low, high, fixedLow, grow }. A new range where the data has left the old one or fills less than half of it.
export function roomFor(wish, [low, high]) {
  if (!(wish.high > wish.low)) return null;
  const target = padded(wish);
  const inside = wish.low >= low - 1e-9 && wish.high <= high + 1e-9;
  const filled = (target[1] - target[0]) / (high - low);
  return inside && filled > 0.55 ? null : target;
}

export function padded({ low, high, pad = 0.08, grow = 0, fixedLow = false }) {
  const room = high - low;
  return [fixedLow ? low : low - pad * room, high + Math.max(pad, grow) * room];
}
