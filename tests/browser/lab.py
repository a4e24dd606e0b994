"""A real JupyterLab on a free port, and a page of it in Chromium."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOKEN = "test"
ARGS = [
    "--no-sandbox",  # Chromium refuses to run as root with it
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Errors that JupyterLab itself makes without a network or a setting, none of them ours.
NOT_OURS = (
    "Failed to load resource",
    "favicon",
    "net::ERR_",
    "WebSocket connection",
    "JSON parse error",
)


class Server:
    """JupyterLab over an empty folder, with configuration, data and runtime folders of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root / "notebooks"
        self.root.mkdir()
        home = root / "home"
        settings = home / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        # The news pop-up covers the page.
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet))
        names = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
        env = os.environ | {f"JUPYTER_{name}": str(home / name.lower()) for name in names}
        env |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings")}
        env |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
        env |= {"IPYTHONDIR": str(home / "ipython"), "JUPYTER_PLATFORM_DIRS": "1"}
        tests = str(Path(__file__).parents[1])
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [tests, env.get("PYTHONPATH")]))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--ip=127.0.0.1"]
        command += [f"--port={self.port}", "--ServerApp.port_retries=0", "--allow-root"]
        command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={self.root}"]
        command += ["--ServerApp.disable_check_xsrf=True", "--LabApp.expose_app_in_browser=True"]
        command += ["--LabApp.news_url=", "--LabApp.extension_manager=readonly"]
        command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
        self.log = root / "server.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + 90
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.ask("GET", "/api/status")
                return
            time.sleep(0.2)
        raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()[-3000:]}")

    def ask(self, method: str, path: str) -> Any:
        headers = {"Authorization": f"token {TOKEN}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook of code cells and return its name."""
        code = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        written = [{**code, "id": f"c{i}", "source": source} for i, source in enumerate(cells)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        content = {"cells": written, "metadata": {"kernelspec": kernel}}
        content |= {"nbformat": 4, "nbformat_minor": 5}
        (self.root / name).write_text(json.dumps(content))
        return name

    def shut_kernels(self) -> None:
        for session in self.ask("GET", "/api/sessions"):
            self.ask("DELETE", f"/api/sessions/{session['id']}")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.shut_kernels()
        self.process.terminate()
        self.process.wait(timeout=30)


class Lab:
    """One browser page on a server: opens notebooks, runs cells, reads what is drawn."""

    def __init__(self, page: Any, server: Server) -> None:
        self.page, self.server = page, server
        self.problems: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", self._note_error)

    def _note_error(self, error: Any) -> None:
        # Code of ours, and the plotly.js that it brings, comes from blobs; JupyterLab's does not.
        stack = error.stack or ""
        if "blob:" in stack or "://" not in stack:
            self.problems.append(f"page error: {error}\n{stack}")

    def _note(self, message: Any) -> None:
        if message.type == "error" and not any(text in message.text for text in NOT_OURS):
            self.problems.append(message.text)

    def open(self, name: str) -> None:
        # /doc shows one document without side bars; reset drops an earlier test's workspace.
        self.page.goto(f"{self.server.url}/doc/tree/{name}?token={TOKEN}&reset")
        self.settle()

    def reload(self) -> None:
        self.page.reload()
        self.settle()

    def settle(self) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", state="attached")
        self.page.wait_for_function(
            """() => {
                const context = window.jupyterapp?.shell?.currentWidget?.sessionContext;
                const kernel = context?.session?.kernel;
                return kernel?.connectionStatus === "connected" && kernel.status === "idle";
            }"""
        )

    def run_all(self) -> None:
        # The braces: the command's promise resolves only when the last cell has ended.
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )

    def run_all_below(self) -> None:
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-below'); }"
        )

    def command(self, name: str, **arguments: Any) -> Any:
        script = "([name, args]) => window.jupyterapp.commands.execute(name, args).then(() => true)"
        return self.page.evaluate(script, [name, arguments])

    def ask_kernel(self, code: str) -> str:
        """Run code in the notebook's kernel outside any cell; return what it printed."""
        return self.page.evaluate(
            """async (code) => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                let out = "";
                const late = (_, reject) =>
                  setTimeout(() => reject(new Error("the kernel did not answer in 60 s")), 60000);
                const tooLate = new Promise(late);
                for (;;) {
                  const future = kernel.requestExecute({ code, store_history: false }, true);
                  future.onIOPub = ({ content }) => {
                    out += content.text ?? content.data?.["text/plain"] ?? "";
                    if (content.ename) out += `${content.ename}: ${content.evalue}`;
                  };
                  const { content } = await Promise.race([future.done, tooLate]);
                  // What comes close upon a cell that raised is thrown away with its queue.
                  if (content.status !== "aborted") return out;
                }
            }""",
            code,
        ).strip()

    def errors(self) -> list[str]:
        """What cells wrote to stderr or raised."""
        mime = "application/vnd.jupyter."
        chosen = ", ".join(
            f".jp-OutputArea-output[data-mime-type='{mime}{kind}']" for kind in ("stderr", "error")
        )
        return self.page.eval_on_selector_all(chosen, "found => found.map((e) => e.innerText)")

    def theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=f"JupyterLab {name.capitalize()}")
        light = str(name == "light").lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def view(self, index: int = 0) -> View:
        return View(self.page, index)


class View:
    """A geco_viz view on the page."""

    def __init__(self, page: Any, index: int) -> None:
        self.page, self.index = page, index
        self.root = page.locator(".gv-view").nth(index)

    def wait(self) -> View:
        """Until the charts stand and a frame is painted."""
        self.root.wait_for(state="attached")
        charts = "(board.root.dataset.ready || !board.panels.some((p) => p.draw.mount))"
        self.wait_for(f"board.store.status && {charts}")
        return self

    def value(self, expression: str) -> Any:
        """Evaluate JavaScript with `board`, the view's own object."""
        return self.root.evaluate(f"({{ gecoViz: board }}) => {expression}")

    def wait_for(self, expression: str, timeout: float = 180_000) -> None:
        self.page.wait_for_function(
            "([i, test]) => { const board = document.querySelectorAll('.gv-view')[i]?.gecoViz;"
            " return board && Function('board', `return ${test}`)(board); }",
            arg=[self.index, expression],
            timeout=timeout,
        )

    def ink(self, selector: str) -> int:
        """How many pixels of a canvas are drawn."""
        return self.root.locator(selector).evaluate(
            """(canvas) => {
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                return data.filter((value, i) => i % 4 === 3 && value > 0).length;
            }"""
        )


def kernel(lab: Lab, expression: str) -> Any:
    """The value of an expression in the notebook's kernel."""
    return json.loads(lab.ask_kernel(f"import json; print(json.dumps({expression}))"))


def handle(lab: Lab, label: str) -> Any:
    """The handle of the slider with this label."""
    slider = lab.page.locator(".widget-hslider", has=lab.page.get_by_text(label, exact=True))
    return slider.locator(".noUi-handle").first


def button(lab: Lab, name: str) -> Any:
    """The button with this name."""
    return lab.page.get_by_role("button", name=name, exact=True)


def drag(lab: Lab, label: str = "κ RE", by: float = 15) -> None:
    """Drag a slider's handle with the mouse, so many pixels to the right."""
    box = handle(lab, label).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + by, y, steps=5)
    lab.page.mouse.up()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def browser(chromium: str, width: int = 1280, height: int = 900) -> Iterator[Any]:
    """A Chromium context with the window size given."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        engine = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        context = engine.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(120_000)  # a busy machine takes its time
        try:
            yield context
        finally:
            context.close()
            engine.close()
