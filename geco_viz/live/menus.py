"""The menus of a dashboard: presets, data, model and seed, and the run that is made of them."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from geco_viz import data as datasets
from geco_viz import models
from geco_viz.live.presets import PRESETS
from geco_viz.training import Run

__all__ = [
    "data_label",
    "data_menu",
    "data_of",
    "follow",
    "model_menu",
    "model_of",
    "presets_menu",
    "rebuilt",
    "seed_box",
]

DRAWS = 5
DATA = {
    "mnist": "MNIST",
    "color-mnist": "Color-MNIST",
    "mnist-triplets": "MNIST triplets",
    "mnist-sum": "MNIST-sum, conditional",
    "mnist-sum-hard": "MNIST-sum-hard, conditional",
    "mnist-rotate": "MNIST-rotate, conditional",
    "cifar10": "CIFAR-10",
    "celeba": "CelebA",
    "digits": "digits (no network)",
}
MODELS = {
    "vae": "VAE, Gaussian posterior",
    "vae-nvp": "VAE+NVP posterior",
    "conv-vae-nvp": "VAE+NVP, convolutional",
    "cvae": "conditional VAE",
    "convdraw": "ConvDRAW",
    "convdraw-conditional": "ConvDRAW, conditional",
}


def presets_menu() -> widgets.Dropdown:
    return widgets.Dropdown(
        options=[("presets …", ""), *((preset.name, preset) for preset in PRESETS)],
        layout=widgets.Layout(width="220px", margin="2px 12px"),
    )


def data_menu() -> widgets.Dropdown:
    """Data sets by name and, where there are several, draw."""
    drawn = [(f"Micro-MNIST, draw {draw}", ("micro-mnist", draw)) for draw in range(DRAWS)]
    others = [name for name in datasets.names() if name != "micro-mnist"]
    rest = [(data_label(name), (name, 0 if name == "digits" else None)) for name in others]
    return _labelled(widgets.Dropdown(description="data", options=[*drawn, *rest]))


def model_menu() -> widgets.Dropdown:
    options = [(_model_label(name), name) for name in models.names()]
    return _labelled(widgets.Dropdown(description="model", options=options))


def seed_box(seed: int) -> widgets.BoundedIntText:
    return _labelled(widgets.BoundedIntText(description="seed", min=0, max=10**6, value=seed))


def _labelled(widget: Any) -> Any:
    widget.layout.width = "100%"
    widget.style.description_width = "44px"
    return widget


def data_of(run: Any) -> tuple[str, int | None]:
    """The entry of the data menu that a run stands for."""
    info = run.data.info
    return info.get("name", run.data.name), info.get("draw")


def model_of(run: Any) -> str | None:
    """The entry of the model menu; None for a model of one's own."""
    config = run.spec["model"]
    return config["name"] if config else None


def follow(run: Any, data: widgets.Dropdown, model: widgets.Dropdown) -> None:
    """Show what the run has, added to the menus where it is of one's own."""
    for menu, key, label in (
        (data, data_of(run), run.data.name),
        (model, model_of(run), _model_label(model_of(run))),
    ):
        if key not in [value for _, value in menu.options]:
            menu.options = [*menu.options, (label, key)]
        if menu.value != key:
            menu.value = key


def rebuilt(run: Any, data: tuple[str, int | None], model: str | None, seed: int, fit: bool) -> Run:
    """A run like this one on other data or with another model, its objective kept if it fits.

    Args:
        run: the present one.
        data: an entry of the data menu.
        model: an entry of the model menu; None for the run's.
        seed: of the new run.
        fit: take a model of the kind that the data want where this one is of the other.
    """
    name, draw = data
    options: dict[str, Any] = {} if draw is None else {"draw": draw}
    if name == "cifar10":
        options["partial"] = True  # what is there is enough to look at; its note says so
    chosen = datasets.load(name, **options)
    same_size = (len(chosen) > 64) == (len(run.data) > 64)
    objective = run.objective.spec if same_size else None
    config = model or run.spec["model"]
    if fit:
        config = _fitting(config, chosen.context is not None)
    return Run(chosen, config, objective, seed=seed, device=run.device)


def _fitting(model: Any, conditional: bool) -> Any:
    """The model, or where data with a context want the other kind, the simplest of that kind."""
    name = model["name"] if isinstance(model, dict) else model
    if name in models.names() and models.is_conditional(name) != conditional:
        return "cvae" if conditional else "vae"
    return model


def data_label(name: str) -> str:
    return DATA.get(name, name)


def _model_label(name: str | None) -> str:
    return "own" if name is None else MODELS.get(name, name)
