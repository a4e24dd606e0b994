"""The command line: `geco-viz lab` opens the notebooks, `geco-viz train` needs no screen."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["app"]

START = "00_start_here.ipynb"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Watch and steer a constrained VAE while it trains.",
)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """What a person can mend is one line and exit code 2; GECO_VIZ_TRACEBACK=1 shows where."""
    try:
        yield
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        if os.environ.get("GECO_VIZ_TRACEBACK") == "1":
            raise
        typer.echo(f"Error: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(2) from error


def _version(asked: bool) -> None:
    if asked:
        from geco_viz import __version__

        typer.echo(f"geco-viz {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Watch and steer a constrained VAE while it trains."""


@app.command(context_settings={"allow_extra_args": True})
def lab(
    context: typer.Context,
    directory: Annotated[
        str | None,
        typer.Argument(metavar="DIR", help="Folder for the notebooks. [./geco-viz-notebooks]"),
    ] = None,
) -> None:
    """Open JupyterLab on the notebooks, in DIR.

    They are copied there; a file that is there already is never overwritten.

    What follows -- goes to JupyterLab, for example: geco-viz lab -- --port 9999
    """
    options = ([] if directory is None else [directory]) + context.args
    named = bool(options) and not options[0].startswith("-")  # else it came after the --
    folder = Path(options.pop(0) if named else "geco-viz-notebooks")
    with _one_line_errors():
        if importlib.util.find_spec("jupyterlab") is None:
            raise ImportError(
                f"JupyterLab is missing: run {sys.executable} -m pip install jupyterlab"
            )
        folder = folder.expanduser().resolve()
        differing = copy_notebooks(folder)
    typer.echo(f"The notebooks are in {folder}")
    for name in differing:
        typer.echo(f"Kept your {name}; it differs from the one that comes with this version.")
    sys.stdout.flush()
    command = lab_command(folder, options)
    if os.name == "nt":
        raise typer.Exit(subprocess.call(command))
    # JupyterLab takes this process over, so that Ctrl-C and signals reach it and nothing else.
    os.execv(command[0], command)


def lab_command(folder: Path, options: list[str]) -> list[str]:
    """The command that opens JupyterLab, of this very Python, on the start notebook."""
    command = [
        *(sys.executable, "-m", "jupyterlab"),
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{START}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # a container: JupyterLab refuses to start otherwise
    return command + options


def copy_notebooks(folder: Path) -> list[str]:
    """Copy the notebooks that are not in `folder` yet; return the names of those that differ.

    Raises:
        OSError: `folder` cannot be written.
    """
    differing = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in sorted(_shipped().glob("*.ipynb")):
            content, target = source.read_bytes(), folder / source.name
            if target.exists():
                if target.read_bytes() != content:
                    differing.append(target.name)
                continue
            part = target.with_suffix(".part")
            part.write_bytes(content)
            part.replace(target)
    except OSError as error:
        raise OSError(
            f"DIR must be a folder that can be written, got {str(folder)!r}: {error.strerror}"
        ) from error
    return differing


def _shipped() -> Path:
    package = Path(__file__).parent
    installed = package / "_notebooks"
    return installed if installed.is_dir() else package.parent / "notebooks"


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint and run.html, the report.")],
    data: Annotated[str, typer.Option(help="micro-mnist, mnist or digits.")] = "micro-mnist",
    constraint: Annotated[
        list[str] | None, typer.Option(help="re, fre, cla or pncc; again for more. [default: re]")
    ] = None,
    kappa: Annotated[
        list[float] | None,
        typer.Option(
            help="What is asked: RMS pixel (re) or feature (fre), probability (cla), correlation "
            "(pncc), nats (rate-limit); one for each constraint. [default: re .05, mnist .1; "
            "fre .05, cla .9, pncc .8]"
        ),
    ] = None,
    steps: Annotated[int, typer.Option(help="Training steps.")] = 2000,
    model: Annotated[
        str | None, typer.Option(help="vae or vae-nvp. [default: vae-nvp; mnist vae]")
    ] = None,
    objective: Annotated[
        str, typer.Option(help="geco, elbo, beta, annealed or rate-limit.")
    ] = "geco",
    beta: Annotated[
        float | None, typer.Option(help="Variance of --objective beta. [default: 1]")
    ] = None,
    nu: Annotated[
        float | None, typer.Option(help="Rate of log lambda. [default: .05; mnist .1]")
    ] = None,
    alpha: Annotated[
        float | None, typer.Option(help="Memory of the error's average. [default: .9]")
    ] = None,
    draw: Annotated[int | None, typer.Option(help="Which seven digits. [default: 0]")] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder with the data's files, instead of GECO_VIZ_DATA.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights, batches and samples.")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Train without a screen; save the run and its report."""
    with _one_line_errors():
        import geco_viz as gv
        from geco_viz._checks import integer

        integer("steps", steps, low=1)
        images = gv.data.load(data, root=root, draw=draw)
        if images.note:
            typer.echo(f"Note: {images.note}", err=True)
        run = gv.Run(
            data=images,
            model=model or ("vae" if data == "mnist" else "vae-nvp"),
            objective=_objective(objective, model, len(images), constraint, kappa, nu, alpha, beta),
            seed=seed,
            device=device,
            out=out,
        )
        run.train(steps)
        found = run.evaluate()
        run.save(out)
        run.report(out / "run.html")
    names = [*(name for name in found if name.startswith("kappa_hat/")), "kl"]
    values = ", ".join(f"{name} {found[name][0]:.4g}" for name in names)
    typer.echo(f"Step {run.history['step'][-1]:.0f}: {values} nats. Saved in {out}")
    if run.history["step"][-1] < steps:
        raise typer.Exit(130)  # interrupted; the run is saved as far as it came


@app.command()
def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="fig1 ... fig8, table1, table2, samples, propositions, baselines, all; or page, "
            "which writes the page of what is stored.",
        ),
    ],
    preset: Annotated[str, typer.Option(help="laptop, overnight or paper.")] = "laptop",
    out: Annotated[Path, typer.Option(help="Folder of results, figures and runs.")] = Path(
        "reproduction"
    ),
    to: Annotated[Path, typer.Option(help="File of the page.")] = Path("reproduction.md"),
    jobs: Annotated[int, typer.Option(help="Processes that train at a time.")] = 1,
    steps: Annotated[
        int | None, typer.Option(help="Of every run, instead of the preset's: to try it.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Only the first so many of every data set: to try it.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make the paper's figures and tables; a second call goes on where the first stopped."""
    with _one_line_errors():
        from geco_viz._checks import choice, integer
        from geco_viz.reproduce import EXPERIMENTS, NAMES, PRESETS, page
        from geco_viz.reproduce.registry import SAME

        integer("jobs", jobs, low=1)
        choice("preset", preset, PRESETS)
        for name in names:
            choice("NAME", name, (*NAMES, "all", "page"))
        chosen = dict.fromkeys(
            each
            for name in names
            if name != "page"
            for each in (EXPERIMENTS if name == "all" else [SAME.get(name, name)])
        )
        short: dict[str, Any] = {"steps": steps, "count": count}
        lost = _reproduce(list(chosen), preset, out, jobs, short, device)
        if "page" in names:
            typer.echo(f"The page is {page(out, to)}")
    if lost:
        raise typer.Exit(1)


def _reproduce(
    names: list[str],
    preset: str,
    out: Path,
    jobs: int,
    short: dict[str, Any],
    device: str,
) -> list[str]:
    """Make each in turn and say what came of it; returns those that could not be made."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from contextlib import nullcontext

    from geco_viz.reproduce import reproduce as make
    from geco_viz.training.worker import end_with_parent

    spawn = multiprocessing.get_context("spawn")
    pool: Any = nullcontext()
    if jobs > 1:
        pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=end_with_parent)
    said = {True: "holds", False: "does not hold", None: "open"}
    lost = []
    with pool as executor:
        for name in names:
            try:
                record = make(name, preset, out, executor=executor, device=device, **short)
            except RuntimeError as error:  # none of its runs has finished; the rest goes on
                typer.echo(f"{name}: {error}", err=True)
                lost.append(name)
                continue
            for claim in record["claims"]:
                typer.echo(f"{name}: {said[claim['holds']]}: {claim['measured']}")
    return lost


def _objective(
    name: str,
    model: str | None,
    count: int,
    constraints: list[str] | None,
    kappas: list[float] | None,
    nu: float | None,
    alpha: float | None,
    beta: float | None,
) -> dict[str, Any]:
    """The recipe's objective as plain data, with what was given put over it."""
    from geco_viz.training.recipe import as_objective, constraint_of

    given = {"constraint": constraints, "kappa": kappas, "nu": nu, "alpha": alpha, "beta": beta}
    taken = {
        "geco": ("constraint", "kappa", "nu", "alpha"),
        "rate-limit": ("kappa", "nu", "alpha"),
        "beta": ("beta",),
    }.get(name, ())
    given = {key: value for key, value in given.items() if value not in (None, [])}
    for key, value in given.items():
        if key not in taken:
            raise ValueError(f"--{key} does not go with --objective {name}, got {value}")
    if name == "geco" and ("constraint" in given or "kappa" in given):
        asked = constraints or ["re"]
        if kappas and len(kappas) != len(asked):
            raise ValueError(
                f"--kappa must be given once for each of {', '.join(asked)}, or not at all; "
                f"got {len(kappas)}"
            )
        bounds: list[Any] = [*(kappas or len(asked) * (None,))]
        parts = [constraint_of(*pair, count) for pair in zip(asked, bounds, strict=True)]
        chosen = as_objective(parts, count, model)
    else:
        chosen = as_objective(name, count, model)
    rest = {key: value for key, value in given.items() if key in ("nu", "alpha", "beta")}
    if name == "rate-limit" and kappas:
        rest["kappa"] = kappas[-1]
    return dict(chosen.spec or {}) | rest
