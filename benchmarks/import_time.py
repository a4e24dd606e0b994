"""What a first use of geco_viz costs over `import torch`, in seconds of wall time.

`import geco_viz` loads next to nothing: each name brings its part when it is first used. So each
line is a new interpreter that makes something and ends: a loss and its gradient for tensors at hand
(bar: 1.1 times the same with torch's own mse_loss), a run's first step, its dashboard. The uses
alternate and medians are printed; the modules are read once before, so that the disk plays no part.

    python benchmarks/import_time.py [--rounds 9] [--quick]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

BAR = 1.1
TENSORS = """import torch
x, x_hat = torch.rand(7, 1, 28, 28), torch.rand(7, 1, 28, 28, requires_grad=True)
"""
RUN = TENSORS + "import geco_viz as gv\nrun = gv.Run(x, device='cpu').train(1, progress=False)\n"
USES = {
    "torch: loss, gradient": TENSORS + "torch.nn.functional.mse_loss(x_hat, x).backward()",
    "GECO: loss, gradient": TENSORS
    + "import geco_viz as gv\ngv.GECO(gv.RE(kappa=0.05))(torch.ones(7), x, x_hat).backward()",
    "a run's first step": RUN,
    "a run's dashboard": RUN + "run.dashboard().close()",
}


def seconds(code: str) -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - before


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--quick", action="store_true", help="some seconds, without a verdict")
    if "--quick" in sys.argv:
        arguments.set_defaults(rounds=1)
    options = arguments.parse_args()
    taken: dict[str, list[float]] = {use: [] for use in USES}
    for turn in range(options.rounds + 1):
        for use, code in USES.items():
            taken[use].append(seconds(code))
        if turn == 0 and options.rounds > 1:  # the first reads the disk
            taken = {use: [] for use in USES}
    median = {use: statistics.median(values) for use, values in taken.items()}
    plain, ours, *_ = median.values()
    for use, value in median.items():
        print(
            f"{use:22} {value:6.2f} s   {value / plain:5.2f} x torch   least {min(taken[use]):.2f}"
        )
    print(f"bar for GECO's loss    {BAR} x torch: {'met' if ours <= BAR * plain else 'missed'}")
    return int(ours > BAR * plain and not options.quick)


if __name__ == "__main__":
    raise SystemExit(main())
