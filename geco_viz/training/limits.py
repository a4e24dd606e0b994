"""The rate-distortion limit of a run's data: computed once, in the background, kept by content."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geco_viz._files import write_whole
from geco_viz.data import Dataset
from geco_viz.theory import RateDistortion, mergers, rate_distortion
from geco_viz.training.worker import Worker

__all__ = ["EXACT", "Limit", "content_hash", "data_hash", "request", "wait_for"]

EXACT = 1000  # data whose limit is computed exactly; of more, that of a subset of so many
QUICK = 64  # data whose limit takes a second; that of more is left to a process of low priority
COUNTED = 16  # data whose critical temperatures are few enough to be drawn
VERSION = 1  # of what is kept on disk

_known: dict[str, Limit] = {}
_waiting: dict[str, list[Callable[[Limit | None], None]]] = {}
_gate = threading.Lock()
_one = threading.Lock()  # one process at a time


@dataclasses.dataclass(frozen=True)
class Limit(RateDistortion):
    """R(D) of a training set, or of a subset of it.

    Attributes:
        subset: how many of the data it is the limit of; 0 if of all.
        critical: (beta, points before, points after) of each merger of the best reconstruction
            points, beta in data units squared; empty for sets of more than 16.
    """

    subset: int = 0
    critical: tuple[tuple[float, int, int], ...] = ()


def content_hash(x: Tensor) -> str:
    """A fingerprint of a tensor's values and shape.

    Example:
        >>> import torch
        >>> content_hash(torch.zeros(2)) == content_hash(torch.zeros(3))
        False
    """
    digest = hashlib.blake2b(str(tuple(x.shape)).encode(), digest_size=16)
    digest.update(x.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def data_hash(data: Dataset) -> str:
    """A fingerprint of the images, and of the context where there is one."""
    parts = [data.x] if data.context is None else [data.x, data.context]
    return "-".join(content_hash(part) for part in parts)


def request(
    x: Tensor, done: Callable[[Limit | None], None], most: int | None = None
) -> Limit | None:
    """R(D) of x if it is known; else None, and `done(limit)` is called from a thread when it is.

    Exact for up to `most` data (1000); of more, that of so many drawn with seed 0, which the note
    says; the time it takes grows with their square. `done` is never called by the asking thread,
    which may hold locks that `done` wants.
    """
    most, total = most or EXACT, len(x)
    if total > most:
        chosen = torch.randperm(total, generator=torch.Generator().manual_seed(0))[:most]
        x = x[chosen.sort().values.to(x.device)]
    x = x.detach().cpu()
    key = f"{content_hash(x)}-{total}"
    with _gate:
        if key in _known:
            return _known[key]
        if key in _waiting:
            _waiting[key].append(done)
        else:
            _waiting[key] = [done]
            job = _Job(key, x.clone(), total)
            Worker("limit", job.run, job.halt).start()
    return None


def wait_for(x: Tensor, most: int | None = None) -> Limit | None:
    """As `request`, but waits for the answer; None if there is none, as when Python ends.

    The critical temperatures of small sets, which take longer than their curve, are left out.

    Example:
        >>> import math, torch
        >>> limit = wait_for(torch.eye(4).reshape(4, 1, 2, 2))
        >>> round(float(limit.rate[0]) / math.log(4), 3)
        1.0
    """
    if len(x) <= QUICK:
        return Limit(**_fields(rate_distortion(x.detach().cpu())))
    answered = threading.Event()
    answers: list[Limit | None] = []

    def done(limit: Limit | None) -> None:
        answers.append(limit)
        answered.set()

    known = request(x, done, most)
    if known is not None:
        return known
    answered.wait()
    return answers[0]


class _Job:
    """The computation of one limit; a small one in this thread, a large one in another process."""

    def __init__(self, key: str, x: Tensor, total: int):
        self.key, self.x, self.total = key, x, total
        self.process: subprocess.Popen[bytes] | None = None
        self.halted = False

    def run(self) -> None:
        limit = None
        try:
            limit = self._quick() if len(self.x) <= QUICK else self._patient()
        finally:
            with _gate:
                callbacks = _waiting.pop(self.key)
                if limit is not None:
                    _known[self.key] = limit
            for done in callbacks:  # after an error too: somebody may wait for the answer
                done(limit)

    def halt(self) -> None:
        """End the process: nobody waits for its answer any more."""
        self.halted = True
        if self.process is not None:
            self.process.terminate()

    def _quick(self) -> Limit:
        torch.set_num_threads(1)
        found = rate_distortion(self.x)
        critical: tuple[tuple[float, int, int], ...] = ()
        if 1 < len(self.x) <= COUNTED:
            all_ = mergers(self.x, accuracy=1e-2)
            rows = zip(all_.beta.tolist(), all_.before.tolist(), all_.after.tolist(), strict=True)
            critical = tuple(rows)
        return Limit(**_fields(found), critical=critical)

    def _patient(self) -> Limit | None:
        kept = _folder() / f"{self.key}-{VERSION}.npz"
        limit = self._read(kept)
        if limit is not None:
            return limit
        with _one, tempfile.TemporaryDirectory() as folder:
            given, answer = Path(folder) / "x.npy", Path(folder) / "limit.npz"
            np.save(given, self.x.numpy())
            if not self.halted:
                self.process = _start(given, answer)
                self.process.wait()
            limit = self._read(answer)
            if limit is not None:
                _keep(answer, kept)
        return limit

    def _read(self, path: Path) -> Limit | None:
        """The limit in a file, with the note on what it is the limit of; None if there is none."""
        try:
            with path.open("rb") as opened, np.load(opened) as file:
                fields: dict[str, Any] = {
                    name: torch.from_numpy(file[name]) for name in file.files if name != "note"
                }
                note = str(file["note"])
            found = RateDistortion(**fields, note=note)
        # None, half of one, or another version's.
        except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            return None
        subset = len(self.x) if self.total > len(self.x) else 0
        if subset:
            words = f"R(D) of {subset:,} of the {self.total:,} data (seed 0), a loose lower bound"
            found = dataclasses.replace(found, note="; ".join(filter(None, [words, note])))
        return Limit(**_fields(found), subset=subset)


def _fields(found: RateDistortion) -> dict[str, Any]:
    return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}


def _folder() -> Path:
    from geco_viz.data.download import cache_folder

    return cache_folder() / "limits"


def _start(given: Path, answer: Path) -> subprocess.Popen[bytes]:
    """A process of the lowest priority: a minute of work that must not cost the run its core."""
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    # Where there is no nice value, as on Windows, the priority class stands in for it.
    flags = getattr(subprocess, "IDLE_PRIORITY_CLASS", 0)
    process = subprocess.Popen(
        [sys.executable, "-m", "geco_viz.training.limit_job", str(given), str(answer)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=flags,
    )
    if hasattr(os, "setpriority"):
        with contextlib.suppress(OSError):  # it may have ended
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)
    return process


def _keep(answer: Path, kept: Path) -> None:
    """Put a copy into the cache folder, whole or not at all; without one it is computed again."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, answer.read_bytes())
    except OSError:
        pass
