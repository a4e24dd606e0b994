"""What sliders say while a cell runs: heard between two steps, where it would wait for the end."""

from __future__ import annotations

import math
import sys
import threading
import time
from types import SimpleNamespace
from typing import Any

__all__ = ["hear"]

PERIOD = 0.1  # seconds: a hand feels no less, and at this pace a look costs a step nothing
_next = SimpleNamespace(due=0.0)


def hear() -> None:
    """Handle the widgets' messages that wait behind the running cell; nothing outside a kernel.

    JupyterLab sends them to a thread of their own where kernel and widget allow it. Elsewhere
    (ipykernel 6, Colab, VS Code, widgets of the user's own) they queue up with the next cells'
    code; that stays there, in its order. For the thread that runs the cell, between two steps.
    """
    if time.monotonic() < _next.due or threading.current_thread() is not threading.main_thread():
        return
    _next.due = math.inf  # a callback that steps a run does not listen itself
    try:
        kernel = _kernel()
        stream = _queue(kernel)
        if stream is not None and stream.socket.poll(0):
            _sort(kernel, stream)
    finally:
        _next.due = time.monotonic() + PERIOD


def _kernel() -> Any:
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None)


def _queue(kernel: Any) -> Any:
    """The stream that brings the main thread its messages; None where a kernel has another way."""
    # ipykernel 7 has a thread that hands them on; before, the kernel reads the socket itself.
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None:
        stream = getattr(kernel, "shell_stream", None)
    else:
        pair = getattr(thread.manager, "_shell_channel_to_main", None)
        stream = getattr(pair, "to_stream", None)
    return stream if hasattr(stream, "_recv_callback") else None


def _sort(kernel: Any, stream: Any) -> None:
    """Take all that waits: messages of widgets now, the rest on to where it was going."""
    onward = stream._recv_callback
    stream._recv_callback = lambda frames: None if _handled(kernel, frames) else onward(frames)
    try:
        stream.flush(1)  # zmq.POLLIN
    finally:
        stream._recv_callback = onward


def _handled(kernel: Any, frames: list[Any]) -> bool:
    session = kernel.session
    try:
        idents, rest = session.feed_identities(frames, copy=False)
        kind = session.deserialize(rest, content=False, copy=False)["header"]["msg_type"]
    except Exception:  # the kernel's own marks, or nonsense: its own handler knows
        return False
    if kind not in ("comm_open", "comm_msg", "comm_close"):
        return False
    cell, ident = kernel.get_parent("shell"), _ident(kernel)
    message = session.deserialize(rest, copy=False)
    # As the kernel does it: the page sends its next message once this one has ended.
    kernel.set_parent(idents, message, channel="shell")
    try:
        kernel._publish_status("busy", "shell", message)
        kernel.shell_handlers[kind](None, idents, message)
        kernel._publish_status("idle", "shell", message)
    finally:
        kernel.set_parent(ident, cell, channel="shell")
    return True


def _ident(kernel: Any) -> Any:
    """Whom the running cell's questions go to; a context variable since ipykernel 7."""
    if hasattr(kernel, "_get_shell_context_var"):
        return kernel._get_shell_context_var(kernel._shell_parent_ident)
    return kernel._parent_ident["shell"]
