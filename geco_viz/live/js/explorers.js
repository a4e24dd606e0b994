// An explorer's entry: the live view's board, where any panel may read any part.

import { Board } from "./board.js";
import { BLUR_AND_HOLES } from "./explorers/blur_and_holes.js";
import { FIXED_POINTS } from "./explorers/fixed_points.js";
import { PARTITION } from "./explorers/partition.js";
import { ExplorerStatus } from "./explorers/shared.js";

const PANELS = {
  ...FIXED_POINTS,
  ...BLUR_AND_HOLES,
  ...PARTITION,
  status: { title: "Status", make: (host, store) => new ExplorerStatus(host, store), weight: 0 },
};

class ExplorerBoard extends Board {
  bar() {} // no iterations here

  frame(message, buffers) {
    super.frame(message, buffers);
    for (const panel of this.panels) panel.dirty = true;
  }
}

export default {
  render({ model, el }) {
    const board = new ExplorerBoard(model, el, PANELS);
    return () => board.dispose();
  },
};
