"""Frames: what a page gets, in how many bytes, and that nothing is lost or sent twice."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fake_source import FakeSource, ghost

from geco_viz.live import frames as module
from geco_viz.live import parts
from geco_viz.live.frames import NEW_BYTES, POINTS, Frames
from geco_viz.training import History
from geco_viz.training.records import Pictures, Status

CHARTS = ("information-plane", "error", "multiplier")


def kinds(found: list[parts.Part]) -> list[str]:
    return [head["kind"] for head, _ in found]


def only(found: list[parts.Part], kind: str) -> tuple[dict[str, Any], bytes]:
    (part,) = [(head, data) for head, data in found if head["kind"] == kind]
    return part[0], part[1] or b""


def table(data: bytes, width: int) -> np.ndarray:
    return np.frombuffer(data, "<f4").reshape(-1, width)


def test_the_first_frame_is_whole() -> None:
    source = FakeSource().walk(300)
    source.ghosts = [ghost("a"), ghost("b")]
    frames = Frames(source, (*CHARTS, "images", "tiling", "status"))
    found = frames.next(frames.look())
    expected = ["setup", "limit", "ghosts", "evaluations", "rows", "images", "tiling", "status"]
    assert kinds(found) == expected
    head, data = only(found, "rows")
    assert head["full"] and head["n"] == head["total"] == 300
    sent = table(data, len(head["columns"]))
    for j, name in enumerate(head["columns"]):
        np.testing.assert_array_equal(sent[:, j], source.history[name])


def test_later_frames_carry_only_what_is_new() -> None:
    source = FakeSource().walk(150)
    frames = Frames(source, CHARTS)
    width = len(only(frames.next(), "rows")[0]["columns"])
    assert frames.next() == []
    source.walk(7)
    found = frames.next()
    head, data = only(found, "rows")
    assert "setup" not in kinds(found) and "limit" not in kinds(found)
    assert not head["full"] and head["n"] == 7
    np.testing.assert_array_equal(table(data, width)[:, 0], np.arange(151, 158))


def test_a_page_gets_every_row_or_its_bucket_and_never_holds_much_more_than_its_budget() -> None:
    source = FakeSource()
    frames = Frames(source, CHARTS)
    held, most, fulls = 0, 0, 0
    for _ in range(150):
        source.walk(30)
        head, _ = only(frames.next(), "rows")
        held = head["n"] if head["full"] else held + head["n"]
        fulls += head["full"]
        most = max(most, held)
    assert head["total"] == 4500
    assert POINTS < most <= 2 * POINTS + NEW_BYTES // 16
    assert 2 <= fulls <= 5  # a full resend is rare: about once in a thousand rows


@pytest.mark.parametrize("steps", [1_000, 100_000])
@pytest.mark.parametrize("names", [("re",), ("re", "cla")])
def test_line_data_of_a_frame_does_not_grow_with_the_history(
    steps: int, names: tuple[str, ...]
) -> None:
    source = FakeSource(names)
    columns = [*FakeSource(names).walk(1).history.columns]
    random = np.random.default_rng(0)
    rows = random.uniform(0.1, 1, (steps, len(columns))).astype(np.float32)
    rows[:, columns.index("step")] = np.arange(steps)
    source.history = History.from_rows(columns, rows)
    frames = Frames(source, CHARTS)
    sizes = []
    head, data = only(frames.next(), "rows")
    # `decimate` keeps about as many as it is asked for: buckets times columns is not exact.
    assert head["n"] <= 1.2 * POINTS and head["total"] == steps
    for _ in range(21):
        source.walk(200)  # a frame of a fast loop
        head, data = only(frames.next(), "rows")
        sizes.append(len(json.dumps(head)) + len(data))
    assert np.median(sizes) <= 2000  # the bar, header included


def test_many_rows_at_once_keep_the_newest_and_every_extreme() -> None:
    source = FakeSource().walk(10)
    frames = Frames(source, CHARTS)
    columns = only(frames.next(), "rows")[0]["columns"]
    source.walk(5000)
    spike = dict.fromkeys(source.history.columns, 0.5) | {"step": 5011, "kl": 77.0}
    source.history.append(spike)
    source.walk(800)
    head, data = only(frames.next(), "rows")
    sent = table(data, len(columns))
    assert head["n"] * 4 * len(columns) <= NEW_BYTES * 1.1
    assert sent[-1, 0] == len(source.history)
    assert (np.diff(sent[:, 0]) > 0).all()
    assert 77.0 in sent[:, columns.index("kl")]


def test_a_page_that_came_anew_gets_everything() -> None:
    source = FakeSource().walk(20)
    frames = Frames(source, CHARTS)
    first = frames.next()
    assert frames.next() == []
    frames.forget()
    assert frames.next() == first


def test_another_history_is_sent_whole() -> None:
    source = FakeSource().walk(50)
    frames = Frames(source, CHARTS)
    frames.next()
    source.history = FakeSource().walk(80).history
    head, _ = only(frames.next(), "rows")
    assert head["full"] and head["n"] == 80


def test_a_new_column_is_sent_with_all_rows() -> None:
    source = FakeSource().walk(5)
    frames = Frames(source, CHARTS)
    frames.next()
    source.history.append({"step": 6, "kl": 1.0, "err/re": 0.1, "multiplier/cla": 3.0})
    head, data = only(frames.next(), "rows")
    assert head["full"] and head["columns"][-1] == "multiplier/cla"
    assert table(data, len(head["columns"]))[-1, -1] == 3.0


def test_a_run_without_a_step_is_a_frame_too() -> None:
    frames = Frames(FakeSource(), CHARTS)
    head, data = only(frames.next(), "rows")
    assert head["n"] == 0 and data == b"" and head["columns"] == []


def test_kappa_is_sent_when_it_is_edited_and_not_when_the_version_alone_moves() -> None:
    source = FakeSource().walk(5)
    frames = Frames(source, CHARTS)
    frames.next()
    source.version += 1
    assert "setup" not in kinds(frames.next())
    source.set_kappa(0.08)
    head, _ = only(frames.next(), "setup")
    assert head["constraints"] == [{"name": "re", "kappa": 0.08, "unit": "RMS pixel"}]


def test_the_limit_follows_once_it_is_there() -> None:
    source = FakeSource().walk(5)
    limit, source.limit = source.limit, None
    frames = Frames(source, CHARTS)
    assert only(frames.next(), "limit")[0]["kappa"] == []
    source.limit = limit
    head, _ = only(frames.next(), "limit")
    assert head["kappa"][0] == pytest.approx(0.01) and len(head["rate"]) == len(head["kappa"])
    assert "limit" not in kinds(frames.next())


def test_the_limit_is_sorted_and_finite() -> None:
    limit = SimpleNamespace(kappa=[0.2, 0.1, np.nan], rate=[0.5, 1.0, 3.0], note="subset")
    head = parts.limit_curve(limit)
    assert (head["kappa"], head["rate"], head["note"]) == ([0.1, 0.2], [1.0, 0.5], "subset")


def test_pictures_come_with_every_third_frame_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE", 1e9)  # so that no pause hides the count of frames
    source = FakeSource()
    frames = Frames(source, ("images",))
    for _ in range(12):
        source.walk(1)
        frames.next(frames.look())
    assert source.looks == 4


def test_costly_pictures_pause() -> None:
    source = FakeSource()
    pictures = source.pictures

    def slow() -> Pictures:
        time.sleep(0.02)
        return pictures()

    source.pictures = slow  # type: ignore[method-assign]
    frames = Frames(source, ("images",))
    for _ in range(12):
        source.walk(1)
        frames.next(frames.look())
    assert source.looks == 1  # 20 ms are 2 % of a second, which these frames do not take


def test_pictures_of_a_resting_run_are_not_asked_for_again() -> None:
    source = FakeSource().walk(3)
    frames = Frames(source, ("tiling",))
    for _ in range(12):
        frames.next(frames.look())
    assert source.looks == 1


def test_charts_alone_ask_for_no_pictures() -> None:
    source = FakeSource().walk(3)
    frames = Frames(source, CHARTS)
    frames.next(frames.look())
    assert source.looks == 0


def test_a_picture_that_fails_is_said_and_the_charts_go_on() -> None:
    source = FakeSource().walk(3)

    def broken() -> Pictures:
        raise RuntimeError("no weights")

    source.pictures = broken  # type: ignore[method-assign]
    frames = Frames(source, (*CHARTS, "images", "status"))
    found = frames.next(frames.look())
    assert "rows" in kinds(found)
    assert only(found, "status")[0]["hint"] == "no pictures: RuntimeError: no weights"


def test_images_are_rows_of_equal_length() -> None:
    pictures = FakeSource(channels=3).pictures()
    short = Pictures(**{**vars(pictures), "sample": pictures.sample[:2]})
    head, data = parts.images(short)
    assert data is not None
    grid = np.frombuffer(data, np.uint8).reshape(3, head["n"], head["h"], head["w"], head["c"])
    np.testing.assert_array_equal(grid[1], pictures.reconstruction)
    np.testing.assert_array_equal(grid[2, :2], pictures.sample[:2])
    assert head["counts"] == [7, 7, 2] and not grid[2, 2:].any()


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_tiling_sends_a_bounded_sample_of_the_latents(dims: int) -> None:
    pictures = FakeSource(dims=dims).pictures()
    head, data = parts.tiling(pictures, "0,1")
    assert data is not None
    sent = np.frombuffer(data, "<f4").reshape(head["n"], head["per"], min(dims, 2))
    assert head["dims"] == dims and head["n"] * head["per"] <= parts.SAMPLES
    np.testing.assert_array_equal(sent, pictures.z[:, : head["per"], :2])


def test_everything_in_a_header_is_json_without_nan() -> None:
    source = FakeSource().walk(3)
    source.history.append({"step": 4.0, "kl": np.nan})
    source.kappas["re"] = float("inf")
    source.status = lambda: Status("failed", "NaN", step=3, rate=float("nan"))  # type: ignore
    frames = Frames(source, (*CHARTS, "tiling", "images", "status"))
    for head, _ in frames.next(frames.look()):
        json.dumps(head, allow_nan=False)


def test_the_marked_point_is_the_mean_of_the_newest_rows() -> None:
    source = FakeSource().walk(200)
    head, _ = parts.rows(source.history, ["step", "kl"], 0, 200, 1000, full=True)
    assert head["now"][0] == pytest.approx(175.5)
    assert head["now"][1] == pytest.approx(float(source.history["kl"][150:].mean()), rel=1e-5)


def test_the_marked_point_is_of_the_rows_that_were_asked_for() -> None:
    source = FakeSource().walk(200)  # the writer has gone on since `high` was read
    head, _ = parts.rows(source.history, ["step"], 0, 100, 1000, full=True)
    assert head["total"] == 100 and head["now"][0] == pytest.approx(75.5)


def test_evaluations_keep_the_newest() -> None:
    evaluations = History(["step", "kappa_hat/re", "kl"])
    for step in range(1000):
        evaluations.append({"step": step, "kappa_hat/re": 0.1, "kl": 2.0})
    head, data = parts.marks(evaluations, 1000)
    assert data is not None
    sent = table(data, 3)
    assert head["n"] == len(sent) <= parts.MARKS and sent[-1, 0] == 999


def test_ghosts_are_thinned_and_named() -> None:
    long = ghost("long")
    long = type(long)("long", np.repeat(long.rows, 20, axis=0))
    head, data = parts.ghost_lines([ghost("a"), long])
    assert data is not None
    assert head["names"] == ["a", "long"] and head["counts"][0] == 60
    assert head["counts"][1] <= parts.GHOST_ROWS and len(table(data, 3)) == sum(head["counts"])
    np.testing.assert_array_equal(table(data, 3)[-1], long.rows[-1])
