"""A known answer for the whole method: on Gaussian data a linear VAE reaches the limit."""

import math

import pytest
import torch
from torch import Tensor, nn

import geco_viz as gv
from geco_viz.models import VAE, GaussianHead

PIXELS = 6


class LinearDecoder(nn.Linear):
    def forward(self, z: Tensor) -> Tensor:
        return super().forward(z).unflatten(-1, (1, 1, PIXELS))


@pytest.mark.train
@pytest.mark.filterwarnings("ignore:x has values from")  # Gaussian data, which have no pixels
@pytest.mark.parametrize(("kappa", "active"), [(0.3, 6), (0.8, 3)])
def test_a_linear_vae_under_geco_reaches_reverse_water_filling(kappa, active):
    generator = torch.Generator().manual_seed(0)
    deviations = torch.tensor([2.0, 1.5, 1.0, 0.8, 0.6, 0.5])
    rotation = torch.linalg.qr(torch.randn(PIXELS, PIXELS, generator=generator)).Q
    x = torch.randn(500, PIXELS, generator=generator) * deviations @ rotation
    x = x.reshape(-1, 1, 1, PIXELS)

    model = VAE(nn.Flatten(), GaussianHead(PIXELS, PIXELS), LinearDecoder(PIXELS, PIXELS), PIXELS)
    geco = gv.GECO(gv.RE(kappa=kappa))
    steps = 1500
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-2, betas=(0.9, 0.99), fused=True)
    # Two decades of the learning rate over the last 40 %: what noise of the samples the weights
    # then keep is below the tolerance.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.01 ** max(0.0, (step / steps - 0.6) / 0.4)
    )
    for _ in range(steps):
        out = model(x, samples=2, generator=generator)
        loss = geco(out.kl, x, out.x_hat)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        geco.step()

    with torch.no_grad():
        posterior = model.encode(x)
        kl = posterior.kl(*posterior.sample(1)).mean()
        # E |x - g(z)|^2 of a linear decoder in closed form: that of the mean and the noise's share
        bias = (model.decode(posterior.mean) - x).square().sum((1, 2, 3)).mean()
        noise = (posterior.log_std.mul(2).exp() @ model.decoder.weight.square().T).sum(1).mean()
        reached = math.sqrt((bias + noise) / PIXELS)
    limit = gv.theory.water_filling([reached, kappa], x=x)
    # R(D) is that of a Gaussian with the sample's covariance, which no linear VAE can beat.
    assert kl == pytest.approx(limit.rate[0].item(), rel=0.005)
    assert kl > limit.rate[0].item() * (1 - 1e-6)
    assert reached == pytest.approx(kappa, rel=0.01)
    assert geco.multiplier["re"] == pytest.approx(limit.multiplier[1].item(), rel=0.02)
    assert (posterior.mean.std(0) > 0.1).sum() == active


@pytest.mark.train
@pytest.mark.parametrize(("model", "steps"), [("convdraw", 80), ("vae-nvp", 300)])
def test_the_learned_variance_is_the_mean_squared_error(model: str, steps: int) -> None:
    data = gv.data.load("digits") if model == "convdraw" else gv.data.micro_or_digits()
    run = gv.Run(data, model, gv.ELBO(), device="cpu").train(steps, progress=False)
    beta, error = (run.history[name][-40:].astype(float) for name in ("beta", "err/re"))
    # A batch behind an error that falls by a few per cent a step; with Adam it is 4 and more.
    assert beta.mean() == pytest.approx((error**2).mean(), rel=0.1)
