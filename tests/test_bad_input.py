"""Bad input over the public interface: the error names the argument, what came and what goes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import geco_viz as gv
from geco_viz.live import BlurAndHoles, Controls, Dashboard, FixedPoints

IMAGES = torch.linspace(0, 1, 4 * 64).reshape(4, 1, 8, 8)


def geco() -> gv.GECO:
    return gv.GECO(gv.RE(kappa=0.1))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: gv.Run("digits", betas=0.9), ValueError, "betas must be two numbers .*got 0.9"),
        (lambda: gv.Run("digits", name=3), TypeError, "name must be a string or None, got 3"),
        (
            lambda: gv.Run("digits", objective={"name": "geco", "constraint": "re"}),
            ValueError,
            "setting of geco must be one of .*got 'constraint'; did you mean 'constraints'",
        ),
        (lambda: gv.Run.load(3), TypeError, "path must be the path of a file or folder, got 3"),  # type: ignore[arg-type]
        (lambda: gv.Run("digits").report(3), TypeError, "path must be the path .*got 3"),  # type: ignore[arg-type]
        (lambda: gv.Run("digits").probe("a"), TypeError, "z must be at most 2 .*got 'a'"),
        (lambda: gv.data.load("mnist", root=3), TypeError, "root must be the path .*got 3"),  # type: ignore[arg-type]
        (
            lambda: gv.Constraint("bits", 3, kappa=0.1),  # type: ignore[arg-type]
            TypeError,
            r"error must be a function error\(x, x_hat\), got 3",
        ),
        (
            lambda: gv.suggest_kappa(IMAGES, constraints=["re"]),  # type: ignore[list-item]
            TypeError,
            "constraints must be of type Constraint, .*got 're'",
        ),
        (
            lambda: gv.suggest_kappa(IMAGES, kappas=[0.1]),  # type: ignore[arg-type]
            TypeError,
            r"kappas must be lists by constraint name, got \[0.1\]",
        ),
        (
            lambda: gv.explore("digits", constraint=3, play=False),
            TypeError,
            "constraint must be 're', .* or a Constraint, got 3",
        ),
        (
            lambda: gv.explore("digits", constraint=["re"], kappa=0.1, play=False),
            TypeError,
            r"constraint must be .*got \['re'\]; several go into objective=GECO",
        ),
        (lambda: gv.watch(geco(), title=3), TypeError, "title must be a string, got 3"),  # type: ignore[arg-type]
        (lambda: Dashboard(3), TypeError, "run must be a Run, a Watch or a Source, got 3"),
        (lambda: Controls(3), TypeError, "run must be a Run, a Watch or a Source, got 3"),
        (lambda: FixedPoints(beta=-1), ValueError, "beta must be a finite number > 0, got -1"),
        (lambda: FixedPoints(beta="a"), TypeError, "beta must be a finite number > 0, got 'a'"),  # type: ignore[arg-type]
        (lambda: FixedPoints([[0.0] * 3] * 2), ValueError, r"points must .*got shape \(2, 3\)"),
        (lambda: FixedPoints([[0.0] * 4] * 2), ValueError, r"points must .*got shape \(2, 4\)"),
        (lambda: FixedPoints([["a", "b"]]), TypeError, r"points must be \(n, 2\) numbers"),
        (lambda: BlurAndHoles("a"), TypeError, "x must be a tensor or an array .*got str"),
    ],
)
def test_an_error_names_the_argument_and_what_came(
    make: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: geco()(1.0, IMAGES, IMAGES), "kl must be a torch tensor, got float"),
        (lambda: gv.ELBO()(1.0, IMAGES, IMAGES), "kl must be a torch tensor, got float"),
        (lambda: gv.BetaVAE(1.0)(1.0, IMAGES, IMAGES), "kl must be a torch tensor, got float"),
        (
            lambda: geco()(torch.tensor(1.0), IMAGES.numpy(), IMAGES),
            "x must be a torch tensor, got ndarray",
        ),
        (lambda: gv.Run(data=None), r"data must be a name, .*got NoneType"),
        (
            lambda: gv.Run(torch.utils.data.TensorDataset(IMAGES)),
            r"data must be .*got TensorDataset; data.from_tensors\(x, y\)",
        ),
        (lambda: gv.GECO(gv.RE(0.1), normalise="no"), "normalise must be True or False, got 'no'"),  # type: ignore[arg-type]
    ],
)
def test_what_is_of_the_wrong_kind_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize(("spec", "over"), [(None, 3), (None, "kappa"), (3, None)])
def test_a_sweep_that_is_no_grid_is_refused(spec: Any, over: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=f"must be a dict .*got {(over or spec)!r}"):
        gv.sweep(spec, over, out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_a_misspelt_setting_is_refused_with_the_nearest_name() -> None:
    run = gv.Run(IMAGES, {"name": "vae", "hidden": [4]})
    with pytest.raises(AttributeError, match=r"Run has no 'kapa': .*did you mean 'kappa'"):
        run.kapa = 0.1  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"no 'lr': .* settings go into Run\(...\)"):
        run.lr = 0.1  # type: ignore[attr-defined]
    live = gv.watch(geco())
    with pytest.raises(AttributeError, match="Watch has no 'kappa': steer by edit"):
        live.kappa = 0.1  # type: ignore[attr-defined]
    assert not {"kapa", "lr"} & vars(run).keys() and "kappa" not in vars(live)


@pytest.mark.parametrize("every", [0, -1, "a"])
def test_play_checks_its_argument_first(every: Any) -> None:
    run = gv.Run(IMAGES, {"name": "vae", "hidden": [4]})
    with pytest.raises((TypeError, ValueError), match="evaluate_every must be"):
        run.play(every)
    assert not run.playing and not run.edits
    run.close()


@pytest.mark.parametrize(
    ("what", "value", "kind"),
    [
        ("alpha", 2.0, ValueError),
        ("nu", -1, ValueError),
        ("nu", "a", TypeError),
        ("kappa/re", 0, ValueError),
        ("kappa/er", 0.1, KeyError),
        ("alhpa", 0.5, ValueError),
        (3, 0.5, TypeError),
    ],
)
def test_an_edit_is_checked_where_it_is_asked_for(what: Any, value: Any, kind: Any) -> None:
    run = gv.Run(IMAGES, {"name": "vae", "hidden": [4]})
    for steered in (run, gv.watch(geco())):
        with pytest.raises(kind):
            steered.edit(what, value)
        assert not steered._asked and not steered._newest


def test_kappa_is_assigned_to_a_constraint_and_not_to_geco() -> None:
    objective = geco()
    with pytest.raises(AttributeError, match=r"set geco.constraints\[0\].kappa"):
        objective.kappa = 0.3  # type: ignore[assignment]
    assert objective.kappa == {"re": 0.1}


def test_watch_names_what_its_step_lacks_and_records_nothing_then() -> None:
    live, kl = gv.watch(geco()), torch.tensor(1.0)
    with pytest.raises(RuntimeError, match="needs a call of geco"):
        live.step(kl, IMAGES, IMAGES)
    live.objective(kl, IMAGES, IMAGES / 2)
    with pytest.raises(TypeError, match="kl must be a torch tensor, got float"):
        live.step(1.0, IMAGES, IMAGES)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="x_hat must be a torch tensor, got NoneType"):
        live.step(kl, IMAGES, None)  # type: ignore[arg-type]
    assert not len(live.history)
    with pytest.raises(KeyError, match="no constraint 'er'; the objective has: re"):
        live.kappa_of("er")
    with pytest.raises(TypeError, match=r"x must be a tensor of images .*got ndarray"):
        gv.watch(geco(), model=torch.nn.Identity(), x=IMAGES.numpy())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "name", "near"),
    [
        (gv.RE(0.1), "kapa", "kappa"),
        (gv.Constraint("mae", lambda x, x_hat: (x - x_hat).abs().mean(), 0.1), "kapa", "kappa"),
        (gv.GECO(gv.RE(0.1)), "nuu", "nu"),
        (gv.RateLimit(20.0), "alfa", "alpha"),
        (gv.ELBO(), "sigmas", "sigma"),
        (copy.deepcopy(gv.GECO(gv.RE(0.1))), "lambda_mim", "lambda_min"),
    ],
)
def test_a_misspelt_setting_of_an_objective_or_constraint_is_refused(
    made: Any, name: str, near: str
) -> None:
    with pytest.raises(AttributeError, match=rf"has no '{name}'.*did you mean '{near}'"):
        setattr(made, name, 0.3)


def test_a_subclass_of_ones_own_sets_attributes_of_its_own() -> None:
    class Band(gv.RE):
        def __init__(self, kappa: float, width: int):
            super().__init__(kappa)
            self.width = width
            self.blur = nn.Conv2d(1, 1, 3)

    class Slow(gv.GECO):
        def __init__(self, *constraints: gv.Constraint):
            super().__init__(*constraints)
            self.waited = 0

        def step(self, *args: Any) -> None:
            self.waited += 1
            self.newest = self.waited
            super().step(*args)

    slow = Slow(Band(0.1, width=3))
    slow(torch.tensor(1.0), torch.zeros(2, 1, 4, 4), torch.full((2, 1, 4, 4), 0.2))
    slow.step()
    slow.constraints[0].width = 5  # type: ignore[attr-defined]
    assert slow.newest == 1


def test_an_own_objective_takes_what_it_declares() -> None:
    elbo, geco = gv.ELBO(kind="adam"), gv.GECO(gv.RE(0.1))
    elbo.log_sigma = nn.Parameter(torch.zeros(()))
    geco.average = torch.ones(1)  # a buffer
    geco.nu, geco.pace, geco.lambda_min = 0.3, 0.5, 1e-3
    assert elbo.beta == 1 and geco.error["re"] == 1


def test_labels_reductions_and_reconstructions_of_the_wrong_kind_are_named() -> None:
    kl, target = torch.tensor(1.0), geco()
    for objective in (target, gv.ELBO(), gv.BetaVAE(1.0)):
        with pytest.raises(TypeError, match="y must be a torch tensor of labels or None, got list"):
            objective(kl, IMAGES, IMAGES / 2, [0, 1, 2, 3])
        with pytest.raises(TypeError, match=r"x_hat must be floating point, got torch\.uint8"):
            objective(kl, IMAGES, IMAGES.byte())
    target(kl, IMAGES, IMAGES / 2)
    with pytest.raises(TypeError, match="reduce must be a function of the errors or None, got 3"):
        target.step(3)  # type: ignore[arg-type]
    target.step()


def test_watch_says_what_a_model_needs_for_pictures() -> None:
    with pytest.raises(TypeError, match="Linear lacks sample, decode, latent_dim"):
        gv.watch(geco(), model=nn.Linear(2, 2), x=IMAGES)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: gv.explore(None, play=False), TypeError, "data must be .*got NoneType"),
        (
            lambda: gv.explore("digits", kapa=0.1, play=False),
            ValueError,
            "an argument of explore must be .*did you mean 'kappa'",
        ),
        (
            lambda: gv.Run("digits").wait(1, timeout="a"),  # type: ignore[arg-type]
            TypeError,
            "timeout must be a finite number >= 0, got 'a'",
        ),
    ],
)
def test_explore_and_wait_name_what_they_refuse(
    call: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(("shape", "factor"), [((4, 6), 6), ((4, 6, 2), 12), ((3, 4, 6), 6)])
def test_a_kl_of_each_latent_is_said_with_its_factor(shape: tuple[int, ...], factor: int) -> None:
    with pytest.warns(UserWarning, match=f"{factor} times too small"):
        geco()(torch.ones(shape), IMAGES, IMAGES / 2)
    for fine in ((), (4,), (3, 4), (1,)):
        geco()(torch.ones(fine), IMAGES, IMAGES / 2)
