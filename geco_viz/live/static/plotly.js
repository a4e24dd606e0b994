// plotly.js is sent once per page, gzipped, and kept on the window for every view of the page.

const shelf = (window.__gecoViz ??= { plotly: null, asked: -Infinity, arrived: null });
shelf.waiting ??= new Promise((resolve) => (shelf.arrived = resolve));

const PLOTLY_WAIT = 15000; // after which another view asks again: the one that asked may be gone

function mustAskForPlotly() {
  if (shelf.plotly || performance.now() - shelf.asked < PLOTLY_WAIT) return false;
  shelf.asked = performance.now();
  return true;
}

async function unpackPlotly(buffer) {
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

function bytesOf(buffer) {
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
