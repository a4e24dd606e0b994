"""The training loop as an iterator of steps: batch, loss, gradients, weights, multiplier, row."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from geco_viz._checks import choice
from geco_viz.objectives import Objective
from geco_viz.training.average import WeightAverage
from geco_viz.training.history import History
from geco_viz.training.schedule import Schedule
from geco_viz.training.settings import Settings

__all__ = ["STEPS", "Diverged", "Loop"]

STEPS = ("both", "theta", "lambda")


class Diverged(ArithmeticError):
    """Training met a value that is not finite, and made no step with it."""


class Loop:
    """Everything that moves when a run steps; `advance()` makes one step and writes one row.

    Not thread-safe: `Run` sees to it that one thread steps at a time.

    Args:
        model: called as `model(x, context=..., samples=..., generator=...)`.
        objective: called as `objective(kl, x, x_hat, y)`.
        x, y, context: the whole training set on the model's device; a batch costs an index.
        settings: the recipe.
        seed: of batches and posterior samples.

    Raises:
        Diverged: by `advance()`, before the weights are touched (an accelerator's within a frame).
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        x: Tensor,
        y: Tensor | None,
        context: Tensor | None,
        settings: Settings,
        seed: int,
    ):
        self.model, self.settings = model, settings
        self.x, self.y, self.context = x, y, context
        self.generator = torch.Generator(device=x.device).manual_seed(seed)
        self.history = History(["step", "loss", "kl", "err/re", "beta", "lr"])
        self.schedule = Schedule()
        self.average = WeightAverage(model, settings.decay)
        self.step = 0
        self.saved = -1  # the step that the folder of the run holds, for the error
        self.diverged = False
        self._order = torch.empty(0, dtype=torch.int64, device=x.device)
        self._position = 0
        self._pending: list[tuple[dict[str, float], list[str], Tensor]] = []
        self._flushed = time.monotonic()
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        # An accelerator works far ahead of the host, which waits for it wherever it reads a number.
        self._on_host = x.device.type == "cpu"
        self.set_objective(objective)

    def set_objective(self, objective: Objective) -> None:
        """Train under this objective from the next step on; the model's Adam state is kept."""
        self.flush()  # rows on their way are the earlier objective's
        self.objective = objective.to(self.x.device).train()
        own = [p for p in objective.parameters() if p.requires_grad]
        previous = getattr(self, "optimizer", None)
        self.optimizer = torch.optim.Adam(
            [{"params": self._parameters}] + ([{"params": own}] if own else []),
            lr=self.settings.lr,
            betas=self.settings.betas,
            fused=self.x.device.type in ("cpu", "cuda", "mps"),
        )
        if previous is not None:
            for parameter in self._parameters:
                if parameter in previous.state:
                    self.optimizer.state[parameter] = previous.state[parameter]

    def __iter__(self) -> Iterator[int]:
        """Step for ever; yields the number of steps made."""
        while True:
            self.advance()
            yield self.step

    def advance(self, what: str = "both") -> None:
        """One step: of the model's weights ("theta"), the multipliers ("lambda") or both."""
        if what not in STEPS:
            choice("what", what, STEPS)
        factor = self.schedule.factor(self.step)
        lr = self.settings.lr * factor
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        x, y, context = self._batch()
        if self.settings.bits or self.settings.noise:
            x = coarsened(x, self.settings.bits, self.settings.noise, self.generator)
        if self.objective.pace != factor:  # setting a module's attribute takes a microsecond
            self.objective.pace = factor
        if self.objective.training != (what != "theta"):
            self.objective.train(what != "theta")
        out = self.model(
            x, context=context, samples=self.settings.samples, generator=self.generator
        )
        loss: Tensor = self.objective(out.kl, x, out.x_hat, y)
        value = loss.item() if self._on_host else loss.detach()
        if self._on_host and not math.isfinite(value):
            raise self._diverged(self.step + 1, f"the loss is {value}")
        row = self.objective.record()
        if "err/re" not in row:
            row["err/re"] = (out.x_hat.detach() - x).square().mean()
        if what != "lambda":
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            value = self._update(value)
        if what != "theta":
            self.objective.step()
        self.step += 1
        self._write({"step": self.step, "lr": lr}, {"loss": value, **row})
        if self.schedule.looks(self.step):
            self.flush()  # what it finds must not depend on when the last rows came
            self.schedule.watch(self.step, self.history, self.objective.constraints)

    def _update(self, loss: Any) -> Any:
        """Move the weights; returns the loss, which is NaN where the gradient was not finite."""
        norm = nn.utils.clip_grad_norm_(self._parameters, self.settings.clip)
        if self._on_host:
            if not math.isfinite(size := norm.item()):
                raise self._diverged(self.step + 1, f"the gradient's norm is {size}")
        else:
            # The hook of gradient scalers: a fused optimiser skips the step by itself, on the
            # device, so that nothing waits for the host here.
            loss = loss + 0 * norm
            self.optimizer.found_inf = (~loss.isfinite()).float()  # type: ignore[attr-defined]
        self.optimizer.step()
        self.average.update()
        return loss

    def _batch(self) -> tuple[Tensor, Tensor | None, Tensor | None]:
        size, count = self.settings.batch, len(self.x)
        if size >= count:
            return self.x, self.y, self.context
        if self._position + size > len(self._order):
            # What is left of an epoch begins the next one's first batch: no datum is left out.
            fresh = torch.randperm(count, generator=self.generator, device=self.x.device)
            self._order = torch.cat([self._order[self._position :], fresh])
            self._position = 0
        index = self._order[self._position : self._position + size]
        self._position += size
        y = None if self.y is None else self.y[index]
        context = None if self.context is None else self.context[index]
        return self.x[index], y, context

    def _write(self, known: dict[str, float], row: dict[str, Tensor | float]) -> None:
        """Append the row, on a CPU at once; an accelerator's rows travel in one copy per frame."""
        if self._on_host:
            for name, value in row.items():
                known[name] = value.item() if isinstance(value, Tensor) else value
            self._append(known)
            return
        tensors = {name: value for name, value in row.items() if isinstance(value, Tensor)}
        known |= {k: v for k, v in row.items() if not isinstance(v, Tensor)}
        self._pending.append((known, list(tensors), torch.stack(list(tensors.values()))))
        if len(self._pending) >= 256 or time.monotonic() - self._flushed > 0.05:
            self.flush()

    def flush(self) -> None:
        """Bring rows that still wait on the device into the history."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        # One transfer per kind of row; the kind changes only where the objective did.
        start = 0
        for end in range(1, len(pending) + 1):
            if end == len(pending) or pending[end][1] != pending[start][1]:
                values = torch.stack([tensor for _, _, tensor in pending[start:end]]).tolist()
                for (known, names, _), numbers in zip(pending[start:end], values, strict=True):
                    row = known | dict(zip(names, numbers, strict=True))
                    if not math.isfinite(row["loss"]):
                        raise self._diverged(int(row["step"]), "loss or gradient is not finite")
                    self._append(row)
                start = end
        self._flushed = time.monotonic()

    def _append(self, row: dict[str, Any]) -> None:
        for constraint in self.objective.constraints:
            name = f"err/{constraint.name}"
            row[name] = constraint.as_kappa(row[name])
        if all(constraint.name != "re" for constraint in self.objective.constraints):
            row["err/re"] = row["err/re"] ** 0.5
        self.history.append(row)
        self.diverged = False

    def _diverged(self, step: int, culprit: str) -> Diverged:
        self.diverged = True
        words = (
            f"training diverged at step {step}: {culprit}; that step changed no weight, but "
            "earlier ones may have spoilt them: look at history, lower lr"
        )
        held = f"; out still holds the run at step {self.saved}" if self.saved >= 0 else ""
        return Diverged(words + held)

    @property
    def spoilt(self) -> bool:
        """Whether the last step diverged, or a weight is not finite."""
        return self.diverged or not all(bool(p.isfinite().all()) for p in self._parameters)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that a resumed loop needs: tensors by name, and plain data."""
        self.flush()
        tensors = {
            "loop/generator": self.generator.get_state(),
            "loop/order": self._order,
            "history/rows": torch.from_numpy(self.history.rows()),
        }
        for prefix, module in (
            ("model", self.model),
            ("average", self.average.model),
            ("objective", self.objective),
        ):
            tensors |= {f"{prefix}/{key}": value for key, value in module.state_dict().items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam/{index}/{key}": value for key, value in slots.items()}
        plain = {
            "step": self.step,
            "position": self._position,
            "averaged": self.average.steps,
            "schedule": self.schedule.state,
            "columns": list(self.history.columns),
        }
        return tensors, plain

    def restore(self, tensors: dict[str, Tensor], plain: dict[str, Any]) -> None:
        """Go on from `state()`, bit for bit on a CPU."""

        def part(prefix: str) -> dict[str, Tensor]:
            cut = len(prefix) + 1
            return {k[cut:]: v for k, v in tensors.items() if k.startswith(prefix + "/")}

        self.model.load_state_dict(part("model"))
        self.average.model.load_state_dict(part("average"))
        self.objective.load_state_dict(part("objective"))
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in part("adam").items():
            index, name = key.split("/")
            slots.setdefault(int(index), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        self.generator.set_state(tensors["loop/generator"].cpu())
        self._order = tensors["loop/order"].to(self.x.device)
        self._position, self.step = plain["position"], plain["step"]
        self.average.steps, self.schedule.state = plain["averaged"], dict(plain["schedule"])
        rows = tensors["history/rows"].cpu().numpy()
        self.history = History.from_rows(plain["columns"], rows)


def coarsened(x: Tensor, bits: int, noise: float, generator: torch.Generator) -> Tensor:
    """Pixels in 2^bits levels from 0 to 1, with uniform noise of width `noise`.

    Example:
        >>> coarsened(torch.tensor([0.0, 0.3, 0.6, 1.0]), 1, 0.0, torch.Generator()).tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    if bits:
        levels = 2**bits
        x = (x * levels).floor().clamp(max=levels - 1) / (levels - 1)
    if noise:
        fresh = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        x = x + noise * (fresh - 0.5)
    return x
