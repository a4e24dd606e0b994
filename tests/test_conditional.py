"""Contexts from the data set to the model, and every model on every shape of data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from faces import faces
from torch import Tensor, nn

import geco_viz as gv
from geco_viz.models import Output
from geco_viz.training.observer import Observer

SMALL: dict[str, dict[str, Any]] = {
    "vae": {"latent_dim": 3, "hidden": [16]},
    "vae-nvp": {"encoder": [16], "decoder": [16], "couplings": 2},
    "conv-vae-nvp": {"encoder": [16], "latent_dim": 4, "couplings": 2, "channels": [4, 6]},
    "cvae": {"hidden": [16], "context_channels": [4], "latent_dim": 3},
    "convdraw": {"steps": 2, "hidden": 6, "latents": 2},
    "convdraw-conditional": {"steps": 2, "hidden": 6, "latents": 2, "context_channels": [4]},
}


def model(name: str) -> dict[str, Any]:
    return {"name": name, **SMALL[name]}


def conditional(n: int = 9, told: tuple[int, ...] = (2, 6, 6)) -> gv.data.Dataset:
    random = torch.Generator().manual_seed(0)
    x, context = torch.rand(n, 1, 8, 8, generator=random), torch.rand(n, *told, generator=random)
    return gv.data.from_tensors(x, torch.arange(n) % 3, context=context)


def run_on(data: Any, name: str, objective: Any = None, **settings: Any) -> gv.Run:
    return gv.Run(data, model(name), objective, device="cpu", **settings)


# Every model on every shape of data, under every objective


@pytest.fixture(scope="module")
def sets(mnist_root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, gv.data.Dataset]:
    """The first 80 of each real set that there is; CelebA's are made here."""
    found = {}
    for name in gv.data.names():
        options: dict[str, Any] = {"partial": True} if name == "cifar10" else {}
        if name == "celeba":
            root = faces(tmp_path_factory.mktemp("celeba"), 400)
            options = {"root": root, "size": 32, "count": 80}
        split = "train" if name in ("micro-mnist", "digits") else "test"
        try:
            whole = gv.data.load(name, split=split, **options)
        except (FileNotFoundError, ConnectionError):
            continue
        told = None if whole.context is None else whole.context[:80]
        labels = None if whole.y is None else whole.y[:80]
        found[name] = gv.data.from_tensors(whole.x[:80], labels, context=told, name=name)
    return found


PAIRS = [
    (name, data)
    for name in SMALL
    for data in gv.data.names(conditional=gv.models.is_conditional(name))
]


@pytest.mark.train
@pytest.mark.parametrize(("name", "data"), PAIRS, ids=["-on-".join(pair) for pair in PAIRS])
def test_every_model_trains_on_every_set(
    name: str, data: str, sets: dict[str, gv.data.Dataset]
) -> None:
    if data not in sets:
        pytest.skip(f"{data} is not at hand")
    run = run_on(sets[data], name, samples=1, batch=8)
    before = [p.detach().clone() for p in run.model.parameters()]
    run.train(3, progress=False)
    assert np.isfinite(run.history["loss"]).all() and len(run.history) == 3
    for (label, p), old in zip(run.model.named_parameters(), before, strict=True):
        assert not torch.equal(p, old), label
    found = run.evaluate(samples=2)
    assert all(math.isfinite(found[key][0]) for key in ("kl", "kappa_hat/re"))
    pictures = run.pictures()
    assert pictures.data.shape == pictures.reconstruction.shape == pictures.sample.shape
    assert pictures.data.shape[-1] in (1, 3)


@pytest.mark.train
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("objective", ["geco", "elbo", "beta", "annealed"])
def test_every_model_trains_under_every_objective(name: str, objective: str) -> None:
    data = conditional() if gv.models.is_conditional(name) else conditional().without_context()
    run = run_on(data, name, objective, samples=2).train(3, progress=False)
    assert np.isfinite(run.history["loss"]).all()
    assert np.isfinite(run.history["err/re"]).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", SMALL)
def test_every_model_trains_on_cuda(name: str) -> None:
    data = conditional() if gv.models.is_conditional(name) else conditional().without_context()
    run = gv.Run(data, model(name), device="cuda", samples=2).train(5, progress=False)
    run.held_out = data
    assert len(run.history) == 5 and np.isfinite(run.history["loss"]).all()
    assert math.isfinite(run.evaluate(samples=4)["held_out/kl"][0])
    assert run.pictures().sample.shape == (9, 8, 8, 1)
    assert run.probe([0.0]).image.shape == (8, 8, 1)


# The context's way


class Recorder(nn.Module):
    """Stands for a conditional model; keeps what it is given."""

    conditional = True
    latent_dim = 1

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))
        self.pairs: list[tuple[Tensor, Tensor]] = []

    def forward(self, x: Tensor, context: Tensor, samples: int = 1, generator: Any = None) -> Any:
        self.pairs.append((x, context))
        x_hat = x * 0.9 + self.bias
        return Output(x_hat, self.bias.square().expand(len(x)), x.new_zeros(len(x), 1))


def test_batches_keep_each_datum_with_its_context() -> None:
    x = torch.rand(100, 1, 2, 2)
    data = gv.data.from_tensors(x, context=x.flatten(1) * 2)
    module = Recorder()
    gv.Run(data, module, device="cpu", batch=16).train(20, progress=False)
    assert len(module.pairs) == 20 and len(module.pairs[0][0]) == 16
    for images, told in module.pairs:
        assert torch.equal(told, images.flatten(1) * 2)


@pytest.mark.parametrize("name", [n for n in SMALL if not gv.models.is_conditional(n)])
def test_a_context_without_a_conditional_model_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' is not conditional, .* choose 'cvae' or 'con"):
        run_on(conditional(), name)
    run_on(conditional().without_context(), name)  # what the message advises


@pytest.mark.parametrize("name", ["cvae", "convdraw-conditional"])
def test_a_conditional_model_without_a_context_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' is conditional, .* has no context; choose"):
        run_on(conditional().without_context(), name)


def test_modules_that_say_so_are_matched_too() -> None:
    vae = gv.models.build("vae", (1, 8, 8))
    with pytest.raises(ValueError, match="VAE is not conditional"):
        gv.Run(conditional(), vae)
    with pytest.raises(ValueError, match="Recorder is conditional"):
        gv.Run(torch.rand(9, 1, 8, 8), Recorder())


@pytest.mark.parametrize("name", ["cvae", "convdraw-conditional"])
@pytest.mark.parametrize("told", [(2, 6, 6), (3, 6, 6), (4,)])
def test_pictures_and_probe(name: str, told: tuple[int, ...]) -> None:
    run = run_on(conditional(told=told), name)
    pictures = run.pictures()
    assert pictures.sample.shape == (9, 8, 8, 1)
    shapes = [image.shape for image in pictures.context]
    assert shapes == {2: [(9, 6, 6, 1)] * 2, 3: [(9, 6, 6, 3)], 4: []}[told[0]]
    assert pictures.tile_mass.size == 0 and math.isnan(pictures.holes)
    probe = run.probe([0.5])
    assert probe.image.shape == (8, 8, 1) and probe.weights.size == 0 and not probe.hole


def test_two_channels_are_shown_as_red_and_green() -> None:
    x = torch.zeros(7, 2, 8, 8)
    x[:, 0] = 1
    run = gv.Run(x, model("vae"), device="cpu")
    assert run.pictures().data[0, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["cvae", "convdraw-conditional"])
def test_a_run_is_kept_with_its_context(name: str, tmp_path: Path) -> None:
    data = conditional()
    run = run_on(data, name, samples=1).train(3, progress=False)
    run.save(tmp_path)
    again = gv.Run.load(tmp_path, data=data, device="cpu")
    assert again.spec["model"]["context_shape"] == [2, 6, 6]
    run.train(2, progress=False)
    again.train(2, progress=False)
    assert np.array_equal(run.history["loss"], again.history["loss"])
    other = gv.data.from_tensors(data.x, data.y, context=data.context.flip(0))  # type: ignore[union-attr]
    with pytest.raises(ValueError, match=r"is not what the run in .* was trained on"):
        gv.Run.load(tmp_path, data=other)


# Evaluation


@pytest.mark.parametrize("name", SMALL)
def test_evaluate_serves_every_model(name: str) -> None:
    told = gv.models.is_conditional(name)
    run = run_on(conditional() if told else conditional().without_context(), name)
    found = run.evaluate(samples=50)
    mixture = ("overlap", "mutual_information", "marginal_kl", "holes", "tile_mass")
    has = all(math.isfinite(found[key][0]) for key in mixture)
    hasnt = all(math.isnan(found[key][0]) for key in mixture)
    assert has if name in ("vae", "vae-nvp", "conv-vae-nvp") else hasnt
    if has:
        overlap, marginal = found["overlap"][0], found["marginal_kl"][0]
        # The identity holds to the noise of 450 samples, below .1 nats here.
        assert math.log(9) - overlap + marginal == pytest.approx(found["kl"][0], abs=0.3)
        assert -1e-6 <= overlap <= math.log(9) + 1e-6
    parts = [found[key][0] for key in found if key.startswith("kl/")]
    assert len(parts) == {"vae": 3, "cvae": 3}.get(name, 2 if "draw" in name else 0)
    if parts:
        assert sum(parts) == pytest.approx(found["kl"][0], rel=1e-5)
        assert run.evaluations["kl/1"][0] == pytest.approx(parts[0], rel=1e-6)


@pytest.mark.parametrize(
    "ask", [gv.evaluation.marginal_kl, gv.evaluation.overlap, gv.evaluation.mutual_information]
)
def test_what_needs_an_aggregate_refuses_convdraw(ask: Any) -> None:
    x = torch.rand(5, 1, 8, 8)
    convdraw = gv.models.build(shape=(1, 8, 8), **model("convdraw"))
    with pytest.raises(TypeError, match="got ConvDRAW, whose latents of one step depend on"):
        ask(convdraw, x)
    cvae = gv.models.build(shape=(1, 8, 8), context_shape=[4], **model("cvae"))
    with pytest.raises(TypeError, match="got the conditional CVAE"):
        ask(cvae, x)
    assert gv.evaluation.average_kl(convdraw, x, samples=4)[0] >= 0


def test_evaluate_takes_data_from_all_over_the_set() -> None:
    x = torch.linspace(0, 1, 100)[:, None, None, None].expand(100, 1, 8, 8).contiguous()
    run = gv.Run(x, model("convdraw"), device="cpu")
    seen = []

    def spy(module: Any, inputs: Any) -> None:
        seen.append(inputs[0])

    assert run.evaluate(data=10)["kl"][0] >= 0
    observer = Observer(run.average, x, None, None, seed=0)
    run.average.encoder.register_forward_pre_hook(spy)
    observer.evaluate([], samples=1, data=10)
    shown = seen[0][:, 0, 0, 0]  # the first block of each image that was looked at
    assert torch.allclose(shown, torch.linspace(0, 1, 100)[::10])
    with pytest.raises(ValueError, match="data must be a whole number >= 1, got 0"):
        run.evaluate(data=0)


# What conditioning is for


@pytest.mark.train
@pytest.mark.parametrize("name", ["cvae", "convdraw-conditional"])
def test_samples_follow_their_context(name: str) -> None:
    """Three pictures, each announced by its number: after training, a sample is the one told."""
    random = torch.Generator().manual_seed(0)
    pictures = (torch.rand(3, 1, 8, 8, generator=random) > 0.5).float()
    which = torch.arange(96) % 3
    noise = 0.1 * torch.rand(96, 1, 8, 8, generator=random)
    data = gv.data.from_tensors((pictures[which] - noise).clamp(0, 1), context=torch.eye(3)[which])
    run = run_on(data, name, gv.GECO(gv.RE(kappa=0.1)), samples=1, batch=48, lr=1e-2)
    run.train(200, progress=False)
    told = torch.arange(60) % 3
    with torch.no_grad():
        samples = run.average.sample(60, torch.eye(3)[told], random)
    distance = (samples[:, None] - pictures).square().mean((2, 3, 4))
    agree = (distance.argmin(1) == told).float().mean()
    assert agree > 0.9  # by chance 1/3
    # The context already says which picture: hardly a nat is left for the latents to say.
    assert run.evaluate()["kl"][0] < math.log(3) / 2
