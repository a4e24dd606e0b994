// Ranges of axes and rows of panels.

import { describe, expect, it, test } from "vitest";
import { roomFor } from "../../geco_viz/live/js/axes.js";
import { spans } from "../../geco_viz/live/js/board.js";
import { escaped } from "../../geco_viz/live/js/canvas.js";

describe("an axis", () => {
  it("moves only when it must", () => {
    expect(roomFor({ low: 0, high: 80 }, [-10, 100])).toBe(null);
    expect(roomFor({ low: 0, high: Number.NaN }, [0, 1])).toBe(null);
    const grown = roomFor({ low: 0, high: 120 }, [-10, 100]);
    expect(grown[0]).toBeLessThan(0);
    expect(grown[1]).toBeGreaterThan(120);
    const shrunk = roomFor({ low: 0, high: 20 }, [-10, 100]);
    expect(shrunk[1]).toBeGreaterThan(20);
    expect(shrunk[1]).toBeLessThan(30);
  });

  it("that grows is laid out seldom", () => {
    let range = [0, 50];
    let moves = 0;
    for (let step = 1; step <= 100000; step += 10) {
      const wish = { low: 0, high: Math.max(50, 1.01 * step), fixedLow: true, pad: 0, grow: 0.25 };
      const next = roomFor(wish, range);
      if (next) {
        range = next;
        moves++;
      }
    }
    expect(moves).toBeGreaterThan(10);
    expect(moves).toBeLessThan(50);
  });
});

test.each([
  [[3, 3, 2, 2, 2, 0], 1500, [6, 6, 4, 4, 4, 12]],
  [[3, 3, 2, 2, 2, 0], 850, [6, 6, 4, 4, 4, 12]],
  [[3, 3, 2, 2, 2, 0], 672, [6, 6, 6, 6, 12, 12]],
  [[3, 3, 2, 2, 2, 0], 400, [12, 12, 12, 12, 12, 12]],
  [[0], 900, [12]],
  [[2, 3], 900, [5, 7]],
  [[2, 0, 2], 900, [12, 12, 12]],
])("panels %j at %d px share rows while they stay readable", (weights, width, columns) => {
  expect(spans(weights, width)).toEqual(columns);
});

test("text for plotly is escaped", () => {
  expect(escaped('<a href="x">&')).toBe("&lt;a href=&quot;x&quot;&gt;&amp;");
});
