"""All pictures of one run, as small multiples in one figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from geco_viz.plots._figure import finish, plain
from geco_viz.plots.curves import error, multiplier
from geco_viz.plots.information import information_plane
from geco_viz.plots.pictures import images
from geco_viz.plots.themes import theme_of
from geco_viz.plots.tiles import tiling

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["figures_of", "run_figure"]

AXIS = re.compile(r"^([xy])(\d*)(.*)$")


def figures_of(source: Any, theme: str = "light") -> dict[str, Figure]:
    """Return the figures that a source has data for, by the names of the dashboard's panels.

    A source is a run, a watch, or any object with `history` and, where there are any, `limit`,
    `evaluations`, `ghosts` and `pictures()`. A panel without data is left out.

    Example:
        >>> from types import SimpleNamespace
        >>> run = SimpleNamespace(history={"step": [0], "kl": [1.0], "err/re": [0.1]})
        >>> list(figures_of(run))
        ['information-plane', 'error', 'multiplier']
    """
    history = source.history
    taken = getattr(source, "pictures", None)
    pictures = taken() if callable(taken) else taken
    figures = {
        "information-plane": information_plane(
            history,
            limit=getattr(source, "limit", None),
            evaluations=_filled(getattr(source, "evaluations", None)),
            ghosts=getattr(source, "ghosts", ()),
            theme=theme,
        )
    }
    if pictures is not None and _has_plane(pictures.z):
        figures["tiling"] = tiling(
            pictures.z,
            pictures.labels,
            pictures.tile_mass,
            pictures.holes,
            theme=theme,
            step=pictures.step,
        )
    units = {each.name: each.unit for each in getattr(source, "constraints", ())}
    figures["error"] = error(history, theme=theme, units=units)
    figures["multiplier"] = multiplier(history, theme, getattr(source, "limit", None))
    if pictures is not None:
        figures["images"] = images(
            pictures.data,
            pictures.reconstruction,
            pictures.sample,
            pictures.labels,
            theme=theme,
            step=pictures.step,
            context=_same_size(getattr(pictures, "context", ()), pictures.data),
        )
    return figures


def run_figure(source: Any, theme: str = "light") -> Figure:
    """Draw every picture of a run as small multiples: two above, the others below.

    Args:
        source: as for `figures_of`.
        theme: "light" or "dark".

    Raises:
        ValueError: the history lacks a column, or the theme is unknown.

    Source: figure 3 of the paper sets the same panels side by side.

    Example:
        >>> from types import SimpleNamespace
        >>> run = SimpleNamespace(history={"step": [0], "kl": [1.0], "err/re": [0.1]})
        >>> run_figure(run).layout.height
        900
    """
    colours = theme_of(theme)
    panels = list(figures_of(source, theme).values())
    top, bottom = (panels[:2], panels[2:]) if len(panels) > 3 else (panels[:1], panels[1:])
    cells = _cells(len(top), 0.56, 1.0) + _cells(len(bottom), 0.0, 0.36)
    traces, layout = _compose(panels, cells)
    title = str(getattr(source, "title", "") or "Run")
    figure = finish(
        colours,
        traces,
        title,
        "",
        height=900,
        width=1280,
        margin={"l": 70, "r": 96, "t": 110, "b": 92},  # right: a curve's name at its end
        legend={"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"},
        **layout,
    )
    return figure.update_layout(title_y=0.985, title_yanchor="top")


def _has_plane(z: Any) -> bool:
    """Whether there are posterior samples to draw: a model without `encode` gives none."""
    return z is not None and np.size(z) > 0 and np.shape(z)[-1] >= 2


def _same_size(context: Any, data: Any) -> tuple[Any, ...]:
    """Contexts of another size have no place among equal images."""
    return tuple(c for c in context if np.shape(c)[1:3] == np.shape(data)[1:3])


def _filled(evaluations: Any) -> Any:
    """Return the evaluations, None where there are none or RE is not among them."""
    if evaluations is None:
        return None
    names = getattr(evaluations, "columns", None) or tuple(evaluations)
    if "kappa_hat/re" not in names or not len(evaluations["step"]):
        return None
    return evaluations


def _cells(count: int, low: float, high: float) -> list[tuple[float, float, float, float]]:
    gap = 0.13
    width = (1 - gap * (count - 1)) / max(count, 1)
    return [(i * (width + gap), i * (width + gap) + width, low, high) for i in range(count)]


def _compose(
    panels: Sequence[Figure],
    cells: Sequence[tuple[float, float, float, float]],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return traces and layout of `panels`, moved into `cells`: left, right, bottom, top."""
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"shapes": [], "annotations": []}
    used = 0
    # Only the first panel's traces need a legend; the others are labelled where they are drawn.
    for panel, (left, right, bottom, top) in zip(panels, cells, strict=True):
        drawn, body = plain(panel)
        numbers = sorted({int(name[5:] or 1) for name in body if re.match(r"[xy]axis\d*$", name)})
        shift = {number: used + place + 1 for place, number in enumerate(numbers)}
        used += len(numbers)

        def moved(name: str, shift: dict[int, int] = shift) -> str:
            match = AXIS.match(name)
            if match is None or name == "paper":
                return name
            number = shift[int(match[2] or 1)]
            return match[1] + ("" if number == 1 else str(number)) + match[3]

        for trace in drawn:
            trace = {**trace, "xaxis": moved(trace.get("xaxis", "x"))}
            trace["yaxis"] = moved(trace.get("yaxis", "y"))
            if trace["type"] != "image" and panel is not panels[0]:
                trace["showlegend"] = False
            if "marker" in trace:
                trace["marker"] = {**trace["marker"], "showscale": False}
                trace["marker"].pop("colorbar", None)
            traces.append(trace)
        for number, target in shift.items():
            end = "" if number == 1 else str(number)
            for letter, low, high in (("x", left, right), ("y", bottom, top)):
                axis = dict(body.get(f"{letter}axis{end}", {}))
                span = axis.get("domain", (0, 1))
                axis["domain"] = [min(low + share * (high - low), 1.0) for share in span]
                axis["anchor"] = moved(axis.get("anchor", ("y" if letter == "x" else "x") + end))
                if "scaleanchor" in axis:
                    axis["scaleanchor"] = moved(axis["scaleanchor"])
                layout[f"{letter}axis{'' if target == 1 else target}"] = axis
        for kind in ("shapes", "annotations"):
            for item in body.get(kind, ()):
                refs = {"xref": moved(item.get("xref", "x")), "yref": moved(item.get("yref", "y"))}
                layout[kind].append({**item, **refs})
        layout["annotations"].append(_heading(body["title"]["text"], left, top))
    return traces, layout


def _heading(text: str, left: float, top: float) -> dict[str, Any]:
    return {
        "x": left,
        "y": top,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 24,
        "text": f"<b>{text}</b>",
        "showarrow": False,
        "font": {"size": 15},
    }
