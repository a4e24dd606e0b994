// An explorer's entry: the live view's board, where any panel may read any part.

class ExplorerBoard extends Board {
  bar() {} // no iterations here

  frame(message, buffers) {
    super.frame(message, buffers);
    for (const panel of this.panels) panel.dirty = true;
  }
}

export default {
  render({ model, el }) {
    const board = new ExplorerBoard(model, el);
    return () => board.dispose();
  },
};
