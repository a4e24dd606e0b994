// plotly.js is sent once per page, gzipped, and kept on the window for every view of the page.

// And what we use of plotly that it does not document: one place to look at when it moves.

/** @type {{ plotly: any, asked: number, arrived: (plotly: any) => void, waiting: Promise<any> }} */
export const shelf = onWindow();

function onWindow() {
  const page = /** @type {any} */ (window);
  if (!page.__gecoViz) {
    page.__gecoViz = { plotly: null, asked: -Infinity };
    page.__gecoViz.waiting = new Promise((resolve) => {
      page.__gecoViz.arrived = resolve;
    });
  }
  return page.__gecoViz;
}

const PLOTLY_WAIT = 15000; // after which another view asks again: the one that asked may be gone

export function mustAskForPlotly() {
  if (shelf.plotly || performance.now() - shelf.asked < PLOTLY_WAIT) return false;
  shelf.asked = performance.now();
  return true;
}

export async function unpackPlotly(buffer) {
  if (shelf.plotly) return;
  const packed = new Blob([bytesOf(buffer)]).stream();
  const code = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).text();
  const module = [
    "const module = { exports: {} }, exports = module.exports;\n",
    code,
    "\nexport default module.exports;",
  ];
  const url = URL.createObjectURL(new Blob(module, { type: "text/javascript" }));
  try {
    shelf.plotly = (await import(url)).default;
    shelf.arrived(shelf.plotly);
  } finally {
    URL.revokeObjectURL(url);
  }
}

export function bytesOf(buffer) {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

// The axes as they are drawn this moment, also in the middle of a drag.
export function axesOf(plot) {
  const { xaxis, yaxis } = plot._fullLayout;
  return { xaxis, yaxis };
}

// Where a canvas lies over lines and fills, and under labels and hover texts.
export function layCanvas(plot, canvas) {
  const below = plot.querySelector(".gl-container");
  if (below) below.after(canvas);
  else plot.parentElement.append(canvas);
}

export const onToolbar = (node) => Boolean(node.closest(".modebar-container"));
