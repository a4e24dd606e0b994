"""The reproduction page: every claim of the paper beside what the stored results say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from geco_viz._files import write_whole
from geco_viz.reproduce import store
from geco_viz.reproduce.experiment import PRESETS, Experiment
from geco_viz.reproduce.registry import EXPERIMENTS
from geco_viz.reproduce.showing import SAYS, cell, claims
from geco_viz.training import checkpoint

__all__ = ["page"]

HEAD = """# Reproduction

What *Taming VAEs* (Rezende and Viola, 2018) claims, and what this code measures. The page is
generated from stored results by

```
geco-viz reproduce page --out {out} --to {to}
```

A claim holds (**yes**), does not (**no**), cannot be judged at this size (**open**), or has not
been run (*not run yet*). Errors κ̂ are RMS pixel for images in [0, 1], KL is in nats, averaged over
the training set; ± is the standard deviation over seeds. Seconds are of the runs and of measuring
them, wherever they were made.

Presets: `laptop` takes minutes on a CPU, `overnight` the whole grid with three seeds, `paper` the
paper's settings where it states them (Adam, learning rate 1e-5 for ConvDRAW and 1e-6 for VAE+NVP,
its lists of κ, and Algorithm 1 to the letter: α = .99, C summed over pixels, nothing normalised or
clipped), `paper-ours` the same with this package's normalised GECO. Iteration counts are not in the
paper: 2·10⁵ steps is our assumption, and so are the models' sizes.
"""


def page(out: str | os.PathLike[str], to: str | os.PathLike[str]) -> Path:
    """Write the page of all results stored in `out` to the file `to`; returns its path.

    Raises:
        ValueError: a stored result is damaged.
        OSError: the file cannot be written.
    """
    folder, path = Path(out), Path(to)
    checkpoint.prepare(path.parent, "to")
    found = store.read_all(folder, list(EXPERIMENTS))
    beside = Path(os.path.relpath(folder, path.parent)).as_posix()
    parts = [HEAD.format(out=folder.as_posix(), to=path.as_posix()), _overview(found)]
    parts += [_section(EXPERIMENTS[name], found[name], beside) for name in EXPERIMENTS]
    write_whole(path, ("\n".join(parts).rstrip() + "\n").encode())
    return path


def _overview(found: dict[str, list[dict[str, Any]]]) -> str:
    lines = ["| | claims | " + " | ".join(PRESETS) + " |"]
    lines.append("| --- " * (2 + len(PRESETS)) + "|")
    for name, results in found.items():
        by = {result["preset"]: result for result in results}
        cells = []
        for preset in PRESETS:
            found_out = by[preset]["claims"] if preset in by else []
            cells.append(", ".join(SAYS[c["holds"]] for c in found_out) or "*not run yet*")
        title = EXPERIMENTS[name].title
        lines.append(f"| [{title}](#{_anchor(title)}) | {len(EXPERIMENTS[name].claims)} | "
                     + " | ".join(cells) + " |")  # fmt: skip
    return "\n".join(lines) + "\n"


def _anchor(title: str) -> str:
    """The anchor that a heading gets on the common hosts.

    Example:
        >>> _anchor("Figure 1: blur and holes")
        'figure-1-blur-and-holes'
    """
    kept = "".join(c for c in title.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _section(experiment: Experiment, results: list[dict[str, Any]], beside: str) -> str:
    lines = [f"## {experiment.title}", ""]
    if not results:
        lines += ["| the paper says | |", "| --- | --- |"]
        lines += [f"| {cell(text)} | *not run yet* |" for text in experiment.claims.values()]
        lines += ["", f"`geco-viz reproduce {experiment.name} --preset laptop`", ""]
    for result in results:
        lines += [*_result(result, beside), ""]
    if experiment.note:
        lines += [experiment.note, ""]
    return "\n".join(lines)


def _result(result: dict[str, Any], beside: str) -> list[str]:
    lines = [claims(result)]
    versions = result["versions"]
    count = len(result["runs"])
    facts = [
        f"`{result['command']}`",
        f"{count} run{'' if count == 1 else 's'}" if count else "no training",
        *([f"seeds {', '.join(map(str, result['seeds']))}"] if result["seeds"] else []),
        f"on {', '.join(result['devices'])}",
        f"{result['wall_s']:,.0f} s, {result['cpu_s']:,.0f} s of processor",
        f"{result['made']}, torch {versions['torch']}",
    ]
    lines += ["", "; ".join(facts) + "."]
    short = {"steps a run": result["steps"], "data of each set": result.get("count")}
    if words := [f"{number} {what}" for what, number in short.items() if number is not None]:
        lines += ["", f"**Cut short**: {', '.join(words)}, only to see that it works."]
    for failure in result["failed"]:
        what = failure["point"]
        name = f"{what['model']['name']} on {what['data']['name']}, {what['objective']['name']}"
        lines += ["", f"A run failed ({name}): {cell(failure['error'])}"]
    for note in result["notes"]:
        lines += ["", f"Note: {note}."]
    for stem in result["figures"]:
        lines += ["", f"![{stem}]({beside}/{stem}-light.svg)"]
    return lines
