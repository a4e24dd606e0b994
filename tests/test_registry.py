"""Re-running a notebook cell replaces what it made; other cells, and other items, stay."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from tiny import make, threads

from geco_viz.training import registry


class Item:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


Cell = Callable[[str | None, str], None]


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Pretend that a cell is being executed: `cell(its id, the execution's id)`."""
    parent: dict[str, Any] = {}
    shell = types.SimpleNamespace(get_parent=lambda: parent)
    fake = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setattr(registry, "_made", {})

    def enter(identity: str | None, execution: str) -> None:
        parent.clear()
        parent["header"] = {"msg_id": execution}
        parent["metadata"] = {} if identity is None else {"cellId": identity}

    return enter


def registered(name: str | None = None) -> Item:
    item = Item()
    registry.register(item, name)
    return item


def test_running_a_cell_again_closes_what_it_made(cell: Cell) -> None:
    cell("a", "1")
    first = registered()
    cell("a", "2")
    second = registered()
    assert (first.closed, second.closed) == (1, 0)
    cell("a", "3")
    registered()
    assert (first.closed, second.closed) == (1, 1)  # once each


def test_two_items_of_one_execution_live_side_by_side(cell: Cell) -> None:
    cell("a", "1")
    items = [registered(), registered()]
    assert [item.closed for item in items] == [0, 0]
    cell("a", "2")
    registered()
    assert [item.closed for item in items] == [1, 1]


def test_other_cells_are_left_alone(cell: Cell) -> None:
    cell("a", "1")
    first = registered()
    cell("b", "2")
    second = registered()
    cell("b", "3")
    registered()
    assert (first.closed, second.closed) == (0, 1)


def test_the_cell_counts_and_not_the_name(cell: Cell) -> None:
    cell("a", "1")
    first = registered("same")
    cell("b", "2")
    registered("same")
    assert first.closed == 0


@pytest.mark.parametrize("where", ["no cell id", "no IPython", "no shell"])
def test_without_a_cell_the_name_counts(
    where: str, cell: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell(None, "1")
    if where == "no IPython":
        monkeypatch.delitem(sys.modules, "IPython")
    elif where == "no shell":
        none = types.SimpleNamespace(get_ipython=lambda: None)
        monkeypatch.setitem(sys.modules, "IPython", none)
    nameless, other, first = registered(), registered("other"), registered("mine")
    second = registered("mine")
    registered()
    assert [nameless.closed, other.closed, first.closed, second.closed] == [0, 0, 1, 0]


def test_the_registry_keeps_nothing_alive(cell: Cell) -> None:
    import weakref

    cell("a", "1")
    item: Item | None = registered()
    seen = weakref.ref(item)
    item = None
    gc.collect()
    assert seen() is None
    cell("a", "2")
    assert registered().closed == 0


def test_running_the_cell_of_a_run_again_leaves_one_thread(cell: Cell) -> None:
    cell("other", "0")
    other = make().play(evaluate_every=None)
    for execution in "123":
        cell("a", execution)
        run = make().play(evaluate_every=None)
        run.wait(1)
        assert len(threads("geco-viz run")) == 2
    assert other.playing and run.playing
    other.stop()
    run.stop()
    assert not threads("geco-viz run")


def test_replay_and_fork_in_the_runs_own_cell_do_not_close_it(cell: Cell) -> None:
    cell("a", "1")
    run = make().play(evaluate_every=None)
    run.wait(2)
    run.replay(progress=False)
    run.fork()
    assert run.playing
    run.stop()
