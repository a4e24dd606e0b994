"""The pump: a few unacknowledged frames at most, whole frames for pages that come, an end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fake_source import FakeSource, until

from geco_viz.live import pump as module
from geco_viz.live.frames import Frames
from geco_viz.live.pump import Pump


class Wire:
    """Where a pump sends to: keeps every message."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.pages: list[int] = []

    def send(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        indices = [part["buffer"] for part in content.get("parts", []) if "buffer" in part]
        assert indices == list(range(len(buffers)))
        self.messages.append(content)
        self.times.append(time.monotonic())

    @property
    def seq(self) -> int:
        return self.messages[-1]["seq"] if self.messages else 0

    def rows(self, index: int = -1) -> dict[str, Any]:
        return next(part for part in self.messages[index]["parts"] if part["kind"] == "rows")


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def source() -> FakeSource:
    return FakeSource().walk(10)


@pytest.fixture
def pump(wire: Wire, source: FakeSource) -> Iterator[Pump]:
    frames = Frames(source, ("information-plane", "images", "status"))
    pump = Pump(frames, wire.send, wire.pages.append)
    yield pump
    pump.stop()
    assert not pump.running


def test_nothing_is_sent_before_a_page_asks(pump: Pump, wire: Wire) -> None:
    assert not pump.push() and not pump.running and not wire.messages


def test_ready_is_answered_at_once_with_everything(pump: Pump, wire: Wire) -> None:
    pump.ready("a")
    assert wire.seq == 1 and wire.rows()["full"] and pump.running
    assert [part["kind"] for part in wire.messages[0]["parts"]][-2:] == ["images", "status"]


def test_frames_wait_for_an_acknowledgement_once_the_window_is_full(
    pump: Pump, wire: Wire, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    monkeypatch.setattr(module, "WINDOW", 3)
    pump.ready("a")
    pump.ack("a", 1)
    source.walk(5)
    assert until(lambda: wire.seq == 2)
    assert wire.rows() | {"now": 0} == {
        "kind": "rows", "full": False, "n": 5, "total": 15, "buffer": 0, "now": 0,
    }  # fmt: skip
    for _ in range(3):
        source.walk(1)
        pump.push()
    assert wire.seq == 4 and not pump.push()
    time.sleep(3 * module.PERIOD)
    assert wire.seq == 4
    source.walk(1)
    pump.ack("a", 2)
    assert until(lambda: wire.seq == 5)


def test_one_page_that_lags_holds_the_window_for_all(
    pump: Pump, wire: Wire, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    monkeypatch.setattr(module, "QUIET", 60.0)  # it paints, only late
    monkeypatch.setattr(module, "WINDOW", 2)
    pump.ready("quick")
    pump.ready("late")
    pump.ack("quick", 2)
    source.walk(1)
    assert until(lambda: wire.seq == 3)
    pump.ack("quick", 3)
    source.walk(1)
    assert not pump.push() and wire.seq == 3
    pump.ack("late", 3)
    assert until(lambda: wire.seq == 4)


def test_without_an_answer_frames_come_once_in_a_while(
    pump: Pump, wire: Wire, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(module, "WINDOW", 1)
    pump.ready("a")
    source.play()
    assert until(lambda: wire.seq >= 3)
    source.stop()
    gaps = [b - a for a, b in zip(wire.times, wire.times[1:], strict=False)]
    assert min(gaps) > 0.29  # ten a second would be .1 apart


def test_an_answering_page_gets_at_most_ten_a_second(
    pump: Pump, wire: Wire, source: FakeSource
) -> None:
    sending = pump._send

    def answer(content: dict[str, Any], buffers: list[bytes]) -> None:
        sending(content, buffers)
        threading.Timer(0.001, pump.ack, ("a", content["seq"])).start()

    pump._send = answer
    source.play()
    pump.ready("a")
    assert until(lambda: wire.seq >= 6)
    source.stop()
    # Two may follow closely where a stalled machine was late with the first of them.
    assert wire.times[5] - wire.times[0] > 3.9 * module.PERIOD


def test_a_frame_with_the_effect_of_an_edit_does_not_wait_its_turn(
    pump: Pump, wire: Wire, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PERIOD", 600.0)
    pump.ready("a")
    time.sleep(module.HURRY)
    pump.hurry()
    time.sleep(0.02)
    assert wire.seq == 1  # not before the steps that the edit needs
    source.walk(2)
    assert until(lambda: wire.seq == 2)
    assert wire.rows()["total"] == 12


def test_a_silent_page_does_not_hold_up_another(
    pump: Pump, wire: Wire, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 60.0)
    monkeypatch.setattr(module, "QUIET", 0.2)
    pump.ready("silent")
    time.sleep(0.25)
    pump.ready("awake")
    source.walk(5)
    pump.ack("awake", wire.seq)
    assert until(lambda: wire.seq == 3)


def test_a_hidden_page_stays_and_is_sent_little(
    pump: Pump, wire: Wire, source: FakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    monkeypatch.setattr(module, "QUIET", 0.2)
    monkeypatch.setattr(module, "ABANDONED", 0.5)
    sending = pump._send

    def answer(content: dict[str, Any], buffers: list[bytes]) -> None:
        sending(content, buffers)
        threading.Timer(0.001, pump.ack, ("a", content["seq"], False)).start()

    pump._send = answer
    source.play()
    pump.ready("a")
    time.sleep(1.5)
    assert until(lambda: wire.seq >= 4)
    source.stop()
    # Three gaps of a page that paints take three periods, these nearly three of PATIENCE.
    assert pump.pages == 1 and wire.times[3] - wire.times[0] > 2 * module.PATIENCE


def test_a_second_page_gets_a_full_frame(pump: Pump, wire: Wire) -> None:
    pump.ready("a")
    pump.ready("b")
    assert wire.seq == 2 and wire.rows()["full"] and pump.pages == 2


def test_the_thread_ends_with_the_last_page_and_comes_back_with_the_next(
    pump: Pump, wire: Wire
) -> None:
    pump.ready("a")
    pump.ready("b")
    pump.closed("a")
    time.sleep(2 * module.PERIOD)
    assert pump.running
    pump.closed("b")
    pump.closed("b")
    assert until(lambda: not pump.running)
    pump.ready("c")
    assert pump.running and wire.pages == [1, 2, 1, 0, 1]


def test_an_abandoned_page_is_forgotten_and_may_come_back(
    pump: Pump, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ABANDONED", 0.15)
    pump.ready("a")
    assert until(lambda: not pump.running) and pump.pages == 0
    monkeypatch.setattr(module, "ABANDONED", 60.0)
    pump.ack("a", wire.seq)
    assert pump.running and pump.pages == 1 and wire.pages == [1, 0, 1]


def test_a_resting_run_is_heard_of_by_its_heartbeat(
    pump: Pump, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.3)
    pump.ready("a")
    pump.ack("a", 1)
    assert until(lambda: wire.seq == 2)
    assert wire.messages[-1]["parts"] == [] and wire.times[1] - wire.times[0] > 0.29


def test_stop_is_final_and_may_be_called_twice(pump: Pump, wire: Wire) -> None:
    pump.ready("a")
    pump.stop()
    pump.stop()
    pump.ready("b")
    pump.ack("a", 1)
    assert wire.seq == 1 and not pump.running and not pump.push() and pump.pages == 0


def test_a_source_that_raises_does_not_end_the_pump(
    pump: Pump, wire: Wire, source: FakeSource
) -> None:
    pump.ready("a")
    pump.ack("a", 1)
    status, fine = source.status, threading.Event()

    def broken() -> Any:
        if fine.is_set():
            return status()
        raise RuntimeError("not now")

    source.status = broken  # type: ignore[method-assign]
    source.walk(1)
    assert until(lambda: pump.error is not None)
    fine.set()
    source.walk(1)
    assert until(lambda: wire.seq == 2) and wire.rows()["total"] == 12


def test_the_pump_waits_for_pictures_without_its_lock(pump: Pump, source: FakeSource) -> None:
    """Else a stepping thread that pushes and a pump that waits for the step would wait for ever."""
    pump.ready("a")
    pump.ack("a", 1)
    asked, stepped = threading.Event(), threading.Event()
    pictures = source.pictures

    def between_steps() -> Any:
        asked.set()
        assert stepped.wait(5)
        return pictures()

    source.pictures = between_steps  # type: ignore[method-assign]
    for _ in range(4):
        source.walk(1)
        pump.push()
        pump.ack("a", 99)
        if asked.wait(0.3):
            break
    assert asked.is_set()
    acked = threading.Thread(target=pump.ack, args=("a", 99))
    acked.start()
    acked.join(2)
    alive = acked.is_alive()
    stepped.set()
    assert not alive
