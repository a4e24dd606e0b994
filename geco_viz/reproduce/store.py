"""Results on disk: numbers with what they were made of and what they cost, figures beside them."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geco_viz._files import write_whole
from geco_viz.reproduce.experiment import PRESETS, Experiment, Verdict
from geco_viz.training import Sweep

__all__ = ["kept", "read_all", "save"]


def save(
    out: Path,
    experiment: Experiment,
    preset: str,
    sweep: Sweep | None,
    numbers: dict[str, Any],
    spent: dict[str, float],
    steps: int | None,
    count: int | None,
) -> dict[str, Any]:
    """Write `<name>-<preset>.json` and the figures, light and dark; returns the record.

    Seconds are those of the runs, wherever they were made, and of measuring them.
    """
    import torch

    import geco_viz

    runs = [] if sweep is None else sweep.finished
    failed = [] if sweep is None else sweep.failed
    verdicts = experiment.judge(numbers)
    if sweep is not None and (steps is not None or count is not None):
        # Runs that were cut short show that the code runs, and nothing about the paper.
        words = "cut short, so this is no verdict: {}"
        verdicts = {k: Verdict(None, words.format(v.words)) for k, v in verdicts.items()}
    record = {
        "name": experiment.name,
        "preset": preset,
        "steps": steps,
        "count": count,
        "command": _command(experiment.name, preset, steps, count),
        "claims": [
            {"claim": text, "holds": verdicts[key].holds, "measured": verdicts[key].words}
            for key, text in experiment.claims.items()
        ],
        "numbers": numbers,
        "runs": [run["point"] for run in runs],
        "failed": [{"point": run["point"], "error": run["error"]} for run in failed],
        "notes": sorted({run["note"] for run in runs if run.get("note")}),
        "seeds": sorted({run["point"]["seed"] for run in runs}),
        "devices": sorted({run["device"] for run in runs}) or ["cpu"],
        "wall_s": round(spent["wall_s"] + sum(run["wall_s"] for run in runs), 1),
        "cpu_s": round(spent["cpu_s"] + sum(run["cpu_s"] for run in runs), 1),
        "made": time.strftime("%Y-%m-%d"),
        "versions": {
            "geco_viz": geco_viz.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "figures": _draw(out, experiment, preset, numbers),
    }
    text = json.dumps(record, indent=1, allow_nan=False)
    write_whole(out / f"{kept(experiment.name, preset)}.json", text.encode())
    return record


def kept(name: str, preset: str) -> str:
    """The stem of a result's files."""
    return f"{name}-{preset}"


def read_all(out: Path, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """The stored results of each experiment, the smallest preset first.

    Raises:
        ValueError: a file is damaged.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for name in names:
        for preset in PRESETS:
            path = out / f"{kept(name, preset)}.json"
            if not path.exists():
                continue
            try:
                found[name].append(json.loads(path.read_bytes()))
            except ValueError as error:
                raise ValueError(f"{path} is damaged: {error}; remove it") from error
    return found


def _command(name: str, preset: str, steps: int | None, count: int | None) -> str:
    short = {"steps": steps, "count": count}
    words = "".join(f" --{what} {n}" for what, n in short.items() if n is not None)
    return f"geco-viz reproduce {name} --preset {preset}{words}"


def _draw(out: Path, experiment: Experiment, preset: str, numbers: dict[str, Any]) -> list[str]:
    """SVG for the page and print, HTML with plotly.js beside it, once, for a closer look."""
    from geco_viz.plots import svg

    stems = []
    for theme in ("light", "dark"):
        for name, figure in experiment.draw(numbers, theme).items():
            stem = f"{kept(experiment.name, preset)}{f'-{name}' if name else ''}"
            write_whole(out / f"{stem}-{theme}.svg", svg(figure).encode())
            if theme == "light":
                stems.append(stem)
                figure.write_html(out / f"{stem}.html", include_plotlyjs="directory")
    return stems
