"""The buttons of a run: play and pause, single steps; each acts in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from geco_viz.live.stage import Stage

__all__ = ["aside", "buttons"]


def buttons(stage: Stage, *more: tuple[str, str, Callable[[], None]]) -> widgets.HBox:
    """Play or pause, and single steps of the weights, the multipliers or both."""
    toggle = widgets.Button(description="play", button_style="warning", tooltip="Train, or rest")
    toggle.add_class("geco-viz-play")

    def flip(_: Any) -> None:
        if stage.run.playing:
            aside(stage, stage.run.pause)
        else:
            aside(stage, stage.run.play)

    def refresh() -> None:
        label = "pause" if stage.run.playing else "play"
        if toggle.description != label:
            toggle.description = label

    toggle.on_click(flip)
    stage.listeners.append(refresh)
    refresh()
    row = [toggle]
    for label, what, tip in (
        ("step θ,φ", "theta", "One step of model and posterior; λ stays"),
        ("step λ", "lambda", "One step of the multipliers; the model stays"),
        ("step both", "both", "One whole step of Algorithm 1"),
    ):
        button = widgets.Button(description=label, tooltip=tip)
        button.on_click(lambda _, what=what: aside(stage, lambda: stage.run.step(what)))
        row.append(button)
    for label, tip, act in more:
        button = widgets.Button(description=label, tooltip=tip)
        button.on_click(lambda _, act=act: aside(stage, act))
        row.append(button)
    for button in row:
        button.layout.width = "auto"
    return widgets.HBox(row, layout=widgets.Layout(flex_flow="row wrap"))


def aside(stage: Stage, act: Callable[[], Any]) -> None:
    """Do it in a thread, so that no message of the page waits; an error goes to the status line."""

    def work() -> None:
        try:
            act()
            stage.changed()
        except Exception as error:
            stage.say(f"{error}")

    threading.Thread(target=work, name="geco-viz button", daemon=True).start()
