"""The live dashboard, measured in a real JupyterLab: frames, cost to the kernel, slider latency.

    python benchmarks/live_dashboard.py [--moves 220] [--drags 20] [--width 1280] [--quick]

Single moves of a key; drags with the mouse, and what of them still comes after the hand has
stopped; drags while a cell sleeps or waits. Prints p50 and p95 beside the bars of the project.
Everything is measured in one session; the FigureWidget that it is compared with then shows the
same run, alone and at the same rate. Needs MNIST (GECO_VIZ_DATA), Chromium and the `test` extra.
`--quick` is the short form: digits that need no data, a few moves, and no FigureWidget.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
os.environ.setdefault("GECO_VIZ_DATA", str(ROOT.parent / "shared" / "data"))

from lab import Lab, Server, browser, handle  # noqa: E402  the path above has to come first

EXPLORE = "import geco_viz as gv\ndash = gv.explore({data!r})\ndash"
BUSY = {
    "sleeps": "time.sleep(6)",
    "waits": "__import__('threading').Timer(6, dash.run.pause).start(); dash.run.wait(10**9)",
}

FIGURE_WIDGET = """
run = dash.run
dash.close()
run.play()
import ipywidgets, threading, time, plotly.graph_objects as go
names = ["kl", "err/re", "multiplier/re", "kappa/re"]
fig = go.FigureWidget([go.Scatter(x=[], y=[], name=n) for n in names])
slider = ipywidgets.FloatLogSlider(description="kappa", value=0.05, min=-2, max=-0.5, step=0.01)
slider.observe(lambda change: run.edit("kappa/re", change["new"]), "value")
going = True
def pump():
    while going:
        history = run.history
        kept = history.decimate(1000)
        x = history["step"][kept]
        with fig.batch_update():
            for trace, name in zip(fig.data, names):
                trace.x, trace.y = x, history[name][kept]
        time.sleep(0.1)
threading.Thread(target=pump, daemon=True).start()
ipywidgets.VBox([slider, fig])
"""

# Clock of the page in seconds since 1970, as `time.time()` of the kernel on the same machine.
HOOKS = """() => {
  const now = () => (performance.timeOrigin + performance.now()) / 1000;
  const log = (window.__log = { keys: [], moves: [], frames: [] });
  window.addEventListener("keydown", () => log.keys.push(now()), true);
  window.addEventListener("pointermove", () => log.moves.push(now()), true);
  window.addEventListener("geco-viz:painted", (event) => {
    const { store } = event.target.gecoViz;
    log.frames.push([now(), store.columns["kappa/re"]?.[store.n - 1] ?? NaN]);
  });
}"""
# Resolves with the key's time, the paint's time and kappa at the first paint of another kappa.
WAIT = """() => {
  const { frames, keys } = window.__log;
  const before = frames.at(-1)?.[1];
  keys.length = 0;
  window.__log.seen = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("no paint in 30 s")), 30000);
    const look = () => {
      const [time, kappa] = frames.at(-1) ?? [0, before];
      const other = before === undefined || Math.abs(kappa - before) > 1e-4 * before;
      if (keys.length && other) resolve([keys[0], time, kappa]);
      else setTimeout(look, 5);
    };
    look();
  });
  return null;
}"""
FIGURE_HOOK = """() => {
  const gd = [...document.querySelectorAll(".js-plotly-plot")].find((g) => !g.closest(".gv-view"));
  const now = () => (performance.timeOrigin + performance.now()) / 1000;
  window.__log.frames = [];
  gd.on("plotly_afterplot", () => {
    let y = gd.data[3].y; y = y?._inputArray ?? y;
    window.__log.frames.push([now(), y?.length ? Number(y[y.length - 1]) : NaN]);
  });
}"""
PATCH = """
import time, json
log = {"edits": [], "bytes": []}
def patched(what, value, original=dash.run._log):
    log["edits"].append((time.time(), what, value)); original(what, value)
dash.run._log = patched
def send(content, buffers=None, original=dash.view.send):
    if content.get("type") == "frame":
        rows = [p for p in content["parts"] if p.get("kind") == "rows"]
        if rows:
            log["bytes"].append(sum(len(buffers[p["buffer"]]) for p in rows))
    original(content, buffers=buffers)
dash.view.send = send
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--moves", type=int, default=220)
    arguments.add_argument("--width", type=int, default=1280)
    arguments.add_argument("--pairs", type=int, default=5)
    arguments.add_argument("--drags", type=int, default=20)
    arguments.add_argument("--quick", action="store_true")
    options = arguments.parse_args()
    if options.quick:
        options.moves, options.pairs, options.drags = 6, 1, 3
    chromium = shutil.which("chromium") or sys.exit("Chromium is not installed")
    folder = Path(tempfile.mkdtemp())
    server = Server(folder)
    try:
        with browser(chromium, width=options.width, height=1000) as context:
            measure(Lab(context.new_page(), server), server, options)
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def measure(lab: Lab, server: Server, options: Any) -> None:
    explore = EXPLORE.format(data="digits" if options.quick else "micro-mnist")
    lab.open(server.notebook("bench.ipynb", explore, FIGURE_WIDGET))
    lab.command("notebook:run-cell")
    lab.page.wait_for_selector(".gv-view[data-ready]", timeout=90_000)
    lab.page.evaluate(HOOKS)
    lab.ask_kernel(PATCH)
    print(f"machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start")

    wait_steps(lab, 200 if options.quick else 1000)
    lab.ask_kernel("log['bytes'].clear()")
    early = frames_per_second(lab)
    report("drawn frames a second at 1e3 steps", early, ">= 8", early >= 8)
    ratio = cpu_ratio(lab, options.pairs)
    report("kernel CPU per step, live / headless", ratio, "<= 1.15", ratio <= 1.15)

    to_loop, to_paint = slider_moves(lab, options.moves, "κ RE")
    report_latency("slider to loop", to_loop, 60)
    report_latency("slider to paint", to_paint, 350)
    report_drags(lab, options.drags, "")
    for what, code in BUSY.items():
        report_drags(lab, max(2, options.drags // 4), code, f", a cell {what}")
    if options.quick:
        return

    lab.ask_kernel(
        "import numpy as np\n"
        "def lengthen():\n"
        "    h = dash.run.loop.history\n"
        "    rows = np.tile(h.rows(), (-(-100_000 // len(h)), 1))[:100_000]\n"
        "    rows[:, 0] = np.arange(1, 100_001)\n"
        "    dash.run.loop.history = type(h).from_rows(h.columns, rows)\n"
        "    dash.run.loop.step = 100_000\n"
        "dash.run.between_steps(lengthen)"
    )
    time.sleep(3)
    lab.ask_kernel("log['bytes'].clear()")
    late = frames_per_second(lab)
    sizes = json.loads(lab.ask_kernel("print(json.dumps(log['bytes']))"))
    median = statistics.median(sizes)
    report("drawn frames a second at 1e5 steps", late, ">= 8", late >= 8)
    report("line data per frame at 1e5 steps, B", median, "<= 2000", median <= 2000)

    lab.command("notebook:move-cursor-down")
    lab.command("notebook:run-cell")
    lab.page.wait_for_function(
        "() => [...document.querySelectorAll('.js-plotly-plot')]"
        ".some((g) => !g.closest('.gv-view'))",
        timeout=60_000,
    )
    time.sleep(3)
    lab.page.evaluate(FIGURE_HOOK)
    figure_loop, figure_paint = slider_moves(lab, max(60, options.moves // 3), "kappa")
    report_latency("FigureWidget: slider to loop", figure_loop, None)
    report_latency("FigureWidget: slider to paint", figure_paint, None)
    better = p95(to_paint) < p95(figure_paint)
    report("paint p95 / FigureWidget's", p95(to_paint) / p95(figure_paint), "< 1", better)
    lab.ask_kernel("going = False; run.stop()")


def wait_steps(lab: Lab, count: int) -> None:
    while int(lab.ask_kernel("print(len(dash.run.history))")) < count:
        time.sleep(0.5)


def frames_per_second(lab: Lab, seconds: float = 10.0) -> float:
    lab.page.evaluate("() => { window.__log.frames.length = 0; }")
    time.sleep(seconds)
    return float(lab.page.evaluate("() => window.__log.frames.length")) / seconds


def cpu_ratio(lab: Lab, pairs: int) -> float:
    """Median over interleaved pairs of CPU per step with page and evaluation, over without."""
    lab.ask_kernel(
        "import time\n"
        "bare = gv.Run(dash.run.data, dash.run.spec['model'], dash.run.spec['objective'])\n"
        "def cost(run, seconds):\n"
        "    begin, step = time.process_time(), run.loop.step\n"
        "    time.sleep(seconds)\n"
        "    return (time.process_time() - begin) / (run.loop.step - step)"
    )
    ratios = []
    for _ in range(pairs):
        live = played(lab, "dash.run", "")
        headless = played(lab, "bare", "evaluate_every=None")
        ratios.append(live / headless)
        print(f"    live {1e3 * live:.2f} ms, headless {1e3 * headless:.2f} ms per step")
    lab.ask_kernel("bare.stop(); dash.run.play(); None")
    return statistics.median(ratios)


def played(lab: Lab, run: str, arguments: str) -> float:
    play = f"{run}.play({arguments}); time.sleep(.5); spent = cost({run}, 6)"
    return float(lab.ask_kernel(f"{play}; {run}.pause(); print(spent)"))


def slider_moves(lab: Lab, count: int, label: str) -> tuple[list[float], list[float]]:
    """Move a slider by the keyboard, one grid step at a time; milliseconds to loop and paint."""
    slider = lab.page.locator(".widget-hslider", has=lab.page.get_by_text(label, exact=True))
    slider.locator(".noUi-handle").first.focus()
    random.seed(0)
    to_loop, to_paint = [], []
    for move in range(count):
        # There and back again, so that the run stays where it is.
        key = "ArrowRight" if move % 4 < 2 else "ArrowLeft"
        # Nothing but the page looks until the paint: a question to the kernel would be in the way.
        lab.page.evaluate(WAIT)
        lab.page.keyboard.press(key)
        began, painted, kappa = lab.page.evaluate("() => window.__log.seen")
        edits = json.loads(lab.ask_kernel("print(json.dumps(log['edits'][-20:]))"))
        near = [
            t for t, what, value in edits if what == "kappa/re" and abs(value / kappa - 1) < 1e-4
        ]
        # An earlier move's edit may be painted only now; then this one's is not known.
        if not near or near[-1] < began:
            print(f"    a move left out: {kappa:.4g} was painted, not its own edit")
            continue
        to_loop.append(1e3 * (near[-1] - began))
        to_paint.append(1e3 * (painted - began))
        time.sleep(random.uniform(0.02, 0.15))
    return to_loop, to_paint


def drag(lab: Lab, direction: int) -> None:
    """Thirty moves of the mouse in half a second, as a hand makes them."""
    box = handle(lab, "κ RE").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    for step in range(30):
        lab.page.mouse.move(x + direction * (step + 1), y)
        time.sleep(0.016)
    lab.page.mouse.up()


def report_drags(lab: Lab, count: int, busy: str, words: str = "") -> None:
    """From the last move of a drag until the loop has its kappa and the page has drawn it."""
    to_loop, to_paint, queue, lost = [], [], [], 0
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    for number in range(count):
        lab.ask_kernel("log['edits'].clear(); dash.run.playing or dash.run.play(); None")
        lab.page.evaluate("() => { __log.frames.length = __log.moves.length = 0; }")
        if busy:
            request = f"{{ code: {json.dumps(busy)} }}"
            lab.page.evaluate(f"() => {{ {kernel}.requestExecute({request}); }}")
            time.sleep(0.5)
        drag(lab, 1 if number % 2 else -1)
        time.sleep(1.5)
        # Behind the busy cell, so after its end: the times were taken while it ran.
        told = lab.ask_kernel(
            "print(json.dumps([[t, v] for t, w, v in log['edits'] if w == 'kappa/re']))"
        )
        edits = json.loads(told)
        moves, frames = lab.page.evaluate("() => [__log.moves, __log.frames]")
        if not edits:
            lost += 1
            continue
        end, (applied, kappa) = moves[-1], edits[-1]
        painted = [t for t, shown in frames if t > applied and abs(shown / kappa - 1) < 1e-3]
        to_loop.append(1e3 * (applied - end))
        queue.append(sum(t > end for t, _ in edits))
        to_paint += [1e3 * (painted[0] - end)] if painted else []
    report_latency(f"drag's end to loop{words}", to_loop, 300)
    report_latency(f"drag's end to paint{words}", to_paint, None)
    late = f"{statistics.mean(queue or [0]):.1f} a drag, {lost} of {count} lost"
    print(f"{'edits after the end' + words:42s} {late}")


def p95(values: list[float]) -> float:
    return (
        statistics.quantiles(values, n=20, method="inclusive")[-1]
        if len(values) > 1
        else max(values, default=float("nan"))
    )


def report(name: str, value: float, bar: str, met: bool) -> None:
    print(f"{name:42s} {value:9.2f}   bar {bar:9s} {'met' if met else 'MISSED'}", flush=True)


def report_latency(name: str, values: list[float], bar: float | None) -> None:
    high = p95(values)
    verdict = "" if bar is None else f"bar p95 <= {bar:g} {'met' if high <= bar else 'MISSED'}"
    middle = statistics.median(values or [float("nan")])
    print(f"{name:42s} p50 {middle:5.0f} ms, p95 {high:5.0f} ms (n = {len(values)})  {verdict}")


if __name__ == "__main__":
    main()
