"""The report of a run: one HTML file with figures and tables that opens without a network."""

from __future__ import annotations

import json
import os
import tempfile
from html import escape
from pathlib import Path
from typing import Any

from geco_viz import _checks
from geco_viz.plots._tables import edits_table, evaluations_table, settings_table
from geco_viz.plots.overview import figures_of
from geco_viz.plots.svg import svg
from geco_viz.plots.themes import FONT, THEMES

__all__ = ["report", "report_html"]

HERE = Path(__file__).parent


def report(source: Any, path: str | os.PathLike[str]) -> Path:
    """Write the report of `source` to `path`, whole or not at all, and return the path.

    Args:
        source: a run, a watch, or any object with `history`; of `title`, `status()`, `limit`,
            `evaluations`, `pictures()`, `ghosts`, `constraints`, `spec` and `edits` it shows those
            that there are.
        path: the file, ending as you like; one that is there is replaced.

    Raises:
        TypeError: `path` is no path.
        OSError: the file cannot be written; what was there remains.
        ValueError: the history lacks a column of the information plane.

    Example:
        >>> from types import SimpleNamespace
        >>> run = SimpleNamespace(history={"step": [0], "kl": [1.0], "err/re": [0.1]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     report(run, Path(folder) / "run.html").stat().st_size > 1_000_000
        True
    """
    target = _checks.path("path", path)
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        # Before the work of drawing: a folder that cannot be written is known now.
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(report_html(source))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's own mode is for secrets
        os.replace(temporary, target)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def report_html(source: Any) -> str:
    """Return the report as HTML text; plotly.js is inside it once.

    Figures follow the reader's light or dark setting, and a button. On paper, and where scripts are
    off, drawings that need none take their place.

    Args:
        source: as for `report`.
    """
    from plotly.offline import get_plotlyjs

    # One look at the source: it may be training, and both themes must show the same moment.
    still = _Moment(source)
    drawn = {theme: figures_of(still, theme) for theme in THEMES}
    figures = {
        theme: {name: json.loads(figure.to_json()) for name, figure in panels.items()}
        for theme, panels in drawn.items()
    }
    units = {each.name: each.unit for each in still.constraints}
    sections = [
        _section("Evaluations", evaluations_table(still.evaluations, units), EVALUATED),
        _section("Edits during the run", edits_table(still.edits), ""),
        _section("Settings", settings_table(still.spec), ""),
    ]
    parts = {
        "title": escape(still.title),
        "status": _status(still.state),
        "note": _note(still.limit),
        "panels": "".join(_panel(name, figure) for name, figure in drawn["light"].items()),
        "tables": "".join(sections),
        "style": (HERE / "report.css").read_text(encoding="utf-8"),
        "colours": _colours(),
        # "</" would end the script element that holds the data, "<!--" would hide its end.
        "figures": json.dumps(figures, separators=(",", ":")).replace("<", "\\u003c"),
        "plotly": get_plotlyjs(),
        "script": (HERE / "report.js").read_text(encoding="utf-8"),
    }
    page = (HERE / "report.html").read_text(encoding="utf-8")
    pieces = page.split("@@")  # text, name, text, name, ..., text
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(pieces))


EVALUATED = (
    "Averaged weights; value ± Monte Carlo standard error. "
    "average KL = ln n − overlap + marginal KL."
)


class _Moment:
    """What a report shows of a source, taken once."""

    def __init__(self, source: Any):
        rows = len(source.history["step"])
        self.history = {name: source.history[name][:rows] for name in source.history}
        taken = getattr(source, "pictures", None)
        self.pictures = taken() if callable(taken) else taken
        self.evaluations = getattr(source, "evaluations", None)
        # Nobody may have asked for it before: a report has no second look.
        waited = getattr(source, "wait_for_limit", None)
        self.limit = waited() if callable(waited) else getattr(source, "limit", None)
        self.ghosts = getattr(source, "ghosts", ())
        self.constraints = getattr(source, "constraints", ())
        self.spec = getattr(source, "spec", None)
        self.edits = list(getattr(source, "edits", None) or ())
        self.title = str(getattr(source, "title", "") or "Run")
        state = getattr(source, "status", None)
        self.state = state() if callable(state) else state


def _section(title: str, table: str, text: str) -> str:
    words = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{title}</h2>{words}{table}</section>" if table else ""


def _panel(name: str, figure: Any) -> str:
    still = svg(figure, 520, 260 if name == "images" else 390)  # two beside each other on A4
    return (
        f'<section class="panel" id="{name}"><div class="live"></div>'
        f'<div class="still">{still}</div></section>'
    )


def _status(state: Any) -> str:
    if state is None:
        return ""
    hint = f" <em>{escape(state.hint)}</em>" if state.hint else ""
    return (
        f'<p class="status"><span class="phase {escape(state.phase)}">{escape(state.phase)}</span> '
        f"<span>{escape(state.words)}{hint}</span></p>"
        f'<p class="where">step {state.step:,} · {escape(str(state.device))}</p>'
    )


def _note(limit: Any) -> str:
    note = str(getattr(limit, "note", "") or "")
    return f'<p class="where">Limit R(D): {escape(note)}</p>' if note else ""


def _colours() -> str:
    """Return the themes' colours as CSS variables."""
    names = ("page", "paper", "text", "muted", "grid", "accent", "good")
    rules = []
    for theme, colours in THEMES.items():
        values = "".join(f"--{name}:{colours[name]};" for name in names)
        rules.append(f':root[data-theme="{theme}"]{{{values}color-scheme:{theme}}}')
    light = "".join(f"--{name}:{THEMES['light'][name]};" for name in names)
    return f":root{{--font:{FONT};{light}}}" + "".join(rules)


def _unwritable(path: Any, error: OSError) -> OSError:
    words = f"path must be a file that can be written, got {str(path)!r}: {error.strerror}"
    return type(error)(error.errno, words)
