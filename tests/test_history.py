"""The history: what is written is read back, by any thread, while it grows and widens."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from geco_viz import History


def filled(n: int, columns: int = 3, seed: int = 0) -> tuple[History, np.ndarray]:
    table = np.random.default_rng(seed).normal(size=(n, columns)).astype(np.float32)
    names = [f"c{i}" for i in range(columns)]
    history = History(names)
    for row in table:
        history.append(dict(zip(names, row, strict=True)))
    return history, table


@pytest.mark.parametrize("n", [0, 1, 1023, 1024, 1025, 5000])
def test_rows_come_back_in_order_whatever_their_number(n: int) -> None:
    history, table = filled(n)
    assert len(history) == n
    assert np.array_equal(history.rows(), table)
    for i, name in enumerate(history.columns):
        assert np.array_equal(history[name], table[:, i])
    assert history.rows().dtype == history["c0"].dtype == np.float32


def test_random_rows_with_changing_columns_match_a_plain_list() -> None:
    random = np.random.default_rng(1)
    names = [f"n{i}" for i in range(12)]
    history, plain = History(["n0"]), []
    for _ in range(3000):
        width = random.integers(1, 1 + min(12, 1 + len(plain) // 200))
        row = {name: float(random.normal()) for name in random.choice(names, width, replace=False)}
        history.append(row)
        plain.append(row)
    assert set(history.columns) == {name for row in plain for name in row} | {"n0"}
    for name in history.columns:
        expected = np.array([row.get(name, math.nan) for row in plain], np.float32)
        assert np.array_equal(history[name], expected, equal_nan=True)


def test_a_late_column_is_nan_above_and_a_missing_value_is_nan() -> None:
    history = History(["a"])
    history.append({"a": 1})
    history.append({"b": 2})
    assert history.columns == ("a", "b")
    assert np.array_equal(history.rows(), [[1, np.nan], [np.nan, 2]], equal_nan=True)


def test_views_are_read_only_and_stay_as_they_were() -> None:
    history, table = filled(1000)
    view = history["c1"]
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 0
    for _ in range(2000):  # grows
        history.append({"c1": -1.0, "new": 1.0})  # and widens
    assert np.array_equal(view, table[:, 1])
    rows = history.rows(0, 1000)
    rows[:] = 7  # a copy
    assert np.array_equal(history["c1"][:1000], table[:, 1])


def test_slices_of_rows() -> None:
    history, table = filled(20)
    assert np.array_equal(history.rows(5, 9), table[5:9])
    assert np.array_equal(history.rows(15), table[15:])
    assert np.array_equal(history.rows(15, 99), table[15:])
    assert history.rows(20).shape == (0, 3)


def test_it_reads_like_a_mapping_of_columns() -> None:
    history, table = filled(3)
    assert list(history) == list(history.keys()) == ["c0", "c1", "c2"]
    assert "c1" in history and "x" not in history
    assert np.array_equal(dict(history)["c2"], table[:, 2])
    assert "3 rows: c0, c1, c2" in repr(history)
    with pytest.raises(KeyError, match="no column 'kll'; it has c0, c1, c2"):
        history["kll"]


def test_to_frame_is_the_same_table() -> None:
    history, table = filled(5)
    frame = history.to_frame()
    assert list(frame.columns) == ["c0", "c1", "c2"] and len(frame) == 5
    assert np.array_equal(frame.to_numpy(), table)


def test_from_rows_is_a_history_that_goes_on() -> None:
    history, table = filled(7)
    again = History.from_rows(history.columns, history.rows())
    assert again.columns == history.columns and np.array_equal(again.rows(), table)
    again.append({"c0": 1.0, "late": 2.0})
    assert len(again) == 8 and again["c0"][-1] == 1 and again["late"][-1] == 2
    assert len(history) == 7
    empty = History.from_rows(["a", "b"], np.empty((0, 2), np.float32))
    empty.append({"a": 1.0})
    assert empty["a"].tolist() == [1.0]


def test_from_rows_keeps_a_copy() -> None:
    table = np.zeros((2, 1), np.float32)
    history = History.from_rows(["a"], table)
    table[:] = 5
    assert history["a"].tolist() == [0, 0]


# Decimation


@pytest.mark.parametrize("low", [0, 137])
@pytest.mark.parametrize("points", [50, 300, 1000])
@pytest.mark.parametrize("n", [1200, 10_007])
def test_decimation_keeps_extremes_and_newest_in_few_rows(n: int, points: int, low: int) -> None:
    history, table = filled(n, columns=5, seed=n)
    kept = history.decimate(points, low)
    assert len(kept) <= points
    assert len(kept) > points / 4  # and does not throw away what there is room for
    assert np.array_equal(kept, np.unique(kept)) and kept[0] >= low
    assert kept[-1] == n - 1
    assert np.array_equal(table[kept].max(0), table[low:].max(0))
    assert np.array_equal(table[kept].min(0), table[low:].min(0))


def test_decimation_keeps_every_spike() -> None:
    history, spikes = History(["step", "kl"]), {100, 5000, 7777}
    for step in range(9000):
        history.append({"step": step, "kl": 50.0 if step in spikes else math.sin(step / 500)})
    assert spikes <= set(history.decimate(200).tolist())


def test_decimation_of_few_rows_keeps_all() -> None:
    history, _ = filled(10)
    assert history.decimate(10).tolist() == list(range(10))
    assert history.decimate(5, low=6).tolist() == [6, 7, 8, 9]
    assert History(["a"]).decimate(5).tolist() == []


def test_decimation_passes_over_nan() -> None:
    history = History(["a", "b"])
    for i in range(2000):
        history.append({"a": math.nan if i % 2 else float(i), "b": math.nan})
    kept = history.decimate(40)
    assert len(kept) <= 40 and kept[-1] == 1999
    assert {0, 1998} <= set(kept.tolist())


# Threads


def test_readers_see_whole_rows_while_the_writer_grows_and_widens() -> None:
    """Every value of row i is i, so a torn or shifted row would show at once."""
    history, done, problems = History(["a", "b"]), threading.Event(), []

    def read() -> None:
        try:
            while not done.is_set():
                names = history.columns
                for name in names:
                    column = history[name]
                    known = ~np.isnan(column)
                    if not np.array_equal(column[known], np.flatnonzero(known)):
                        problems.append(f"column {name}")
                n = len(history)
                rows = history.rows(max(0, n - 5), n)
                if rows.shape[0] != min(n, 5) or rows.shape[1] < len(names):
                    problems.append(f"rows {rows.shape}")
                if n and not (rows[:, 0] == np.arange(max(0, n - 5), n)).all():
                    problems.append("newest rows")
                kept = history.decimate(100)
                if n and kept.size and kept[-1] < n - 1:
                    problems.append("decimate lost the newest row")
                if len(frame := history.to_frame()) < n or len(frame.columns) < len(names):
                    problems.append("frame")
        except Exception as error:
            problems.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for i in range(4000):
        row = {"a": i, "b": i}
        if i > 200:
            row |= {f"x{j}": i for j in range(min(i // 200, 15))}
        history.append(row)
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(history) == 4000 and len(history.columns) == 17


@pytest.mark.parametrize("method", ["decimate", "to_frame", "rows", "getitem"])
def test_a_column_that_appears_in_the_middle_of_a_read_does_no_harm(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race on purpose: the writer widens whenever the reader looks at the columns' names."""

    class Racing(History):
        armed = False

        @property
        def _columns(self) -> tuple[str, ...]:
            names = self.__dict__["names"]
            if self.armed:
                self.armed = False
                self.append({"step": 1.0, f"new{len(names)}": 2.0})
            return names

        @_columns.setter
        def _columns(self, names: tuple[str, ...]) -> None:
            self.__dict__["names"] = names

    history = Racing(["step", "kl"])
    for i in range(500):
        history.append({"step": float(i), "kl": 1.0})
    history.armed = True
    if method == "decimate":
        assert history.decimate(50)[-1] >= 499
    elif method == "to_frame":
        assert len(history.to_frame()) >= 500
    elif method == "rows":
        assert len(history.rows()) >= 500
    else:
        assert len(history["kl"]) >= 500
