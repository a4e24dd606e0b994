"""Every model: shapes, gradients, determinism, rebuilding; and what `build` refuses."""

import math

import pytest
import torch

from geco_viz import models

SHAPE = (1, 12, 10)
CASES = {
    "vae": {"latent_dim": 3, "hidden": [20, 16]},
    "vae-conv": {"net": "conv", "latent_dim": 3, "hidden": [16], "channels": [4, 6]},
    "vae-nvp": {"encoder": [16], "decoder": [16, 16], "coupling_hidden": 8},
    "vae-nvp-odd": {"latent_dim": 5, "couplings": 3, "encoder": [16], "decoder": [16]},
    "conv-vae-nvp": {
        "latent_dim": 3,
        "encoder": [16],
        "couplings": 2,
        "coupling_hidden": 8,
        "channels": [4, 6],
        "hidden": 8,
    },
}
OTHERS = ("cvae", "convdraw", "convdraw-conditional")  # have files of their own


def make(case: str, seed: int = 0) -> models.VAE:
    torch.manual_seed(seed)
    return models.build(case.removesuffix("-conv").removesuffix("-odd"), SHAPE, **CASES[case])


def images(n: int = 4) -> torch.Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_the_cases_cover_every_name():
    assert set(models.names()) <= set(CASES) | set(OTHERS)


@pytest.mark.parametrize("case", CASES)
def test_shapes(case):
    model, x = make(case), images()
    d = model.latent_dim
    out = model(x)
    assert out.x_hat.shape == x.shape and out.kl.shape == (4,) and out.z.shape == (4, d)
    out = model(x, samples=3)
    assert out.x_hat.shape == (3, *x.shape) and out.kl.shape == (3, 4) and out.z.shape == (3, 4, d)
    assert 0 <= out.x_hat.min() and out.x_hat.max() <= 1
    assert model.sample(6).shape == (6, *SHAPE)
    assert model.decode(torch.zeros(2, 3, 5, d)).shape == (2, 3, 5, *SHAPE)
    assert model.decode(torch.zeros(d)).shape == SHAPE


@pytest.mark.parametrize("case", CASES)
def test_gradients_reach_every_parameter(case):
    model, x = make(case), images()
    out = model(x, samples=2)
    posterior = dict([*model.encoder.named_parameters(), *model.head.named_parameters()])
    decoder = dict(model.decoder.named_parameters())
    for value, parameters in ((out.kl.mean(), posterior), (out.x_hat.mean(), posterior | decoder)):
        grads = torch.autograd.grad(value, list(parameters.values()), retain_graph=True)
        for name, grad in zip(parameters, grads, strict=True):
            assert grad.abs().sum() > 0, name


@pytest.mark.parametrize("case", CASES)
def test_sampling_and_decoding_are_differentiable_in_the_input(case):
    x = images().requires_grad_()
    make(case)(x).x_hat.sum().backward()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("case", CASES)
def test_a_generator_determines_everything(case):
    model, x = make(case), images()

    def draw(seed: int) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        out = model(x, samples=2, generator=generator)
        return [out.x_hat, out.kl, out.z, model.sample(3, generator=generator)]

    before = torch.get_rng_state()
    first, again, other = draw(5), draw(5), draw(6)
    assert torch.equal(torch.get_rng_state(), before)  # the global generator is untouched
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[2], other[2]) and not torch.equal(first[3], other[3])


@pytest.mark.parametrize("case", CASES)
def test_config_rebuilds_the_model(case):
    import json

    model = make(case)
    config = json.loads(json.dumps(model.config))
    twin = models.build(**config)
    twin.load_state_dict(model.state_dict())
    z = torch.randn(3, model.latent_dim)
    assert twin.config == model.config
    assert torch.equal(twin.decode(z), model.decode(z))


@pytest.mark.parametrize("case", CASES)
def test_log_prob_agrees_with_sampling_and_broadcasts_to_all_pairs(case):
    model = make(case).double()
    posterior = model.encode(images().double())
    z, log_q = posterior.sample(5)
    torch.testing.assert_close(posterior.log_prob(z), log_q)
    pairs = posterior.log_prob(z.unsqueeze(-2))
    assert pairs.shape == (5, 4, 4)
    for i in range(4):
        alone = model.encode(images()[i : i + 1].double())
        torch.testing.assert_close(pairs[..., i], alone.log_prob(z))
    torch.testing.assert_close(pairs.diagonal(dim1=-2, dim2=-1), log_q)
    torch.testing.assert_close(posterior.log_prob(z[0, :1]), pairs[0, 0])


@pytest.mark.parametrize("case", CASES)
def test_mean_kl_estimates_the_divergence(case):
    model = make(case)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)  # away from the prior
        posterior = model.encode(images())
        z, log_q = posterior.sample(20_000, torch.Generator().manual_seed(0))
        kl = posterior.kl(z, log_q)
        normal = torch.distributions.Normal(0.0, 1.0)
        single = log_q - normal.log_prob(z).sum(-1)
    error = single.std(0) / math.sqrt(len(z))
    assert kl.shape == log_q.shape
    # Five standard errors: fails by chance once in 2e6 data.
    assert ((kl.mean(0) - single.mean(0)).abs() <= 5 * error + 1e-6).all()


def test_float64_and_other_shapes_follow_the_input():
    model = models.build("vae-nvp", (3, 5, 7), decoder=[8]).double()
    out = model(torch.rand(2, 3, 5, 7, dtype=torch.float64), samples=2)
    assert out.x_hat.dtype == torch.float64 and out.x_hat.shape == (2, 2, 3, 5, 7)


@pytest.mark.parametrize(
    ("arguments", "config", "error", "words"),
    [
        (("vea", SHAPE), {}, ValueError, "did you mean 'vae'"),
        ((3, SHAPE), {}, TypeError, "model must be one of"),
        (("vae", (28, 28)), {}, ValueError, r"shape must be \(C, H, W\), got \(28, 28\)"),
        (("vae", (1, 0, 28)), {}, ValueError, "shape must be a whole number >= 1, got 0"),
        (("vae", SHAPE), {"latent_dmi": 3}, TypeError, "did you mean 'latent_dim'"),
        (("vae", SHAPE), {"latent_dim": 0}, ValueError, "latent_dim must be a whole number >= 1"),
        (("vae", SHAPE), {"hidden": []}, TypeError, "hidden must be a sequence"),
        (("vae", SHAPE), {"hidden": 200}, TypeError, "hidden must be a sequence"),
        (("vae", SHAPE), {"net": "cnn"}, ValueError, "net must be one of"),
        (("vae-nvp", SHAPE), {"latent_dim": 1}, ValueError, "latent_dim must be .* >= 2, got 1"),
        (("vae-nvp", SHAPE), {"couplings": 1}, ValueError, "couplings must be .* >= 2, got 1"),
        (("vae-nvp", SHAPE), {"couplings": 2.5}, TypeError, "couplings must be a whole number"),
    ],
)
def test_bad_settings_are_refused(arguments, config, error, words):
    with pytest.raises(error, match=words):
        models.build(*arguments, **config)


def test_bad_calls_are_refused():
    model, x = make("vae"), images()
    with pytest.raises(ValueError, match="samples must be a whole number >= 1, got 0"):
        model(x, samples=0)
    with pytest.raises(ValueError, match="n must be a whole number >= 1, got -1"):
        model.sample(-1)
    for call in (model.encode, model.decode):
        with pytest.raises(ValueError, match="context must be None"):
            call(x, context=x)
