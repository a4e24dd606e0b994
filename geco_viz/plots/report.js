(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement, button = document.getElementById("toggle");
  const prefers = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  const draw = () => {
    const theme = chosen ?? (prefers.matches ? "dark" : "light");
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `switch to ${button.textContent} colours`);
    for (const [name, figure] of Object.entries(figures[theme])) {
      const { data, layout } = structuredClone(figure); // plotly writes into what it is given
      Plotly.react(document.querySelector(`#${name} .live`), data, { ...layout, autosize: true }, {
        responsive: true, displaylogo: false,
        toImageButtonOptions: { format: "svg", filename: `${document.title} ${name}` },
      });
    }
  };
  const print = matchMedia("print");
  print.addEventListener("change", () => { root.dataset.theme = print.matches ? "light" : (chosen ?? (prefers.matches ? "dark" : "light")); });
  addEventListener("beforeprint", () => { root.dataset.theme = "light"; });
  addEventListener("afterprint", draw);
  prefers.addEventListener("change", draw);
  button.addEventListener("click", () => { chosen = root.dataset.theme === "dark" ? "light" : "dark"; draw(); });
  draw();
})();
