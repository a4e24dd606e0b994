// What the page keeps of the frames.

import { describe, expect, it, test } from "vitest";
import { rateAt, reachOf } from "../../geco_viz/live/js/plane.js";
import { quantile, Store } from "../../geco_viz/live/js/store.js";

const floats = (...values) => new DataView(new Float32Array(values).buffer);

describe("the store", () => {
  const rows = (full, n, total, now) => ({ kind: "rows", full, n, total, columns: ["step", "kl"], now: [now, null] });

  it("appends and replaces", () => {
    const store = new Store();
    store.apply(rows(true, 2, 2, 1.5), floats(1, 10, 2, 20));
    store.apply(rows(false, 1, 5, 3), floats(5, 50));
    expect([store.n, store.total, store.lastStep]).toEqual([3, 5, 5]);
    expect([...store.columns.kl.slice(0, 3)]).toEqual([10, 20, 50]);
    expect(store.now).toEqual({ step: 3, kl: Number.NaN });
    store.apply(rows(true, 1, 9, 9), floats(9, 90));
    expect([store.n, store.lastStep, store.columns.kl[0]]).toEqual([1, 9, 90]);
  });

  it("grows past its first length", () => {
    const store = new Store();
    for (let k = 0; k < 5000; k++)
      store.apply({ kind: "rows", full: !k, n: 1, total: k + 1, columns: ["step"] }, floats(k));
    expect(store.n).toBe(5000);
    expect(store.columns.step.slice(0, 5000).every((v, i) => v === i)).toBe(true);
  });
});

test("quantiles leave out what is no number", () => {
  expect(quantile(new Float32Array([3, Number.NaN, 1, 2, Number.POSITIVE_INFINITY, 9]), 5, 0.5)).toBe(2);
  expect(quantile(new Float32Array([Number.NaN]), 1, 0.5)).toBe(Number.NaN);
});

test("the limit between its points is linear, before them constant, after them zero", () => {
  const limit = { kappa: [0.1, 0.2, 0.3], rate: [1, 0.5, 0] };
  expect([0.05, 0.15, 0.4].map((x) => rateAt(limit, x))).toEqual([1, 0.75, 0]);
  expect([reachOf(limit), reachOf({ kappa: [], rate: [] })]).toEqual([0.3, 0]);
});
