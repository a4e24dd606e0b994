"""The loop: one step moves exactly what it should, and the same seed makes the same run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tiny import MODEL, images, same
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from geco_viz import ELBO, GECO, RE, Annealed, BetaVAE, Constraint, models
from geco_viz.objectives import Objective
from geco_viz.training import Diverged, Loop, Settings, schedule
from geco_viz.training.average import WeightAverage
from geco_viz.training.loop import coarsened


def loop(
    objective: Objective | None = None,
    x: Tensor | None = None,
    seed: int = 0,
    model: nn.Module | None = None,
    y: Tensor | None = None,
    **settings: Any,
) -> Loop:
    torch.manual_seed(7)
    x = images() if x is None else x
    model = models.build(shape=(1, 4, 4), **MODEL) if model is None else model
    settings = {"samples": 2, "lr": 1e-2, **settings}
    objective = GECO(RE(0.1)) if objective is None else objective
    objective.data_checked = True  # as a Run's
    return Loop(model, objective, x, y, None, Settings(**settings), seed)


def advance(made: Loop, steps: int, what: str = "both") -> Loop:
    for _ in range(steps):
        made.advance(what)
    return made


def moves(made: Loop, act: Callable[[], object]) -> dict[str, bool]:
    """What changed while `act` ran."""

    def look() -> dict[str, Tensor]:
        return {
            "weights": nn.utils.parameters_to_vector(made.model.parameters()).detach().clone(),
            "average": nn.utils.parameters_to_vector(made.average.model.parameters()).clone(),
            "objective": torch.cat(
                [v.flatten().double() for v in made.objective.state_dict().values()]
            ).nan_to_num(),
        }

    before = look()
    act()
    after = look()
    return {name: not torch.equal(before[name], after[name]) for name in before}


class Sees(nn.Module):
    """A model that writes down the first pixel of every datum that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.seen = models.build(shape=(1, 4, 4), **MODEL), []

    def forward(self, x: Tensor, **settings: Any) -> Any:
        self.seen += [round(float(v) * 1000) for v in x[:, 0, 0, 0]]
        return self.inner(x, **settings)


def detached(out: models.Output) -> models.Output:
    return models.Output(*(value.detach() for value in out))


def numbered(n: int) -> Tensor:
    return (torch.arange(n) / 1000)[:, None, None, None].expand(n, 1, 4, 4).clone()


def broken(at: int, value: float = math.nan) -> Constraint:
    """A constraint whose error is not finite at one call."""
    calls = [0]

    def error(x: Tensor, x_hat: Tensor) -> Tensor:
        calls[0] += 1
        return (x_hat - x).abs().mean() * (value if calls[0] == at else 1.0)

    return Constraint("broken", error, 0.1)


def steep(at: int) -> Constraint:
    """A constraint that is finite with a gradient that is not, at one call."""
    calls = [0]

    def error(x: Tensor, x_hat: Tensor) -> Tensor:
        calls[0] += 1
        base = (x_hat - x).square().mean()
        return base + (x_hat - x_hat.detach()).abs().sqrt().sum() if calls[0] == at else base

    return Constraint("steep", error, 0.1)


# Determinism


@pytest.mark.parametrize("batch", [3, 7])
def test_the_same_seed_makes_the_same_history(batch: int) -> None:
    a, b = (advance(loop(seed=3, batch=batch), 12) for _ in range(2))
    assert same(a.history, b.history) and len(a.history) == 12
    assert not same(a.history, advance(loop(seed=4, batch=batch), 12).history)


def test_torchs_global_generator_plays_no_part() -> None:
    a, b = loop(), loop()
    torch.manual_seed(1)
    advance(a, 5)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    advance(b, 5)
    assert same(a.history, b.history)
    assert torch.equal(torch.get_rng_state(), before)


def test_iterating_steps_and_counts() -> None:
    steps = iter(loop())
    assert [next(steps) for _ in range(3)] == [1, 2, 3]


# Batches


@pytest.mark.parametrize(("n", "size"), [(12, 4), (10, 4), (7, 3), (5, 4)])
def test_batches_show_each_datum_once_per_epoch(n: int, size: int) -> None:
    model = Sees()
    made = advance(loop(x=numbered(n), model=model, batch=size), 3 * n)
    epochs = [model.seen[i : i + n] for i in range(0, 3 * n * size, n)]
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1  # in another order each time
    assert made.step == 3 * n


def test_a_set_that_fits_the_batch_is_shown_whole() -> None:
    model = Sees()
    advance(loop(x=numbered(5), model=model, batch=100), 2)
    assert model.seen == [0, 1, 2, 3, 4] * 2


def test_labels_stay_with_their_images() -> None:
    pairs = []

    class Labelled(RE):
        def error(self, x: Tensor, x_hat: Tensor, y: Tensor | None = None) -> Tensor:
            assert y is not None
            pairs.extend(zip((x[:, 0, 0, 0] * 1000).round().tolist(), y.tolist(), strict=True))
            return super().error(x, x_hat, y)

    advance(loop(GECO(Labelled(0.1)), x=numbered(9), y=torch.arange(9) * 11, batch=4), 6)
    assert len(pairs) == 24 and all(y == 11 * x for x, y in pairs)


# What moves


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("both", {"weights": True, "average": True, "objective": True}),
        ("theta", {"weights": True, "average": True, "objective": False}),
        ("lambda", {"weights": False, "average": False, "objective": True}),
    ],
)
@pytest.mark.parametrize("normalise", [True, False])
def test_a_step_moves_what_it_is_asked_to(
    what: str, expected: dict[str, bool], normalise: bool
) -> None:
    made = advance(loop(GECO(RE(0.1), normalise=normalise)), 2)
    assert moves(made, lambda: made.advance(what)) == expected
    assert len(made.history) == made.step == 3
    assert made.objective.training == (what != "theta")
    assert moves(made, made.advance) == {"weights": True, "average": True, "objective": True}


def test_an_unknown_kind_of_step_is_refused_before_anything_moves() -> None:
    made = loop()
    with pytest.raises(ValueError, match="what must be one of 'both', 'theta', 'lambda'"):
        made.advance("tehta")
    assert made.step == len(made.history) == 0


def test_one_step_is_adam_on_the_clipped_gradient() -> None:
    made = loop(clip=1e-3, batch=7)
    twin = loop(clip=1e-3, batch=7)
    out = twin.model(twin.x, context=None, samples=2, generator=twin.generator)
    twin.objective(out.kl, twin.x, out.x_hat).backward()
    parameters = list(twin.model.parameters())
    norm = nn.utils.clip_grad_norm_(parameters, 1e-3)
    assert norm > 1e-3  # so that the clip is part of what is compared
    torch.optim.Adam(parameters, lr=1e-2, betas=(0.9, 0.99), fused=True).step()
    made.advance()
    for a, b in zip(made.model.parameters(), parameters, strict=True):
        assert torch.equal(a, b)


def test_a_multiplier_that_settles_slows_down_with_the_weights() -> None:
    slow = RE(0.1)
    slow.settles = True
    made = loop(GECO(slow, nu=0.1, alpha=0.0))
    made.schedule.stretch(0, 40)
    advance(made, 40)
    history = made.history
    factor = history["lr"].astype(float) / 1e-2
    c = (history["err/re"].astype(float) / 0.1) ** 2 - 1
    assert factor[0] > 0.99 and factor[-1] < 0.01
    # A row's multiplier is the one before the row's own update, and float32.
    moved = np.diff(np.log(history["multiplier/re"].astype(float)))
    np.testing.assert_allclose(moved, (0.1 * factor**0.5 * c.clip(max=1))[:-1], atol=1e-6)


def test_frozen_weights_stay() -> None:
    model = models.build(shape=(1, 4, 4), **MODEL)
    model.encoder.requires_grad_(False)
    before = [p.clone() for p in model.encoder.parameters()]
    made = loop(model=model)
    assert moves(made, made.advance)["weights"]
    assert all(torch.equal(a, b) for a, b in zip(before, model.encoder.parameters(), strict=True))


def test_the_weight_average_is_the_recursion() -> None:
    model = nn.Linear(3, 2)
    model.register_buffer("count", torch.tensor(0))
    average = WeightAverage(model, decay=0.5)
    expected = [p.detach().clone() for p in model.parameters()]
    for step in range(1, 20):
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn_like(p))
        model.count += 1
        average.update()
        keep = min(0.5, (1 + step) / (10 + step))
        expected = [
            keep * e + (1 - keep) * p.detach()
            for e, p in zip(expected, model.parameters(), strict=True)
        ]
    for mine, e in zip(average.model.parameters(), expected, strict=True):
        assert torch.allclose(mine, e, atol=1e-6)  # float32
        assert not mine.requires_grad
    assert average.model.count == 19 and not average.model.training


# What is written


def test_a_row_holds_the_step_and_units_of_kappa() -> None:
    made = loop(GECO(RE(0.1)), batch=7)
    kept: list[Any] = []
    made.model.register_forward_hook(
        lambda m, a, k, out: kept.append(detached(out)), with_kwargs=True
    )
    made.advance()
    row = {name: float(made.history[name][0]) for name in made.history.columns}
    rms = float((kept[0].x_hat - made.x).square().mean().sqrt())
    assert row["err/re"] == pytest.approx(rms, rel=1e-5)
    assert row["kl"] == pytest.approx(float(kept[0].kl.mean()), rel=1e-5)
    assert row["step"] == 1 and row["lr"] == pytest.approx(1e-2)
    assert row["kappa/re"] == pytest.approx(0.1)
    assert row["multiplier/re"] == 1 and row["beta"] == pytest.approx(16 * 0.01 / 2)
    c = rms**2 / 0.01 - 1
    assert row["loss"] == pytest.approx((row["kl"] + c) / 2, rel=1e-4)


@pytest.mark.parametrize(
    "objective",
    [ELBO(0.3), ELBO(), BetaVAE(0.1), Annealed(1.0, 0.5, 3), GECO(broken(-1))],
    ids=["elbo", "learned", "beta", "annealed", "own"],
)
def test_the_rms_error_is_recorded_under_every_objective(objective: Objective) -> None:
    made = loop(objective, batch=7)
    kept: list[Any] = []
    made.model.register_forward_hook(
        lambda m, a, k, out: kept.append(detached(out)), with_kwargs=True
    )
    advance(made, 4)
    expected = [float((out.x_hat - made.x).square().mean().sqrt()) for out in kept]
    assert made.history["err/re"] == pytest.approx(expected, rel=1e-5)
    has_beta = not isinstance(objective, GECO)  # whose constraint is not RE
    assert bool(torch.tensor(made.history["beta"]).isnan().any()) is not has_beta


def test_learned_sigma_is_the_error_from_the_first_step_on() -> None:
    made = advance(loop(ELBO()), 40)
    error = made.history["err/re"].astype(float) ** 2
    assert made.history["beta"][0] == pytest.approx(error[0])
    assert made.history["beta"][-10:].mean() == pytest.approx(error[-10:].mean(), rel=0.15)


def test_sigma_by_adam_is_trained_with_the_model() -> None:
    made = advance(loop(ELBO(kind="adam")), 5)
    assert made.history["beta"][0] == pytest.approx(0.09)
    assert len(set(made.history["beta"].tolist())) == 5


def test_another_objective_goes_on_with_the_models_momentum() -> None:
    made = advance(loop(GECO(RE(0.1))), 5)
    parameter = next(made.model.parameters())
    state = made.optimizer.state[parameter]
    made.set_objective(ELBO())
    assert made.optimizer.state[parameter] is state and float(state["step"]) == 5
    advance(made, 2)
    assert float(state["step"]) == 7
    assert made.history["multiplier/re"][-1] != made.history["multiplier/re"][-1]  # NaN
    assert len(made.history) == 7
    own = Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), 0.1)
    made.set_objective(GECO(own))
    advance(made, 1)
    assert {"err/mae", "kappa/mae", "multiplier/mae"} <= set(made.history.columns)


# Divergence


@pytest.mark.parametrize("what", ["both", "theta", "lambda"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_anything_moves(what: str, value: float) -> None:
    made = advance(loop(GECO(RE(0.1), broken(4, value))), 3)

    def act() -> None:
        with pytest.raises(Diverged, match=r"diverged at step 4: the loss is (nan|inf)"):
            made.advance(what)

    assert moves(made, act) == {"weights": False, "average": False, "objective": False}
    assert len(made.history) == made.step == 3
    advance(made, 2)  # it was one bad batch
    assert made.history["step"].tolist() == [1, 2, 3, 4, 5]


def test_a_gradient_that_is_not_finite_stops_before_the_weights() -> None:
    made = advance(loop(GECO(steep(3))), 2)

    def act() -> None:
        with pytest.raises(Diverged, match="step 3: the gradient's norm is nan"):
            made.advance()

    assert moves(made, act) == {"weights": False, "average": False, "objective": False}
    assert len(made.history) == made.step == 2
    advance(made, 2)
    assert all(p.isfinite().all() for p in made.model.parameters())


# The path of a GPU, walked on the CPU


def on_device(made: Loop) -> Loop:
    made._on_host, made._flushed = False, math.inf  # no frame falls due by itself
    return made


def test_rows_that_travel_together_are_the_same_rows() -> None:
    at_once, later = advance(loop(), 20), advance(on_device(loop()), 20)
    assert len(later.history) == 0
    later.flush()
    assert same(at_once.history, later.history)


def test_rows_under_way_belong_to_the_objective_that_made_them() -> None:
    def switch(made: Loop) -> Loop:
        advance(made, 3).set_objective(ELBO())
        advance(made, 2).set_objective(GECO(broken(-1)))
        advance(made, 2).flush()
        return made

    assert same(switch(loop()).history, switch(on_device(loop())).history)


@pytest.mark.parametrize("constraint", [broken, steep])
def test_divergence_shows_within_a_frame_and_spares_the_weights(
    constraint: Callable[[int], Constraint],
) -> None:
    made = advance(on_device(loop(GECO(constraint(3)))), 2)
    changed = moves(made, made.advance)
    assert not changed["weights"]
    with pytest.raises(Diverged, match="diverged at step 3"):
        made.flush()
    assert made.history["step"].tolist() == [1, 2]
    assert all(p.isfinite().all() for p in made.model.parameters())
    assert all(v.isfinite().all() for v in made.average.model.state_dict().values())


def test_a_held_rate_falls_at_a_step_whenever_the_rows_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schedule, "is_settled", lambda history, since, _: len(history) >= 130)
    at_once, later = advance(loop(), 160), on_device(loop())
    advance(later, 40).flush()  # a frame that fell due
    advance(on_device(later), 120).flush()
    assert at_once.schedule.state["lowered"] == later.schedule.state["lowered"] == 150
    assert same(at_once.history, later.history)


class NoSynchronisation(TorchDispatchMode):
    """Fails where a tensor's value is asked for, from Python or from inside torch."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "the host waits for a number"
        assert func is not torch.ops.aten.nonzero.default, "the host waits for a size"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ["vae", "vae-nvp", "conv-vae-nvp", "convdraw"])
@pytest.mark.parametrize(
    "objective",
    [
        lambda: GECO(RE(0.1)),
        lambda: GECO(RE(0.1), normalise=False),
        lambda: GECO(broken(-1), RE(0.1)),
        ELBO,
        lambda: Annealed(1.0, 0.5, 10),
    ],
    ids=["geco", "algorithm 1", "two", "elbo", "annealed"],
)
def test_nothing_waits_for_the_device_between_frames(
    objective: Callable[[], Objective], name: str
) -> None:
    made = on_device(loop(objective(), model=models.build(name, (1, 4, 4)), batch=3))
    with pytest.raises(AssertionError, match="waits"), NoSynchronisation():
        float(made.x.sum())  # the check itself works
    advance(made, 1)
    with NoSynchronisation():
        advance(made, 6)
        made.advance("theta")
        made.advance("lambda")
    made.flush()
    assert len(made.history) == 9


# State


@pytest.mark.parametrize("objective", ["geco", "learned", "adam", "annealed"])
def test_state_goes_on_bit_for_bit(objective: str) -> None:
    def make() -> Loop:
        kinds = {"geco": GECO(RE(0.1)), "learned": ELBO(), "annealed": Annealed(1.0, 0.5, 20)}
        kinds["adam"] = ELBO(kind="adam")
        return loop(kinds[objective], batch=3)

    whole = advance(make(), 17)
    tensors, plain = advance(make(), 8).state()
    tensors = {name: value.clone() for name, value in tensors.items()}
    half = make()
    half.restore(tensors, plain)
    assert len(half.history) == half.step == 8
    advance(half, 9)
    assert same(whole.history, half.history)
    for a, b in zip(whole.average.model.parameters(), half.average.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "settings",
    [
        *({"lr": v} for v in (0, -1, math.nan, "1")),
        *({"clip": v} for v in (0, math.inf, True)),
        *({"batch": v} for v in (0, 1.5, "7")),
        *({"samples": v} for v in (0, None)),
        *({"decay": v} for v in (1, -0.1)),
        *({"betas": v} for v in ((0.9,), (0.9, 1.0), (-0.1, 0.9))),
        {"threads": 0},
        *({"noise": v} for v in (-0.1, 2)),
        *({"bits": v} for v in (-1, 9, 0.5)),
    ],
    ids=str,
)
def test_settings_outside_their_range_are_refused_by_name(settings: dict[str, Any]) -> None:
    (name,) = settings
    with pytest.raises((TypeError, ValueError), match=name):
        Settings(**settings)


# The heuristics of section 2


@pytest.mark.parametrize(("bits", "noise"), [(2, 0.0), (0, 0.5), (1, 0.25)])
def test_training_sees_coarser_images_and_the_data_stay(bits: int, noise: float) -> None:
    x = images(64)
    coarse = coarsened(x, bits, noise, torch.Generator().manual_seed(0))
    levels = 2**bits - 1
    plain = coarse if not noise else coarsened(x, bits, 0.0, torch.Generator())
    if bits:
        assert torch.equal(plain, (plain * levels).round() / levels)
        assert (plain - x).abs().max() <= 0.5**bits + 1e-6
    rest = coarse - (plain if bits else x)
    assert rest.abs().max() <= noise / 2 + 1e-6
    # A uniform density of width b has the deviation b / sqrt(12); 1024 pixels tell it to 4 %.
    assert rest.std().item() == pytest.approx(noise / math.sqrt(12), rel=0.04, abs=1e-6)

    class Keeps(Sees):
        def forward(self, x: Tensor, **settings: Any) -> Any:
            self.seen.append(x.clone())
            return self.inner(x, **settings)

    model = Keeps()
    made = advance(loop(x=x, model=model, bits=bits, noise=noise, batch=64), 2)
    assert torch.equal(made.x, x) and not torch.equal(model.seen[0], x)
    assert torch.equal(model.seen[0], model.seen[1]) == (noise == 0)  # fresh noise each time
