"""FRE, CLA and pNCC, the other rows of Table 1: what each sees, ignores and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from geco_viz import CLA, FRE, GECO, PNCC, RE, Constraint, Run
from geco_viz.constraints import local_statistics, trained
from geco_viz.data import from_tensors
from geco_viz.models.classifier import (
    RECIPE,
    Classifier,
    ResNet,
    _Patches,
    confidence,
    train,
    train_resnet,
)
from geco_viz.training.recipe import CONSTRAINTS, as_objective, settings_for


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GECO_VIZ_CACHE", str(tmp_path))
    monkeypatch.setattr(trained, "_known", {})
    return tmp_path / "networks"


def images(n: int = 4, channels: int = 1, side: int = 12) -> torch.Tensor:
    return torch.rand(n, channels, side, side)


def linear(classes: int = 3) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(144, classes))


LABELS = torch.tensor([0, 1, 2, 1])
MADE: dict[str, Callable[[], Constraint]] = {
    "re": lambda: RE(0.1),
    "fre": lambda: FRE(0.1),
    "cla": lambda: CLA(0.9, classifier=linear()),
    "pncc": lambda: PNCC(0.8),
}


@pytest.mark.parametrize("name", MADE)
def test_samples_count_like_a_larger_batch(name: str) -> None:
    constraint, x, x_hat = MADE[name](), images(), torch.rand(5, 4, 1, 12, 12)
    together = float(constraint.error(x, x_hat, LABELS))
    apart = np.mean([float(constraint.error(x, part, LABELS)) for part in x_hat])
    assert together == pytest.approx(apart, rel=1e-5)  # float32 sums


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_gradients_reach_reconstructions_however_flat(name: str, value: float) -> None:
    x, x_hat = images(), torch.full((2, 4, 1, 12, 12), value, requires_grad=True)
    MADE[name]().error(x, x_hat, LABELS).backward()
    assert x_hat.grad is not None and x_hat.grad.isfinite().all() and x_hat.grad.abs().sum() > 0


@pytest.mark.parametrize("name", MADE)
def test_the_gradient_is_that_of_the_error(name: str) -> None:
    constraint = MADE[name]()
    if isinstance(constraint.__dict__.get("_networks"), list):
        constraint.classifier.double()  # type: ignore[attr-defined]
    x = images(2, side=8).double() if name != "cla" else images(2).double()
    x_hat = torch.rand_like(x, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda other: constraint.error(x, other, LABELS[:2]), (x_hat,), atol=1e-6
    )


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("shape", [(3, 1, 12, 12), (4, 1, 12, 11), (4, 144), (2, 4, 3, 12, 12)])
def test_reconstructions_of_another_shape_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="x_hat must have the shape of x"):
        MADE[name]().error(images(), torch.zeros(shape), LABELS)


@pytest.mark.parametrize("name", MADE)
def test_tolerance_and_kappa_are_inverse(name: str) -> None:
    constraint = MADE[name]()
    assert constraint.as_kappa(constraint.tolerance(0.3)) == pytest.approx(0.3)
    errors = np.array([0.01, 0.25], np.float32)
    assert constraint.tolerance(constraint.as_kappa(errors)) == pytest.approx(errors, rel=1e-5)


@pytest.mark.parametrize("kind", [CLA, PNCC])
@pytest.mark.parametrize("kappa", [0, 1, 1.5, -0.2, float("nan"), "0.9", None])
def test_a_similarity_has_kappa_between_zero_and_one(kind: type, kappa: object) -> None:
    with pytest.raises((TypeError, ValueError), match="kappa must be a finite number > 0 and < 1"):
        kind(kappa)


@pytest.mark.parametrize("name", ["re", "fre", "pncc"])
def test_plain_data_rebuilds_a_constraint(name: str) -> None:
    given = {"re": {}, "fre": {"window": 4, "stride": 3}, "pncc": {"patch": 6, "stride": 2}}[name]
    first = CONSTRAINTS[name](kappa=0.3, **given)
    geco = as_objective({"name": "geco", "constraints": [first.spec]}, count=7)
    (second,) = geco.constraints
    assert second.spec == first.spec and type(second) is type(first)
    x, x_hat = images(), images()
    assert float(first.error(x, x_hat)) == float(second.error(x, x_hat))


def test_an_unknown_setting_of_a_constraint_is_named() -> None:
    spec = {"name": "geco", "constraints": [{"name": "pncc", "kappa": 0.5, "pach": 4}]}
    with pytest.raises(ValueError, match=r"setting of pncc must be one of .* did you mean 'patch'"):
        as_objective(spec, count=7)


@pytest.mark.parametrize("name", MADE)
def test_descriptions_are_one_short_line(name: str) -> None:
    constraint = MADE[name]()
    for text in (constraint.describe(0.3), constraint.describe(0.3, images(300))):
        assert text and "\n" not in text and len(text) < 90


# FRE


def test_local_statistics_are_the_means_and_deviations_of_windows() -> None:
    x = images(2, channels=3).double()
    found = local_statistics(x, window=6, stride=3)
    assert found.shape == (2, 6, 3, 3)
    window = x[1, 2, 3:9, 6:12]
    assert float(found[1, 2, 1, 2]) == pytest.approx(float(window.mean()))
    # the term under the root that keeps the gradient finite moves a deviation of .3 by .01
    assert float(found[1, 5, 1, 2]) == pytest.approx(float(window.std(correction=0)), abs=0.011)


def test_fre_is_the_mean_square_over_features() -> None:
    x, x_hat = images(), torch.rand(3, 4, 1, 12, 12)
    difference = local_statistics(x_hat.flatten(0, 1)).unflatten(0, (3, 4)) - local_statistics(x)
    assert float(FRE(0.1).error(x, x_hat)) == pytest.approx(float(difference.square().mean()))
    assert FRE(0.1).size(x) == difference[0, 0].numel()


def test_fre_ignores_where_in_a_window_things_are() -> None:
    x = images(side=8)
    shuffled = x.flatten(1)[:, torch.randperm(64)].view_as(x)
    assert float(FRE(0.1, window=8).error(x, shuffled)) < 1e-10
    assert float(RE(0.1).error(x, shuffled)) > 0.1


def test_fre_takes_features_of_ones_own() -> None:
    fre = FRE(0.1, features=lambda images: images.mean((2, 3)))
    x = images()
    assert float(fre.error(x, x + 0.5)) == pytest.approx(0.25)
    assert fre.spec is None and fre.size(x) == 1


def test_a_network_for_features_is_a_frozen_copy_that_is_not_trained_with_the_model() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    fre = FRE(0.1, features=network)
    x = images()
    assert float(fre.error(x, x)) == 0  # no dropout, no batch statistics
    assert network.training and all(p.requires_grad for p in network.parameters())
    assert list(fre.parameters()) == [] and set(fre.state_dict()) == {"_extra_state"}


@pytest.mark.parametrize("features", [lambda x: x.mean(), lambda x: x[:1], lambda x: 3.0])
def test_features_of_another_shape_are_refused(features: Callable) -> None:
    with pytest.raises(ValueError, match="features must map 4 images"):
        FRE(0.1, features=features).error(images(), images())


@pytest.mark.parametrize("make", [lambda: FRE(0.1, window=13), lambda: PNCC(0.5, patch=13)])
def test_windows_larger_than_the_images_are_refused_before_training(make: Callable) -> None:
    with pytest.raises(ValueError, match=r"at least 13 x 13 pixels, got x \(4, 1, 12, 12\)"):
        make().prepare(images())


@pytest.mark.parametrize("make", [lambda: FRE(0.1, window=0), lambda: PNCC(0.5, patch=1)])
def test_windows_of_no_size_are_refused(make: Callable) -> None:
    with pytest.raises(ValueError, match=r"(window|patch) must be a whole number >= "):
        make()


@pytest.fixture
def random_resnet(monkeypatch: pytest.MonkeyPatch) -> ResNet:
    network = ResNet(10).eval().requires_grad_(False)
    network.accuracy.fill_(0.625)
    monkeypatch.setattr(trained, "_known", {f"resnet-{RECIPE}-cifar10": network})
    return network


@pytest.mark.parametrize("channels", [1, 3])
def test_fre_looks_through_the_resnet_at_grey_and_colour(
    random_resnet: ResNet, channels: int
) -> None:
    fre = FRE(0.5, features="resnet")
    fre.prepare(images(channels=channels, side=28))
    x, x_hat = torch.rand(2, 4, channels, 28, 28)
    x_hat = x_hat.expand(3, *x_hat.shape).clone().requires_grad_()
    error = fre.error(x, x_hat)
    error.backward()
    difference = random_resnet.features(x_hat[0].detach()) - random_resnet.features(x)
    assert float(error.detach()) == pytest.approx(float(difference.square().mean()), rel=1e-4)
    assert x_hat.grad is not None and x_hat.grad.abs().sum() > 0
    assert float(fre.error(x, x)) == 0
    assert list(fre.parameters()) == [] and set(fre.state_dict()) == {"_extra_state"}
    assert CONSTRAINTS["fre"](**{k: v for k, v in fre.spec.items() if k != "name"}).spec == fre.spec
    assert "62 % right" in fre.describe(0.5, x)


def test_the_resnet_wants_one_or_three_channels(random_resnet: ResNet) -> None:
    with pytest.raises(ValueError, match="of one or three channels for 'resnet'"):
        FRE(0.5, features="resnet").prepare(images(channels=2))
    with pytest.raises(ValueError, match="features must be one of 'statistics', 'resnet'"):
        FRE(0.5, features="resent")


@pytest.mark.train
def test_a_resnet_learns_and_knows_how_well(cache: Path) -> None:
    y = torch.arange(60) % 2
    x = 0.2 * torch.rand(60, 3, 8, 8) + 0.6 * y.view(60, 1, 1, 1)
    network = train_resnet(x, y, x, y, epochs=6)
    assert float(network.accuracy) > 0.9 and int(network.count) == 60
    assert not any(p.requires_grad for p in network.parameters())
    kept = trained.kept("resnet-test", lambda: network, lambda: ResNet(2))
    trained._known.clear()
    again = trained.kept("resnet-test", lambda: ResNet(2), lambda: ResNet(2))
    assert float(again.accuracy) == float(kept.accuracy)
    assert torch.equal(again(x), network(x))


# pNCC


def test_pncc_is_the_mean_correlation_of_patches() -> None:
    x, x_hat = images(2, channels=2), images(2, channels=2)
    by_hand = []
    for i in range(2):
        for top in (0, 3, 6):
            for left in (0, 3, 6):
                place = (i, slice(None), slice(top, top + 6), slice(left, left + 6))
                a, b = (v[place].double().numpy().ravel() for v in (x, x_hat))
                by_hand.append(np.corrcoef(a, b)[0, 1])
    found = 1 - float(PNCC(0.5, patch=6, stride=3).error(x, x_hat))
    assert found == pytest.approx(np.mean(by_hand), abs=1e-3)  # SOFT


def test_pncc_ignores_brightness_and_contrast_of_each_patch() -> None:
    x = images()
    assert float(PNCC(0.5).error(x, 0.3 * x + 0.6)) == pytest.approx(0, abs=1e-3)
    assert float(PNCC(0.5).error(x, 1 - x)) == pytest.approx(2, abs=1e-3)


def test_flat_patches_ask_for_nothing() -> None:
    half = torch.rand(1, 1, 8, 16)
    half[..., 8:] = 0.5 + 0.02 * torch.rand(8, 8)  # the right patch is flat but for faint noise
    drawn = half.clone()
    drawn[..., 8:] = torch.rand(1, 1, 8, 8)
    pncc = PNCC(0.5, patch=8, stride=8)
    assert float(pncc.error(half, drawn)) == pytest.approx(0, abs=1e-3)
    flat = torch.zeros(1, 1, 8, 8)
    assert float(pncc.error(flat, torch.rand(1, 1, 8, 8))) == 0
    # and an image that is all flat counts as met, not as absent
    both, other = torch.cat((flat, drawn[..., :8])), torch.cat((flat, 1 - drawn[..., :8]))
    assert float(pncc.error(both, other)) == pytest.approx(1, abs=1e-3)


# CLA


def test_cla_is_one_minus_the_mean_probability_of_the_true_class() -> None:
    network, x, x_hat = linear(), images(), torch.rand(3, 4, 1, 12, 12)
    cla = CLA(0.9, classifier=network)
    p = network(x_hat.flatten(0, 1)).detach().softmax(1).unflatten(0, (3, 4))
    by_hand = np.mean([[float(p[s, i, LABELS[i]]) for i in range(4)] for s in range(3)])
    assert float(cla.error(x, x_hat, LABELS)) == pytest.approx(1 - by_hand, rel=1e-5)
    assert cla.spec is None and list(cla.parameters()) == []


def test_cla_still_has_a_gradient_where_the_true_class_has_lost() -> None:
    logits = torch.tensor([[40.0, 0.0], [1.0, 0.0], [0.0, 40.0]])
    moved = torch.zeros(3, 1, 1, 2, requires_grad=True)
    cla = CLA(0.9, classifier=lambda images: images.flatten(1) + logits)
    error = cla.error(moved.detach(), moved, torch.ones(3, dtype=torch.int64))
    error.backward()
    p = logits.softmax(1)[:, 1]
    assert float(error.detach()) == pytest.approx(float(1 - p.mean()))  # the value stays exact
    assert moved.grad is not None
    slope = -3 * moved.grad.flatten(1)[:, 1]
    # .02 ln p where p < .02, p itself elsewhere
    assert slope.tolist() == pytest.approx([0.02, float(p[1] * (1 - p[1])), 0.0], abs=1e-6)


@pytest.mark.parametrize("y", [None, LABELS[:3], LABELS.float(), LABELS[None]])
def test_cla_without_fitting_labels_says_what_it_needs(y: torch.Tensor | None) -> None:
    cla = CLA(0.9, classifier=linear())
    with pytest.raises(ValueError, match=r"y must be the labels \(4,\)"):
        cla.error(images(), images(), y)
    with pytest.raises(ValueError, match=r"y must be the labels \(4,\)"):
        cla.prepare(images(), y)


def test_cla_says_how_to_get_a_classifier() -> None:
    with pytest.raises(RuntimeError, match=r"call cla\.prepare"):
        CLA(0.9).error(images(), images(), LABELS)
    with pytest.raises(TypeError, match="classifier must be a function"):
        CLA(0.9, classifier="resnet")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="classifier must map 4 images to logits"):
        CLA(0.9, classifier=lambda x: x.mean()).error(images(), images(), LABELS)


@pytest.mark.train
def test_a_classifier_is_trained_once_frozen_and_confident(cache: Path) -> None:
    x, y = torch.rand(6, 1, 12, 12), torch.tensor([0, 1, 2, 2, 4, 1])
    before = torch.get_rng_state()
    cla = CLA(0.9)
    cla.prepare(x, y)
    assert torch.equal(before, torch.get_rng_state())  # the user's own sequence goes on
    assert cla.as_kappa(float(cla.error(x, x, y))) > 0.97
    network = cla.classifier
    assert isinstance(network, Classifier) and not network.training
    assert not any(p.requires_grad for p in network.parameters())
    (file,) = cache.iterdir()
    stamp = file.stat().st_mtime_ns
    trained._known.clear()
    again = CLA(0.5)
    again.prepare(x, y)
    assert torch.equal(before, torch.get_rng_state())
    assert file.stat().st_mtime_ns == stamp
    assert float(again.error(x, x, y)) == float(cla.error(x, x, y))
    other = CLA(0.5)
    other.prepare(x, y.flip(0))
    assert len(list(cache.iterdir())) == 2  # other labels, another classifier


@pytest.mark.train
def test_a_damaged_or_unwritable_cache_only_costs_time(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = torch.rand(2, 1, 4, 4), torch.tensor([0, 1])
    CLA(0.9).prepare(x, y)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    trained._known.clear()
    CLA(0.9).prepare(x, y)
    assert file.read_bytes() == whole  # trained again, to the same weights
    (cache.parent / "blocked").write_text("a file")
    monkeypatch.setenv("GECO_VIZ_CACHE", str(cache.parent / "blocked"))
    trained._known.clear()
    cla = CLA(0.9)
    cla.prepare(x, y)
    assert cla.as_kappa(float(cla.error(x, x, y))) > 0.97


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (torch.zeros(2, 1, 4, 4), torch.tensor([0, -1])),
        (torch.zeros(2, 1, 4, 4), torch.tensor([0.0, 1.0])),
        (torch.zeros(2, 1, 4, 4), torch.tensor([0])),
        (torch.zeros(2, 16), torch.tensor([0, 1])),
    ],
)
def test_a_classifier_refuses_what_it_cannot_learn(x: torch.Tensor, y: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"x must be|y must hold"):
        train(x, y)


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 9), (1, 28, 28), (3, 32, 32)])
def test_a_classifier_takes_images_of_any_size(shape: tuple[int, int, int]) -> None:
    network = Classifier(shape, 7)
    assert network(torch.rand(2, *shape)).shape == (2, 7)
    assert 0 < confidence(network, torch.rand(2, *shape), torch.tensor([6, 0])) < 1


def test_a_convolution_over_patches_is_torchs() -> None:
    torch.manual_seed(0)
    patches, x = _Patches(3, 2, 5), torch.randn(4, 7, 9, 2)
    weight = patches.weight.view(5, 3, 3, 2).permute(0, 3, 1, 2)
    known = F.conv2d(F.pad(x.movedim(3, 1), (0, 0, 0, 2)), weight, patches.bias, stride=3)
    torch.testing.assert_close(patches(x), known.movedim(1, 3))


# together


def test_cla_takes_smaller_steps_on_small_sets_unless_told() -> None:
    assert settings_for(7, "vae-nvp", ["cla", "re"]).lr == settings_for(7, "vae-nvp").lr / 2
    assert settings_for(7, "vae-nvp", ["cla"], lr=0.01).lr == 0.01
    assert settings_for(7, "cvae", ["cla"]).lr == settings_for(7, "cvae").lr
    assert settings_for(1000, "vae", ["cla"]).lr == settings_for(1000, "vae").lr
    run = Run(from_tensors(images(), LABELS), "vae", CLA(0.9, classifier=linear()), device="cpu")
    assert run.settings.lr == settings_for(7, "vae", ["cla"]).lr


def test_constraints_together_have_each_their_own_multiplier() -> None:
    geco = GECO(RE(0.1), FRE(0.5), PNCC(0.1), CLA(0.99, classifier=linear()), nu=0.1, alpha=0.0)
    x = images()
    geco(torch.tensor(1.0), x, (x + 0.3).clamp(0, 1), LABELS)
    geco.step()
    moved, c = geco.multiplier, geco.constraint
    assert c["re"] > 0 > c["fre"] and c["cla"] > 0 > c["pncc"]
    for name, value in c.items():
        assert moved[name] == pytest.approx(np.exp(0.1 * min(value, 1)), rel=1e-5)
