"""A source without a model: a walk like GECO's, so that views are tested in milliseconds."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from geco_viz.training import History
from geco_viz.training.records import Ghost, Pictures, Probe, Status

KAPPA = np.linspace(0.01, 0.21, 41)
RATE = np.maximum(0.0, 1.95 * (1 - (KAPPA / 0.2) ** 1.6))


class FakeSource:
    """Seven data, RE with kappa = 0.05; `play()` steps in a thread, `walk(n)` steps at once."""

    def __init__(
        self,
        names: tuple[str, ...] = ("re",),
        dims: int = 2,
        channels: int = 1,
        data: int = 7,
        seed: int = 0,
    ) -> None:
        self.title = "Fake digits · none · GECO + RE"
        self.history, self.evaluations = History(), History()
        self.constraints = tuple(
            SimpleNamespace(name=n, unit="RMS pixel" if n == "re" else "probability") for n in names
        )
        self.kappas = {name: 0.05 if name == "re" else 0.9 for name in names}
        certificate = np.zeros_like(RATE)
        self.limit: Any = SimpleNamespace(kappa=KAPPA, rate=RATE, certificate=certificate, note="")
        self.ghosts: list[Ghost] = []
        self.version = 0
        self.phase = "starting"
        self.words, self.hint = "", "Raise κ and tiles merge; lower it and they part."
        self.shape = (dims, channels, data)
        self.random = np.random.default_rng(seed)
        self.looks = self.probes = 0
        self._log_lambda = dict.fromkeys(names, 0.0)
        self._error, self._kl = 0.22, 0.05
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def kappa_of(self, name: str) -> float:
        return self.kappas[name]

    def set_kappa(self, value: float, name: str = "re") -> None:
        self.kappas[name] = value
        self.version += 1

    def walk(self, steps: int) -> FakeSource:
        for _ in range(steps):
            self._step()
        return self

    def _step(self) -> None:
        step, noise = len(self.history) + 1, self.random.normal(size=4)
        row = {"step": step, "loss": 1.0, "lr": 1e-3}
        goal = 0.21 * float(np.exp(-1.5 * np.exp(self._log_lambda.get("re", 1.0)) ** 0.3))
        self._error += 0.03 * (goal - self._error)
        error = self._error * float(np.exp(0.08 * noise[0]))
        floor = float(np.interp(self._error, KAPPA, RATE))
        self._kl += 0.02 * (floor + 80 * np.exp(-(((step - 40) / 25) ** 2)) - self._kl)
        row |= {"kl": self._kl + 0.07 + 0.06 * noise[1], "err/re": error}
        for name, kappa in self.kappas.items():
            value = error if name == "re" else 0.9 + 0.05 * noise[2]
            c = (value / kappa) ** 2 - 1 if name == "re" else value / kappa - 1
            moved = self._log_lambda[name] + 0.03 * min(c, 1.0)
            self._log_lambda[name] = float(np.clip(moved, np.log(1e-4), np.log(100)))
            row |= {f"err/{name}": value, f"kappa/{name}": kappa}
            row[f"multiplier/{name}"] = float(np.exp(self._log_lambda[name]))
        if "re" in self.kappas:
            row["beta"] = 784 * self.kappas["re"] ** 2 / (2 * row["multiplier/re"])
        self.history.append(row)
        if step % 200 == 0:
            found = {"step": step, "kappa_hat/re": self._error, "kl": self._kl + 0.05}
            self.evaluations.append(found)
        far = abs(self._error / self.kappas.get("re", 1.0) - 1)
        self.phase = "satisfying" if step < 200 else "settled" if far < 0.1 else "tightening"

    def play(self, rate: float = 150.0) -> FakeSource:
        def loop() -> None:
            while not self._stop.wait(1 / rate):
                self._step()

        self._stop.clear()
        self._thread = threading.Thread(target=loop, name="fake trainer", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.phase = "paused"

    def status(self) -> Status:
        words = self.words or (
            f"Mean of the last 50 steps: error = {self._error:.3f} meets κ = 0.05; "
            f"KL = {self._kl:.2f} nats, 0.09 above the limit R(error) = 1.72 (+5 %)."
        )
        return Status(self.phase, words, self.hint, len(self.history), 150.0, "cpu")

    def pictures(self) -> Pictures:
        self.looks += 1
        dims, channels, n = self.shape
        random = np.random.default_rng(0)
        images = np.zeros((n, 28, 28, channels), np.uint8)
        for i, image in enumerate(images):
            image[4 + i : 24, 4 + 2 * (i % 8) : 10 + 2 * (i % 8)] = 250 - 20 * np.arange(channels)
        z = random.normal(size=(n, 200, dims)).astype(np.float32)
        if dims > 1:
            z[..., 1] = z[..., 1] * 0.35 + 4.2 * (np.arange(n)[:, None] + 0.5) / n - 2.1
        mass = np.full(n, 1 / n) * (1 + 0.05 * random.normal(size=n))
        labels = [str(d) for d in (8, 7, 1, 7, 1, 2, 1, 0, 3, 4, 5, 6, 9)]
        step = len(self.history)
        mass = mass.astype(np.float32)
        return Pictures(images, images, images[::-1], labels[:n], z, mass, 0.0004, step)

    def probe(self, z: np.ndarray) -> Probe:
        self.probes += 1
        assert z.shape == (self.shape[0],)
        n = self.shape[2]
        centres = 4.2 * (np.arange(n) + 0.5) / n - 2.1
        weights = np.exp(-((z[-1] - centres) ** 2) / 0.2)
        density = float(np.exp(-max(0.0, np.abs(z).max() - 2) * 4))
        image = np.full((28, 28, self.shape[1]), int(40 * abs(float(z[0]))), np.uint8)
        return Probe(image, (weights / weights.sum()).astype(np.float32), density, density < 0.1)


def ghost(name: str, error: float = 0.1, kl: float = 1.4) -> Ghost:
    t = np.linspace(0, 1, 60)[:, None]
    rows = np.hstack([2000 * t, 0.22 + (error - 0.22) * t**0.3, 5 * np.exp(-6 * t) + kl * t])
    return Ghost(name, rows.astype(np.float32))


def until(condition: Any, seconds: float = 5.0) -> bool:
    """Wait for something another thread does; says whether it happened."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return bool(condition())
