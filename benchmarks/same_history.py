"""Another commit's code and this one's, side by side: 300 steps under each objective, row by row.

    python benchmarks/same_history.py COMMIT

Prints for each objective the largest difference of any column, and fails above the bar: nothing at
all, or with --reordered 1e-4 of a column's size for GECO, whose sums may be added in another order.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
OBJECTIVES = ("elbo", "beta", "annealed", "geco", "fre", "pncc", "both", "letter")
BAR = 1e-4
TRAIN = """
import sys
import numpy as np
import geco_viz as gv
name, steps, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
chosen = {
    "geco": lambda: gv.GECO(gv.RE(kappa=0.1)),
    "fre": lambda: gv.GECO(gv.FRE(kappa=0.1)),
    "pncc": lambda: gv.GECO(gv.PNCC(kappa=0.8)),
    "both": lambda: gv.GECO(gv.RE(kappa=0.1), gv.PNCC(kappa=0.8)),
    "letter": lambda: gv.GECO(gv.RE(kappa=0.1), normalise=False),
}.get(name, lambda: name)()
run = gv.Run("digits", "vae-nvp", chosen, seed=3).train(steps, progress=False)
np.savez(path, **{column: run.history[column] for column in run.history.columns})
"""


def histories(tree: Path, folder: Path, name: str, steps: int) -> dict[str, np.ndarray]:
    path = folder / f"{name}.npz"
    env = os.environ | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-c", TRAIN, name, str(steps), str(path)], cwd=tree, env=env, check=True
    )
    with np.load(path) as file:
        return dict(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit", nargs="?", default="HEAD")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--only", nargs="*", default=OBJECTIVES, choices=OBJECTIVES)
    parser.add_argument("--reordered", action="store_true", help="GECO within 1e-4 only")
    parser.add_argument("--quick", action="store_true", help="five steps of one objective")
    given = parser.parse_args()
    if given.quick:
        given.steps, given.only = 5, ["geco"]

    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "other"
        (Path(folder) / "a").mkdir()
        (Path(folder) / "b").mkdir()
        archive = subprocess.run(
            ["git", "archive", given.commit], cwd=ROOT, check=True, capture_output=True
        )
        other.mkdir()
        subprocess.run(["tar", "x", "-C", str(other)], input=archive.stdout, check=True)
        for name in given.only:
            before = histories(other, Path(folder) / "a", name, given.steps)
            after = histories(ROOT, Path(folder) / "b", name, given.steps)
            assert before.keys() <= after.keys(), before.keys() - after.keys()
            # Of each column's own size: nats, pixels and steps are not one unit.
            differences = {
                column: float(np.nanmax(np.abs(after[column] - values), initial=0.0))
                / max(float(np.nanmax(np.abs(values), initial=0.0)), 1e-12)
                for column, values in before.items()
                if not np.isnan(values).all()
            }
            largest = max(differences, key=lambda column: differences[column])
            print(f"{name:10} {given.steps} steps, largest {differences[largest]:.2e} ({largest})")
            elsewhere = name in ("elbo", "beta", "annealed")
            if differences[largest] > (BAR if given.reordered and not elsewhere else 0.0):
                worst = max(worst, differences[largest])
    sys.exit(f"histories differ by {worst:.2e}" if worst else 0)


if __name__ == "__main__":
    main()
