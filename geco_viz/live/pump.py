"""The pump: a thread that carries frames to the pages, never faster than they draw them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from geco_viz.live.frames import Frames
from geco_viz.live.parts import Part

__all__ = ["Pump"]

PERIOD = 0.1  # seconds between frames
HURRY = 0.05  # and after an edit, whose effect is awaited by whoever drags a slider
WINDOW = 6  # frames on their way at most
PATIENCE = 1.0  # without an acknowledgement for so long, one frame in that time
HEARTBEAT = 2.0  # a frame at least so often: a page tells a resting run from a dead kernel by it
QUIET = HEARTBEAT + PATIENCE  # a page that has not painted for so long holds up no other one
ABANDONED = 60.0  # a page unheard for so long is forgotten; its next message brings it back


class Pump:
    """Sends what `frames` makes to the pages that listen: a few unacknowledged frames at most.

    A page acknowledges every few frames: JupyterLab redraws its own busy sign around each message
    to the kernel, which cost the page more than our charts when every frame was answered. A page
    that falls behind paints only the newest frame, so a short queue costs it nothing.

    The thread lives while a page listens. It starts with the first `ready`, and ends with `stop`,
    or when the last page has closed or been quiet for a minute. `ready` is answered at once by the
    calling thread, so a page gets its full frame after training too.

    Args:
        frames: makes the parts; called under the pump's lock.
        send: carries one message, ``send(content, buffers)``; called under the pump's lock.
        changed: called without the lock when the number of pages has changed.
    """

    def __init__(
        self,
        frames: Frames,
        send: Callable[[dict[str, Any], list[bytes]], None],
        changed: Callable[[int], None] = lambda pages: None,
    ) -> None:
        self._frames = frames
        self._send = send
        self._changed = changed
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._wanted: int | None = None  # rows that an edit's effect needs
        self._seq = 0
        self._last = -float("inf")
        self._acked: dict[str, int] = {}
        self._heard: dict[str, float] = {}  # when a page last said anything,
        self._painted: dict[str, float] = {}  # and when it last painted: a hidden one does not
        self.error: BaseException | None = None

    @property
    def pages(self) -> int:
        """How many pages listen."""
        return len(self._acked)

    @property
    def running(self) -> bool:
        """Whether the thread lives."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def ready(self, page: str) -> None:
        """A page (re)loaded: answer with a full frame at once and keep it supplied from now on."""
        with self._lock:
            if self._stopped:
                return
            self._frames.forget()
            # What was sent before this page came is not its to acknowledge.
            self._acked[page] = self._seq
            self._heard[page] = self._painted[page] = time.monotonic()
        pictures = self._frames.look()
        with self._lock:
            if self._stopped:
                return
            self._send_frame(self._frames.next(pictures))
            self._start()
        self._changed(self.pages)

    def ack(self, page: str, seq: int, painted: bool = True) -> None:
        """A page has painted the frame `seq`, or only taken it in because it is hidden."""
        with self._lock:
            if self._stopped:
                return
            known = page in self._acked
            self._acked[page] = max(seq, self._acked.get(page, 0))
            self._heard[page] = time.monotonic()
            if painted:
                self._painted[page] = self._heard[page]
            if not known:
                self._start()
        if not known:
            self._changed(self.pages)

    def closed(self, page: str) -> None:
        """A page removed its view."""
        with self._lock:
            known = page in self._acked
            self._forget(page)
            self._wake.set()
        if known:
            self._changed(self.pages)

    def stop(self) -> None:
        """End the thread and send nothing any more; may be called twice and from any thread."""
        with self._lock:
            self._stopped = True
            for page in list(self._acked):
                self._forget(page)
            self._wake.set()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5.0)

    def push(self) -> bool:
        """Send a frame now if there is news and the pages have painted the last one.

        Returns:
            Whether a frame went out.
        """
        if not self._due():
            return False
        pictures = self._frames.look()
        with self._lock:
            if self._stopped:
                return False
            parts = self._frames.next(pictures)
            if parts or time.monotonic() - self._last >= HEARTBEAT:
                self._send_frame(parts)
                return True
            return False

    def hurry(self) -> None:
        """Send the next frame as soon as a step has used what was just edited."""
        self._wanted = len(self._frames.source.history) + 2  # the step in hand has it not
        self._wake.set()

    def turn(self, plane: str) -> None:
        """Show another plane of latent space."""
        with self._lock:
            self._frames.turn(plane)
        self._wake.set()

    def say(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Send a message of another kind, in turn with the frames."""
        with self._lock:
            if not self._stopped:
                self._send(content, buffers)

    def _send_frame(self, parts: list[Part]) -> None:
        self._seq += 1
        self._last = time.monotonic()
        self._send(*message(self._seq, parts))

    def _due(self) -> bool:
        with self._lock:
            if self._stopped or not self._acked:
                return False
            now = time.monotonic()
            # A page long silent (a hidden tab, a closed browser) must not hold up the others.
            awake = [page for page, then in self._painted.items() if now - then < QUIET]
            if awake and all(self._seq - self._acked[page] < WINDOW for page in awake):
                return True
            return now - self._last >= PATIENCE

    def _start(self) -> None:
        if not self.running:
            self._wake.clear()
            self._thread = threading.Thread(target=self._loop, name="geco-viz pump", daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + PERIOD, time.monotonic())
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            if self._wanted is not None:
                self._await_effect()
            lost = self._drop_abandoned()
            if lost:
                self._changed(self.pages)
            with self._lock:
                if self._stopped or not self._acked:
                    self._thread = None
                    return
            try:
                self.push()
            except Exception as error:  # keep pumping: the next frame may be well
                self.error = error

    def _await_effect(self) -> None:
        wanted, self._wanted = self._wanted or 0, None
        history = self._frames.source.history
        end = time.monotonic() + PERIOD
        soonest = self._last + HURRY
        while (now := time.monotonic()) < end and not self._stopped:
            if now >= soonest and len(history) >= wanted:
                return
            time.sleep(0.004)

    def _drop_abandoned(self) -> bool:
        now = time.monotonic()
        with self._lock:
            lost = [page for page, heard in self._heard.items() if now - heard > ABANDONED]
            for page in lost:
                self._forget(page)
        return bool(lost)

    def _forget(self, page: str) -> None:
        for table in (self._acked, self._heard, self._painted):
            table.pop(page, None)


def message(seq: int, parts: list[Part]) -> tuple[dict[str, Any], list[bytes]]:
    """Return a frame's content and its buffers; a part that has a buffer names it by its index."""
    heads: list[dict[str, Any]] = []
    buffers: list[bytes] = []
    for head, data in parts:
        if data is not None:
            head = {**head, "buffer": len(buffers)}
            buffers.append(data)
        heads.append(head)
    return {"type": "frame", "seq": seq, "parts": heads}, buffers
