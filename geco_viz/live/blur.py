"""The explorer of blur and holes: figure 1 of the paper with tiles to move and to widen."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import ipywidgets as widgets
import numpy as np
import torch
from torch import Tensor

from geco_viz import data as datasets
from geco_viz._checks import choice
from geco_viz.live.column import WIDE, Words, heading
from geco_viz.live.explorer import Explorer, choice_of
from geco_viz.live.grid import GridSlider
from geco_viz.theory import overlap_decoder, partition_kl

__all__ = ["LAYOUTS", "BlurAndHoles", "layout"]

MOSAIC = 9  # decoded images a side
FINE = 120  # points a side for the figures: a tile's border is off by less than a hundredth
LAYOUTS = ("figure 1", "equal tiles", "unequal tiles", "all overlap")
HOLES = ("noise", "another datum", "black", "the mean of all")
PANELS = ("blur-latent", "blur-decoder", "blur-figures", "status")

Tile = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class _Request:
    tiles: tuple[Tile, ...]
    holes: str
    draw: int


class BlurAndHoles(Explorer):
    """Posteriors as boxes in a latent square under a uniform prior, and the decoder they ask for.

    Where boxes overlap the best decoder averages their data, the smaller box weighing more: a blur
    (Prop. 3). Where no box lies the ELBO asks nothing: the decoder can be anything, and none of the
    figures changes. Equal boxes without overlap and without holes have KL = ln n (Prop. 2).

    Args:
        x: images (n, C, H, W), two to seven of them; None for digits.
        name: one of `LAYOUTS` to begin with.

    Raises:
        TypeError, ValueError: not two to seven images; an unknown layout.

    Example:
        >>> explorer = BlurAndHoles(name="equal tiles")
        >>> explorer.wait(10), round(explorer.figures["kl"] - explorer.figures["ln n"], 6)
        (True, 0.0)
        >>> explorer.close()
    """

    def __init__(self, x: Any = None, name: str = "figure 1"):
        images = datasets.micro_or_digits().x if x is None else datasets.from_tensors(x).x
        if images.ndim != 4 or not 2 <= len(images) <= 7:
            raise ValueError(
                f"x must be two to seven images (n, C, H, W), got {tuple(images.shape)}"
            )
        self.x = images.double()
        first = min(3 if name == "figure 1" else 4, len(images))
        self.tiles: tuple[Tile, ...] = layout(name, first)
        self.figures: dict[str, Any] = {}
        self._z: Any = (0.42, 0.5)
        self.layout_menu = choice_of("tiles", LAYOUTS, self._arrange)
        self.layout_menu.value = name
        self.count = GridSlider("data", range(2, len(images) + 1), first, "how many data")
        self.count.observe(lambda _: self._arrange(), "value")
        self.holes = choice_of("in holes", HOLES, self._asked)
        self.draw = widgets.Button(description="another draw of the noise", layout=WIDE)
        self._draws = 0
        self.draw.on_click(lambda _: self._redraw())
        text = (
            "Drag a tile to move it, its corner to widen it. With the keyboard: a digit "
            "key picks a tile, arrows move it, shift and arrows widen it."
        )
        super().__init__(
            "Blur and holes",
            PANELS,
            [
                *(heading("Tiles"), self.layout_menu, self.count, Words(text)),
                *(heading("Decoder"), self.holes, self.draw),
            ],
        )
        self._asked()

    def figure(self, theme: str = "light") -> Any:
        from geco_viz.plots import blur_figure

        tiles = np.array(self.tiles)
        at = _inside(tiles, _grid(MOSAIC))
        decoded, _ = overlap_decoder(self.x[: len(tiles)], _masses(tiles), at)
        return blur_figure(tiles, decoded.unflatten(0, (MOSAIC, MOSAIC)), theme=theme)

    def _arrange(self) -> None:
        if not self._closed:
            self.tiles = layout(self.layout_menu.value, int(self.count.value))
            self._asked()

    def _redraw(self) -> None:
        self._draws += 1
        self._asked()

    def _asked(self) -> None:
        if not self._closed:
            self._ask(_Request(self.tiles, self.holes.value, self._draws))

    def _told(self, message: dict[str, Any]) -> None:
        if message.get("type") == "tiles":
            boxes = np.asarray(message["tiles"], dtype=np.float64).reshape(-1, 4)
            if len(boxes) == len(self.tiles) and np.isfinite(boxes).all():
                self.tiles = tuple(map(_kept, boxes.tolist()))
                self._asked()
        elif message.get("type") == "probe":
            self._z = tuple(float(v) for v in message["z"][:2])
            self._asked()

    def _work(self, request: Any) -> None:
        tiles = np.array(request.tiles)
        x = self.x[: len(tiles)]
        masses = _masses(tiles)
        fine = _grid(FINE)
        inside = _inside(tiles, fine)
        best, hole = overlap_decoder(x, masses, inside)
        # Mean squared error of datum i over its own tile, where the decoder is as good as can be.
        each = (best[None] - x[:, None]).square().flatten(2).mean(2).where(inside.T, 0.0)
        errors = each.sum(1) / inside.sum(0).clamp_min(1)
        shared = float((inside.sum(1) > 1).double().mean())
        self.figures = {
            "kl": partition_kl(masses),
            "ln n": math.log(len(tiles)),
            "error": float(errors.mean().sqrt()),
            "holes": float(hole.double().mean()),
            "overlap": shared,
            "masses": masses.tolist(),
            "errors": errors.sqrt().tolist(),
        }
        filled, _ = self._decode(x, masses, _inside(tiles, _grid(MOSAIC)), request)
        at = torch.tensor([self._z], dtype=torch.float64)
        member = _inside(tiles, at)
        probe, empty = self._decode(x, masses, member, request)
        share = member.double() / torch.tensor(masses)
        weights = (share / share.sum().clamp_min(1e-300))[0].tolist()
        self.feed.put("blur", {"tiles": tiles.tolist(), **self.figures})
        self.feed.put_images("mosaic", filled, side=MOSAIC)
        head = {"z": list(self._z), "hole": bool(empty[0]), "weights": weights}
        self.feed.put_images("decoded", probe, **head)
        self.feed.put_images("data", x)
        self._words()

    def _decode(
        self, x: Tensor, masses: Any, inside: Tensor, request: _Request
    ) -> tuple[Tensor, Tensor]:
        """The best decoder; in holes whatever was chosen, since nothing there is better."""
        best, hole = overlap_decoder(x, masses, inside)
        generator = torch.Generator().manual_seed(request.draw)
        if request.holes == "noise":
            free = torch.rand(best.shape, generator=generator, dtype=torch.float64)
        elif request.holes == "another datum":
            free = x[torch.randint(len(x), (len(best),), generator=generator)]
        elif request.holes == "black":
            free = torch.zeros_like(best)
        else:
            free = x.mean(0).expand_as(best)
        return torch.where(hole[:, None, None, None], free, best), hole

    def _words(self) -> None:
        f = self.figures
        words = (
            f"KL = {f['kl']:.3f} nats, ln n = {f['ln n']:.3f}. Error {f['error']:.3f} RMS pixel. "
            f"Holes: {100 * f['holes']:.0f} % of the prior; overlap: {100 * f['overlap']:.0f} %."
        )
        hint = "What the decoder does in holes changes none of these figures."
        if f["holes"] < 0.005 and f["overlap"] < 0.005:
            hint = "A partition. Equal masses make its KL the least, ln n (Prop. 2)."
        elif f["overlap"] > 0.005:
            hint = "Overlap makes the code cheaper and the pictures blurred (Prop. 3)."
        self.say("exact", words, hint)


def layout(name: str, n: int) -> tuple[Tile, ...]:
    """Boxes (left, bottom, right, top) in the unit square for n data.

    Raises:
        ValueError: an unknown name.

    Example:
        >>> layout("equal tiles", 2)
        ((0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0))
    """
    choice("name", name, LAYOUTS)
    if name == "figure 1":
        start = [(0.08, 0.3, 0.48, 0.72), (0.36, 0.42, 0.72, 0.9), (0.62, 0.08, 0.92, 0.36)]
        rest = [(0.06 + 0.22 * k, 0.04, 0.24 + 0.22 * k, 0.2) for k in range(max(0, n - 3))]
        return tuple((start + rest)[:n])
    if name == "all overlap":
        edge = 0.45 / max(1, n - 1)
        return tuple((edge * k, 0.0, 0.55 + edge * k, 1.0) for k in range(n))
    widths = np.ones(n) if name == "equal tiles" else 1.6 ** np.arange(n)
    ends = np.concatenate([[0.0], np.cumsum(widths / widths.sum())])
    ends[-1] = 1.0
    return tuple((float(a), 0.0, float(b), 1.0) for a, b in itertools.pairwise(ends))


def _kept(box: list[float]) -> Tile:
    """A box of some area inside the unit square."""
    x0, y0, x1, y1 = (min(max(v, 0.0), 1.0) for v in box)
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    x0, y0 = min(x0, 0.96), min(y0, 0.96)
    return x0, y0, max(x1, x0 + 0.04), max(y1, y0 + 0.04)


def _masses(tiles: Any) -> Any:
    return (tiles[:, 2] - tiles[:, 0]) * (tiles[:, 3] - tiles[:, 1])


def _grid(side: int) -> Tensor:
    line = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    return torch.cartesian_prod(line, line)


def _inside(tiles: Any, z: Tensor) -> Tensor:
    """Which boxes (n, 4) hold each of z (m, 2): bool (m, n)."""
    box = torch.as_tensor(tiles)
    return ((z[:, None] >= box[:, :2]) & (z[:, None] <= box[:, 2:])).all(2)
