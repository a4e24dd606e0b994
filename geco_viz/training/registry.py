"""Re-running a notebook cell replaces what that cell made; two cells keep two runs."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any, Protocol

__all__ = ["register"]


class _Closable(Protocol):
    def close(self) -> None: ...


_gate = threading.Lock()
_made: dict[str, list[tuple[str | None, weakref.ref[_Closable]]]] = {}


def register(item: _Closable, name: str | None) -> None:
    """Close what an earlier execution of this cell registered, and remember `item`.

    The key is the cell's id, which JupyterLab sends with each execute request; elsewhere it is
    `name`, and without one nothing is replaced. Items of one execution live side by side.
    """
    cell, execution = _cell()
    key = cell or name
    if key is None:
        return
    if cell is None:
        execution = None
    with _gate:
        before = _made.get(key, [])
        stale = [ref for made_by, ref in before if execution is None or made_by != execution]
        kept = [entry for entry in before if entry[1] not in stale]
        _made[key] = [*kept, (execution, weakref.ref(item))]
    for ref in stale:
        old = ref()
        if old is not None and old is not item:
            old.close()


def _cell() -> tuple[str | None, str | None]:
    """The id of the cell that is being executed and of the execution, or None, None."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    cell = parent.get("metadata", {}).get("cellId")
    return cell, parent.get("header", {}).get("msg_id")
