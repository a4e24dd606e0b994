"""`geco-viz train`: a run without a screen, from its options to its report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from geco_viz.cli.errors import one_line_errors

__all__ = ["train"]


def train(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint and run.html, the report.")],
    data: Annotated[
        str, typer.Option(help="A data set by name, as for gv.data.load.")
    ] = "micro-mnist",
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
        str | None,
        typer.Option(help="A model by name, as for gv.models.build. [default: vae-nvp; mnist vae]"),
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
    with one_line_errors():
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
        _ = run.limit  # begun now, the report waits for less of it
        run.train(steps)
        found = run.evaluate()
        run.save(out)
        run.report(out / "run.html")
    names = [*(name for name in found if name.startswith("kappa_hat/")), "kl"]
    values = ", ".join(f"{name} {found[name][0]:.4g}" for name in names)
    typer.echo(f"Step {run.history['step'][-1]:.0f}: {values} nats. Saved in {out}")
    if run.history["step"][-1] < steps:
        raise typer.Exit(130)  # interrupted; the run is saved as far as it came


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
