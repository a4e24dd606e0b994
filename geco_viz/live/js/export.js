// PNG and SVG of a chart with its live points: a full Plotly figure, built when somebody asks for it.

import { escaped, take } from "./canvas.js";
import { axesOf } from "./plotly.js";

function exportFigure(chart) {
  const { theme, store } = chart;
  const layout = chart.layout();
  layout.paper_bgcolor = layout.plot_bgcolor = theme.paper;
  layout.title = { text: `${chart.spec.name} · ${escaped(store.setup.title)}`, font: { size: 16 }, x: 0.02, xanchor: "left" };
  layout.margin = { ...layout.margin, t: 48, r: 110, b: 60 };
  const { xaxis, yaxis } = axesOf(chart.plot);
  layout.xaxis.range = [...xaxis.range];
  layout.yaxis.range = [...yaxis.range];
  const lines = chart.live();
  layout.shapes = lines.flatMap((line) => line.shape ?? []);
  layout.annotations = [...layout.annotations, ...lines.flatMap((line) => line.note ?? [])];
  const data = lines.flatMap((line) => line.trace ?? []);
  return { data: [...chart.resting(), ...data], layout };
}

export function exportChart(chart, format) {
  const size = { width: 1000, height: 640, scale: format === "png" ? 2 : 1 };
  const figure = exportFigure(chart);
  Object.assign(figure.layout, { width: size.width, height: size.height });
  const filename = `geco-viz ${chart.spec.name} step ${chart.store.lastStep}`.replace(/[^\w.-]+/g, "-");
  return chart.Plotly.downloadImage(figure, { format, filename, ...size });
}

// A Plotly trace of points coloured by iteration, as `trail` draws them.
export function colouredTrace(chart, xs, ys, { name, bar = true }) {
  const { store, theme } = chart;
  const all = Array.from({ length: store.n }, (_, i) => i);
  return {
    type: "scatter",
    mode: "lines+markers",
    name,
    x: take(xs, all),
    y: take(ys, all),
    line: { color: theme.ghost, width: 0.6 },
    marker: {
      size: 5,
      color: take(store.columns.step, all),
      cmin: 0,
      cmax: store.lastStep,
      colorscale: theme.iterations,
      showscale: bar,
      colorbar: { title: { text: "step" }, thickness: 12, outlinewidth: 0 },
    },
  };
}
