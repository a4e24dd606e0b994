"""What `import geco_viz` costs over `import torch` (bar: 1.1).

New interpreters import one or the other in turn; the median of their wall times is compared. The
modules are read once before, so that the disk plays no part.

    python benchmarks/import_time.py
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

BAR = 1.1
MODULES = ("torch", "geco_viz")


def seconds(module: str) -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - before


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pairs", type=int, default=15)
    options = arguments.parse_args()
    for module in MODULES:
        seconds(module)
    taken: dict[str, list[float]] = {module: [] for module in MODULES}
    for pair in range(options.pairs):
        for module in MODULES if pair % 2 else MODULES[::-1]:
            taken[module].append(seconds(module))
    median = {module: statistics.median(values) for module, values in taken.items()}
    for module, value in median.items():
        print(f"import {module:9} {value:6.3f} s (fastest {min(taken[module]):.3f})")
    ratio = median["geco_viz"] / median["torch"]
    print(f"ratio            {ratio:6.3f} (bar {BAR})")
    return int(ratio > BAR)


if __name__ == "__main__":
    raise SystemExit(main())
