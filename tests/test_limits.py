"""The limit of a run's data: whole or of a subset, kept in memory and on disk."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geco_viz import theory
from geco_viz.training import limits


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Bounds so low that a set of a dozen counts as large, and a cache folder of its own."""
    monkeypatch.setattr(limits, "EXACT", 9)
    monkeypatch.setattr(limits, "QUICK", 4)
    monkeypatch.setattr(limits, "_known", {})
    monkeypatch.setenv("GECO_VIZ_CACHE", str(tmp_path))
    return tmp_path / "limits"


def points(n: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 1, 2, 2, generator=torch.Generator().manual_seed(seed))


def ask(x: torch.Tensor) -> Any:
    """The limit, waited for if need be."""
    came, found = threading.Event(), []
    known = limits.request(x, lambda limit: (found.append(limit), came.set()))
    if known is None:
        assert came.wait(60)
        known = found[0]
    return known


def test_a_small_set_has_its_limit_and_its_critical_temperatures() -> None:
    x = points(3)
    limit = ask(x)
    direct = theory.rate_distortion(x, kappa=limit.kappa)
    torch.testing.assert_close(limit.rate, direct.rate, atol=2e-7, rtol=0)  # two certificates
    assert limit.subset == 0 and limit.note == ""
    beta, before, after = limit.critical[-1]
    assert beta == pytest.approx(theory.last_transition(x), rel=1e-2) and (before, after) == (2, 1)
    assert limits.request(x.clone(), print) is limit  # by content


def test_a_large_set_has_the_limit_of_a_seeded_subset(small: Path) -> None:
    x = points(12)
    limit = ask(x)
    chosen = torch.randperm(12, generator=torch.Generator().manual_seed(0))[:9].sort().values
    direct = theory.rate_distortion(x[chosen], kappa=limit.kappa)
    torch.testing.assert_close(limit.rate, direct.rate, atol=2e-7, rtol=0)
    assert limit.subset == 9 and "9 of the 12 data" in limit.note and limit.critical == ()


def test_the_answer_of_the_process_is_kept_on_disk(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(points(6))
    (kept,) = small.iterdir()
    monkeypatch.setattr(limits, "_known", {})
    monkeypatch.setattr(limits, "_start", None)  # a process now would fail
    again = ask(points(6))
    assert again is not first and torch.equal(again.rate, first.rate)
    monkeypatch.undo()
    # Half a file is no answer, and another's data are another file.
    limits._known.clear()
    job = limits._Job("x", points(6), 6)
    kept.write_bytes(kept.read_bytes()[:100])
    assert job._read(kept) is None


def test_the_process_has_low_priority_and_can_be_ended(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    real = limits._start
    monkeypatch.setattr(limits, "_start", lambda *paths: started.append(real(*paths)) or started[0])
    monkeypatch.setattr(limits, "EXACT", 500)
    job = limits._Job("many", points(400), 400)
    limits._waiting["many"] = []
    thread = threading.Thread(target=job.run)
    thread.start()
    while not started and thread.is_alive():
        time.sleep(0.01)
    priority = os.getpriority(os.PRIO_PROCESS, started[0].pid)
    job.halt()
    thread.join(60)
    assert priority == 19 and not thread.is_alive() and "many" not in limits._known


def test_no_cache_folder_is_no_obstacle(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.parent.joinpath("file").write_text("")
    monkeypatch.setenv("GECO_VIZ_CACHE", str(small.parent / "file"))
    assert np.isfinite(np.asarray(ask(points(5, seed=2)).rate)).all()
