// The live view's entry.

import { Board } from "./board.js";
import { PANELS } from "./panels.js";

export default {
  render({ model, el }) {
    const board = new Board(model, el, PANELS);
    return () => board.dispose();
  },
};
