"""ConvDRAW and the conditional VAE: what their equations promise."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from geco_viz import models

SHAPE, TOLD = (1, 10, 12), (2, 9, 8)  # neither side of SHAPE is a multiple of the block
DRAW = {"steps": 3, "hidden": 6, "latents": 2, "block": 4}
CASES: dict[str, dict[str, Any]] = {
    "convdraw": DRAW,
    "convdraw-conditional": {**DRAW, "context_shape": TOLD, "context_channels": [3, 4]},
    "cvae": {"context_shape": TOLD, "latent_dim": 3, "hidden": [16], "context_channels": [3]},
    "cvae-conv": {"context_shape": TOLD, "net": "conv", "hidden": [16], "channels": [4, 6]},
    "cvae-vector": {"context_shape": [5], "latent_dim": 3, "hidden": [16]},
    "convdraw-conditional-vector": {**DRAW, "context_shape": [5]},
}
CONDITIONAL = [case for case in CASES if case != "convdraw"]


def make(case: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    name = case.removesuffix("-vector").removesuffix("-conv")
    model = models.build(name, SHAPE, **CASES[case])
    with torch.no_grad():  # away from the start, where q and p nearly agree
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def batch(case: str, n: int = 4) -> tuple[torch.Tensor, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(n, *SHAPE, generator=generator)
    if case == "convdraw":
        return x, None
    return x, torch.rand(n, *CASES[case]["context_shape"], generator=generator)


@pytest.mark.parametrize("case", CASES)
def test_shapes(case: str) -> None:
    model, (x, context) = make(case), batch(case)
    d = model.latent_dim
    out = model(x, context)
    parts = 3 if case != "cvae-conv" else 16  # steps, or latents
    assert out.x_hat.shape == x.shape and out.kl.shape == (4,) and out.z.shape == (4, d)
    assert out.kl_parts.shape == (4, parts)
    out = model(x, context, samples=5)
    assert out.x_hat.shape == (5, *x.shape) and out.kl.shape == (5, 4)
    assert out.z.shape == (5, 4, d) and out.kl_parts.shape == (5, 4, parts)
    assert 0 <= out.x_hat.min() and out.x_hat.max() <= 1
    assert model.sample(4, context).shape == x.shape
    assert model.decode(torch.zeros(2, 4, d), context).shape == (2, 4, *SHAPE)
    one = None if context is None else context[:1]
    assert model.sample(6, one).shape == (6, *SHAPE)
    assert model.decode(torch.zeros(7, 4, d), one).shape == (7, 4, *SHAPE)
    assert model.decode(torch.zeros(d), one).shape == SHAPE
    assert model.conditional == (context is not None) and not model.has_aggregate


@pytest.mark.parametrize("case", CASES)
def test_gradients_reach_every_parameter(case: str) -> None:
    model, (x, context) = make(case), batch(case)
    out = model(x, context)
    (out.kl.mean() + out.x_hat.square().mean()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("case", CASES)
def test_the_posterior_gives_what_the_forward_pass_gives(case: str) -> None:
    model, (x, context) = make(case).double(), batch(case)
    x, context = x.double(), None if context is None else context.double()
    out = model(x, context, samples=2, generator=torch.Generator().manual_seed(3))
    posterior = model.encode(x, context)
    z, log_q = posterior.sample(2, torch.Generator().manual_seed(3))
    torch.testing.assert_close(z, out.z)
    torch.testing.assert_close(posterior.kl(z, log_q), out.kl)
    torch.testing.assert_close(posterior.kl_parts(z, log_q).sum(-1), out.kl)
    torch.testing.assert_close(model.decode(z, context), out.x_hat)
    # Latents from elsewhere: the KL along them is worked out anew, not taken from the last draw.
    fresh = model.encode(x, context)
    torch.testing.assert_close(fresh.kl(z, log_q), out.kl)


@pytest.mark.parametrize("case", CASES)
def test_data_do_not_mix(case: str) -> None:
    """Each datum of a batch is treated as it would be alone."""
    model, (x, context) = make(case).double(), batch(case)
    x, context = x.double(), None if context is None else context.double()
    z, _ = model.encode(x, context).sample(1, torch.Generator().manual_seed(0))
    posterior = model.encode(x[2:3], None if context is None else context[2:3])
    alone = posterior.kl(z[:, 2:3], z.new_zeros(1, 1))
    together = model.encode(x, context).kl(z, z.new_zeros(1, 4))
    torch.testing.assert_close(alone[0, 0], together[0, 2])


@pytest.mark.parametrize("case", CASES)
def test_a_generator_determines_everything(case: str) -> None:
    model, (x, context) = make(case), batch(case)

    def draw(seed: int) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        out = model(x, context, samples=2, generator=generator)
        return [out.x_hat, out.kl, out.z, model.sample(4, context, generator=generator)]

    before = torch.get_rng_state()
    first, again, other = draw(5), draw(5), draw(6)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[2], other[2]) and not torch.equal(first[3], other[3])


@pytest.mark.parametrize("case", CASES)
def test_config_rebuilds_the_model(case: str) -> None:
    model, (_, context) = make(case), batch(case)
    twin = models.build(**json.loads(json.dumps(model.config)))
    twin.load_state_dict(model.state_dict())
    z = torch.randn(4, model.latent_dim)
    assert twin.config == model.config
    assert torch.equal(twin.decode(z, context), model.decode(z, context))


@pytest.mark.parametrize("case", CONDITIONAL)
def test_the_context_matters_everywhere(case: str) -> None:
    """To the posterior, to the prior of the first step or latent, and to the decoder."""
    model, (x, context) = make(case), batch(case)
    assert context is not None
    other = context.flip(0)
    z = torch.zeros(4, model.latent_dim)
    assert not torch.allclose(model.decode(z, context), model.decode(z, other))
    seeds = [torch.Generator().manual_seed(2) for _ in range(4)]
    told, swapped = (
        model.sample(4, c, s) for c, s in zip((context, other), seeds[:2], strict=True)
    )
    assert not torch.allclose(told, swapped)
    told, swapped = (
        model(x, c, generator=s).kl_parts[:, 0]
        for c, s in zip((context, other), seeds[2:], strict=True)
    )
    assert not torch.allclose(told, swapped)


def test_gaussian_kl_is_torchs() -> None:
    generator = torch.Generator().manual_seed(0)
    parts = [torch.randn(6, 5, generator=generator, dtype=torch.float64) for _ in range(4)]
    q, p = models.DiagonalGaussian(*parts[:2]), models.DiagonalGaussian(*parts[2:])
    expected = kl_divergence(Normal(q.mean, q.log_std.exp()), Normal(p.mean, p.log_std.exp()))
    torch.testing.assert_close(models.gaussian_kl(q, p), expected)


@pytest.mark.parametrize("case", ["convdraw", "cvae"])
def test_the_mean_kl_is_the_divergence(case: str) -> None:
    """E[log q - log p] by independent densities: N(.) of each step along the path."""
    model, (x, context) = make(case).double(), batch(case, 2)
    x, context = x.double(), None if context is None else context.double()
    with torch.no_grad():
        posterior = model.encode(x, context)
        z, log_q = posterior.sample(3000, torch.Generator().manual_seed(0))
        kl = posterior.kl(z, log_q)
        if case == "cvae":
            prior = posterior.prior
            log_p = Normal(prior.mean, prior.log_std.exp()).log_prob(z).sum(-1)
        else:
            log_p = _prior_of_a_path(model, z.flatten(0, 1)).unflatten(0, z.shape[:2])
    single = log_q - log_p
    assert kl.min() >= 0
    error = (single - kl).std(0) / math.sqrt(len(z))
    # Five standard errors: fails by chance once in 2e6.
    assert ((kl.mean(0) - single.mean(0)).abs() <= 5 * error).all()


def _prior_of_a_path(model: models.ConvDRAW, z: torch.Tensor) -> torch.Tensor:
    """log p(z_1, ..., z_T), written out without the model's own pass."""
    h, c = (part.expand(len(z), -1, -1, -1) for part in model.start)
    canvas = torch.zeros(len(z), 16, *model.grid, dtype=z.dtype)
    total = torch.zeros(len(z), dtype=z.dtype)
    for z_t in z.split(model.per_step, -1):
        mean, raw = model.prior(h).chunk(2, 1)
        z_t = z_t.unflatten(-1, (2, *model.grid))
        total += Normal(mean, (3 * torch.tanh(raw / 3)).exp()).log_prob(z_t).sum((1, 2, 3))
        gates = model.decoder.gates(torch.cat((z_t, canvas, h), 1))
        i, f, o, g = gates.chunk(4, 1)
        c = torch.sigmoid(f + 1) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        canvas = canvas + model.write(h)
    return total


def test_samples_draw_afresh_at_every_step() -> None:
    """With a prior of known deviation, the steps' latents are independent of each other."""
    model = make("convdraw").requires_grad_(False)
    for parameter in model.prior.parameters():
        parameter.zero_()  # N(0, 1) at every step, whatever the state
    made = model.draw(None, None, 500, torch.Generator().manual_seed(0))
    z = torch.stack(made.z)  # (T, 500, d/T)
    assert abs(float(z.std()) - 1) < 0.02  # 500 * 54 draws: sd .004
    for t in range(2):
        correlation = (z[t] * z[t + 1]).mean()
        assert abs(float(correlation)) < 0.04  # 9000 products: sd .0105; one z for all would give 1


def test_the_state_is_carried_from_step_to_step() -> None:
    """A cell that ignored its hidden state, or an encoder without h_d, would not see these."""
    model, (x, _) = make("convdraw"), batch("convdraw")
    z = torch.randn(4, 3, model.per_step, requires_grad=True)
    made = model.draw(x, None, 4, given=z.unbind(1))
    # The posterior's and prior's KL at step 3 depends on the draw of step 1, through h_d and r.
    (grad,) = torch.autograd.grad(made.kl[2].sum(), z, retain_graph=True)
    assert grad[:, 0].abs().sum() > 0 and grad[:, 1].abs().sum() > 0
    assert grad[:, 2].abs().sum() == 0  # not on its own
    weight = model.encoder.gates.weight
    (grad,) = torch.autograd.grad(made.kl[2].sum(), weight)
    residual, decoder, own = 16, 32, 38  # where [x, residual, h_d, h_e] begin
    for start, end in ((0, residual), (residual, decoder), (decoder, own), (own, None)):
        assert grad[:, start:end].abs().sum() > 0


def test_convlstm_is_torchs_lstm_where_there_is_one_place() -> None:
    torch.manual_seed(0)
    cell, oracle = models.ConvLSTM(3, 4, kernel=1), torch.nn.LSTMCell(3, 4)
    weight = cell.gates.weight.detach()[..., 0, 0]
    i, f, o, g = (weight[k * 4 : k * 4 + 4] for k in range(4))
    bias = cell.gates.bias.detach().clone()
    bias[4:8] += 1  # the forget gate's
    bi, bf, bo, bg = bias.split(4)
    with torch.no_grad():
        rows = torch.cat((i, f, g, o))  # torch's order
        oracle.weight_ih.copy_(rows[:, :3])
        oracle.weight_hh.copy_(rows[:, 3:])
        oracle.bias_ih.copy_(torch.cat((bi, bf, bg, bo)))
        oracle.bias_hh.zero_()
    u, h, c = torch.randn(5, 3), torch.randn(5, 4), torch.randn(5, 4)
    ours = cell(u[..., None, None], (h[..., None, None], c[..., None, None]))
    for mine, theirs in zip(ours, oracle(u, (h, c)), strict=True):
        torch.testing.assert_close(mine[..., 0, 0], theirs)


@pytest.mark.parametrize("name", ["conv-vae-nvp", "cvae", "convdraw", "convdraw-conditional"])
def test_sizes_grow(name: str) -> None:
    told = {"context_shape": [3]} if models.is_conditional(name) else {}
    counts = []
    for size in ("tiny", "small", "paper"):
        model = models.build(name, (3, 32, 32), size=size, **told)
        assert model.config["size"] == size
        counts.append(sum(p.numel() for p in model.parameters()))
    assert counts[0] < 2e6 and counts[0] < counts[1] < counts[2] / 2


@pytest.mark.parametrize(
    ("name", "config", "error", "words"),
    [
        ("convdraw", {"size": "big"}, ValueError, "size must be one of 'tiny', 'small', 'paper'"),
        ("convdraw", {"kernel": 4}, ValueError, "kernel must be an odd number, got 4"),
        ("convdraw", {"steps": 0}, ValueError, "steps must be a whole number >= 1, got 0"),
        ("convdraw", {"stesp": 2}, TypeError, "did you mean 'steps'"),
        ("convdraw", {"context_shape": [3]}, TypeError, "'convdraw' has the settings size, steps"),
        ("cvae", {}, TypeError, r"context_shape must be given for a conditional model: \(k,\) or"),
        ("cvae", {"context_shape": [3, 4]}, ValueError, r"must be \(k,\) or \(C, H, W\), got"),
        ("vae", {"size": "tiny"}, TypeError, "'vae' has the settings latent_dim"),
    ],
)
def test_bad_settings_are_refused(
    name: str, config: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        models.build(name, SHAPE, **config)


@pytest.mark.parametrize("case", CONDITIONAL)
def test_a_missing_or_odd_context_is_refused(case: str) -> None:
    model, (x, context) = make(case), batch(case)
    assert context is not None
    z = torch.zeros(4, model.latent_dim)
    for call in (lambda c: model(x, c), lambda c: model.sample(4, c), lambda c: model.decode(z, c)):
        with pytest.raises(ValueError, match="which is conditional, got None"):
            call(None)
        with pytest.raises(ValueError, match=r"context must be \(B, .* got \(4, 7\)"):
            call(torch.zeros(4, 7))
        with pytest.raises(ValueError, match=r"context must be \(B, .* with B = 4 or 1, got \(3,"):
            call(context[:3])


def test_convdraw_refuses_a_context_it_has_no_use_for() -> None:
    model, (x, _) = make("convdraw"), batch("convdraw")
    with pytest.raises(ValueError, match="context must be None for this model"):
        model(x, x)
