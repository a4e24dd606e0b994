// The names of earlier runs in the information plane.

import { patched } from "./canvas.js";
import { FONT } from "./palette.js";

// At the end of each earlier run, beside the marks and the other names.
export function ghostNames(context, { x, y }, { store, theme, area }) {
  const { left, top, width, height } = area;
  const marks = [[store.now["err/re"], store.now.kl], store.evaluations.at(-1)?.slice(1) ?? []];
  const taken = marks.filter(([e]) => Number.isFinite(e)).map(([e, k]) => ({ x: x(e) - 10, y: y(k) - 10, w: 20, h: 20 }));
  const apart = (a, b) => a.x + a.w < b.x || b.x + b.w < a.x || a.y + a.h < b.y || b.y + b.h < a.y;
  context.font = `12px ${FONT}`;
  for (const { name, rows } of store.ghosts) {
    const end = rows.at(-1);
    const [at, over] = end ? [x(end[1]), y(end[2])] : [NaN, NaN];
    if (!(at > left && at < left + width && over > top && over < top + height)) continue;
    const w = context.measureText(name).width;
    const spots = [-10, -26, -42, -58, 12]
      .flatMap((dy) => [[at + 6, over + dy], [at - 6 - w, over + dy]])
      .map(([u, v]) => ({ x: u, y: v - 8, w, h: 16 }))
      .filter((box) => box.x > left && box.x + w < left + width && box.y > top && box.y + 16 < top + height);
    const box = spots.find((one) => taken.every((other) => apart(one, other))) ?? spots[0];
    if (!box) continue;
    taken.push(box);
    patched(context, name, box.x, box.y + 8, theme, theme.muted);
  }
}
