"""What a live view reads: the `Source` protocol over the records of `training.records`.

`Run` and `Watch` are sources; so is anything else with these attributes.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from geco_viz.training.records import PHASES, Ghost, Pictures, Probe, Status

__all__ = ["PHASES", "Ghost", "Pictures", "Probe", "Source", "Status", "check_source"]


class Source(Protocol):
    """What a view asks of a run; docs/architecture.md says it in full.

    The view calls these from threads of its own. `pictures` and `probe` may wait for the step in
    progress; everything else returns at once.
    """

    @property
    def title(self) -> str: ...
    @property
    def history(self) -> Any: ...
    @property
    def evaluations(self) -> Any: ...
    @property
    def constraints(self) -> Sequence[Any]: ...
    @property
    def limit(self) -> Any: ...
    @property
    def ghosts(self) -> Sequence[Ghost]: ...
    @property
    def version(self) -> int: ...
    def kappa_of(self, name: str) -> float: ...
    def status(self) -> Status: ...
    def pictures(self) -> Pictures | None: ...
    def probe(self, z: NDArray[np.float32]) -> Probe: ...


def check_source(name: str, source: Any) -> None:
    """Raise a `TypeError` that names the argument unless it has what a `Source` has."""
    # Looked up without being called: to ask a run for its limit starts the computation.
    asked = [each for each in vars(Source) if not each.startswith("_")]
    nothing = object()
    lacking = [each for each in asked if inspect.getattr_static(source, each, nothing) is nothing]
    if lacking:
        raise TypeError(
            f"{name} must be a Run, a Watch or a Source, got {source!r} without {lacking}"
        )
