"""What sliders say while a cell runs is heard between two steps; the next cells' code waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from geco_viz.training import hearing
from geco_viz.training.hearing import hear

SETUP = """
import threading, time
import geco_viz as gv
dash = gv.Run("digits").dashboard()
slider = dash.controls.kappas["re"]
said = []
slider.observe(lambda change: said.append((time.time(), change["new"])), "value")
def linger():  # until three moves are heard; a minute where none is
    end = time.time() + 60
    while len(said) < 3 and time.time() < end:
        time.sleep(0.05)
def stop():
    linger()
    dash.run.stop()
print("comm", slider.comm.comm_id)
"""
LOOPS = {
    "train": "threading.Thread(target=stop).start(); dash.run.train(10**6, progress=False)",
    "wait": "dash.run.play(); threading.Thread(target=stop).start(); dash.run.wait(10**6)",
    "sleep": "linger()",
}


class Kernel:
    """A kernel of one's own that is sent what a page would send."""

    def __init__(self) -> None:
        from jupyter_client.manager import start_new_kernel

        self.manager, self.client = start_new_kernel()
        self.comm = self.run(SETUP).split()[1]

    def run(self, code: str, wait: bool = True) -> str:
        said: list[str] = []
        if wait:
            self.client.execute_interactive(code, output_hook=lambda m: said.append(text(m)))
        else:
            self.client.execute(code)
        return "".join(said)

    def subshell(self) -> str:
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        reply = self.client.get_control_msg(timeout=60)
        return str(reply["content"]["subshell_id"])

    def slide(self, index: int, shell: str | None) -> None:
        data = {"method": "update", "state": {"index": index}, "buffer_paths": []}
        message = self.client.session.msg("comm_msg", {"comm_id": self.comm, "data": data})
        if shell is not None:
            message["header"]["subshell_id"] = shell
        self.client.shell_channel.send(message)


def text(message: dict[str, Any]) -> str:
    content = message["content"]
    return str(content.get("text", "")) + "\n".join(content.get("traceback", ()))


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.client.stop_channels()
    kernel.manager.shutdown_kernel(now=True)


@pytest.mark.train
@pytest.mark.parametrize("loop", LOOPS)
def test_a_slider_is_heard_before_the_cell_ends_and_code_after_it(
    kernel: Kernel, loop: str
) -> None:
    """`sleep` makes no steps: there only a page with subshells is heard."""
    shell = kernel.subshell() if loop == "sleep" else None
    kernel.run(f"said.clear(); {LOOPS[loop]}; ended = time.time()", wait=False)
    kernel.run("next_cell = time.time()", wait=False)
    time.sleep(0.5)  # the cell runs; were it not to, the order would be another
    for index in (100, 101, 102):
        kernel.slide(index, shell)
    told = kernel.run("print(len(said), max(t for t, _ in said) < ended < next_cell)")
    assert told.split() == ["3", "True"]


class Stream:
    """A kernel's stream: what waits goes to the callback when it is flushed."""

    def __init__(self, *waiting: str) -> None:
        self.waiting, self.onward = list(waiting), []
        self._recv_callback = self.onward.append
        self.socket = SimpleNamespace(poll=lambda timeout: len(self.waiting))

    def flush(self, flag: int) -> None:
        while self.waiting:
            self._recv_callback(self.waiting.pop(0))


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    stream = Stream("slider", "cell", "slider")
    monkeypatch.setattr(hearing._next, "due", 0.0)
    monkeypatch.setattr(hearing, "_kernel", lambda: SimpleNamespace(shell_stream=stream))
    monkeypatch.setattr(hearing, "_handled", lambda kernel, frames: frames == "slider")
    return stream


def test_what_is_no_widgets_message_stays_in_its_order(stream: Stream) -> None:
    stream.waiting.append("another cell")
    hear()
    assert stream.waiting == [] and stream.onward == ["cell", "another cell"]
    assert stream._recv_callback == stream.onward.append


def test_a_callback_that_steps_a_run_does_not_listen_itself(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth = [0]

    def handled(kernel: Any, frames: str) -> bool:
        depth[0] += 1
        hear()
        assert depth[0] == 1
        depth[0] -= 1
        return True

    monkeypatch.setattr(hearing, "_handled", handled)
    hear()
    assert stream.waiting == []


def test_an_error_of_a_callback_leaves_the_kernel_its_stream(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(kernel: Any, frames: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(hearing, "_handled", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hear()
    assert stream._recv_callback == stream.onward.append
    assert hearing._next.due < float("inf")  # it listens again


def test_only_the_thread_that_runs_cells_listens_and_not_at_each_step(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = threading.Thread(target=hear)
    thread.start()
    thread.join()
    assert len(stream.waiting) == 3
    monkeypatch.setattr(hearing, "PERIOD", 1000.0)
    hear()
    stream.waiting.append("slider")
    hear()
    assert stream.waiting == ["slider"]
