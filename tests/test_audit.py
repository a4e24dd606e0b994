"""The first step is looked at once: what is hardly ever meant is said, and costs nothing after."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import geco_viz as gv

X = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def told(call: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(warning.message) for warning in caught]


def train(geco: gv.GECO, x: Tensor = X, steps: int = 3) -> None:
    for _ in range(steps):
        x_hat = (x.float() * 0.5).requires_grad_()
        geco(x_hat.square().mean(), x, x_hat).backward()
        geco.step()


def test_a_good_loop_is_told_nothing() -> None:
    assert told(lambda: train(gv.GECO(gv.RE(0.1), gv.PNCC(0.8, patch=4)), steps=120)) == []


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (X.movedim(1, -1), "channels last"),
        (2 * X - 1, r"x has values from -.*\[0, 1\]"),
        (1.5 * X, "x has values from"),
        ((255 * X).byte(), "x is uint8"),
    ],
)
def test_images_that_are_not_as_they_are_taken_are_said_once(x: Tensor, words: str) -> None:
    geco = gv.GECO(gv.RE(0.1))
    with pytest.warns(UserWarning, match=words) as caught:
        train(geco, x)
    assert len(caught) == 1
    if x.dtype == torch.uint8:
        with pytest.raises(TypeError, match=r"x must be floating point .*; pass x / 255"):
            gv.suggest_kappa(x)
    else:
        assert len(told(lambda: gv.suggest_kappa(x, constraints=gv.RE(0.1)))) == 1


def test_a_data_set_with_its_channels_last_is_said() -> None:
    with pytest.warns(UserWarning, match="channels last"):
        gv.data.from_tensors(X.movedim(1, -1))


def test_a_negative_error_is_said_once() -> None:
    likelihood = gv.Constraint("mine", lambda x, x_hat: -(x * x_hat).mean(), 0.1)
    with pytest.warns(UserWarning, match="error of constraint 'mine' is -0.*negative") as caught:
        train(gv.GECO(likelihood))
    assert len(caught) == 1


def test_an_error_without_a_gradient_is_said_once_also_beside_one_that_has() -> None:
    off = gv.Constraint("off", lambda x, x_hat: ((x - x_hat).abs() > 0.1).float().mean(), 0.1)
    with pytest.warns(UserWarning, match="'off' has no gradient") as caught:
        train(gv.GECO(gv.RE(0.1), off))
    assert len(caught) == 1


def test_a_detached_reconstruction_is_said() -> None:
    geco, kl = gv.GECO(gv.RE(0.1)), torch.tensor(1.0, requires_grad=True)
    with pytest.warns(UserWarning, match="'re' has no gradient"):
        geco(kl, X, X / 2)


def test_no_gradient_is_missed_where_none_is_wanted() -> None:
    geco = gv.GECO(gv.RE(0.1))
    with torch.no_grad():
        assert told(lambda: geco(torch.tensor(1.0), X, X / 2)) == []
    assert told(lambda: geco.eval()(torch.tensor(1.0, requires_grad=True), X, X / 2)) == []


def test_a_constraint_that_only_calls_itself_re_is_said() -> None:
    with pytest.warns(UserWarning, match="named 're' is taken for RE"):
        gv.GECO(gv.Constraint("re", lambda x, x_hat: (x - x_hat).abs().mean(), 0.1))


def test_a_loop_without_step_is_said_once() -> None:
    geco = gv.GECO(gv.RE(0.1))

    def loop(calls: int) -> None:
        for _ in range(calls):
            geco(torch.tensor(1.0), X, X / 2)

    assert told(lambda: loop(99)) == []
    with pytest.warns(UserWarning, match=r"without geco.step\(\)") as caught:
        loop(200)
    assert len(caught) == 1


def test_nothing_is_looked_at_after_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    geco = gv.GECO(gv.RE(0.1))
    train(geco, steps=1)
    monkeypatch.setattr("geco_viz.multipliers.look_at_call", lambda *_: pytest.fail("looked again"))
    train(geco)


def test_what_a_run_has_checked_is_not_looked_at_again() -> None:
    run = gv.Run(X, {"name": "vae", "hidden": [4]}, noise=1.0)
    assert told(lambda: run.train(2, progress=False)) == []


def test_a_run_that_diverges_says_what_is_true_of_the_weights() -> None:
    run = gv.Run(X, {"name": "vae", "hidden": [4]}, lr=1e30)
    with pytest.raises(ArithmeticError, match="changed no weight, but earlier ones may"):
        run.train(5, progress=False)
    largest = max(float(p.detach().abs().max()) for p in run.model.parameters())
    assert largest > 1e20 and len(run.history) == 1  # the first step's doing, which is kept
