"""What the explorer of fixed points costs while its slider is dragged, and when it is let go.

1. A picture for a new beta, warm-started: <= 125 ms of one core, so that eight a second are drawn.
   The first one after new data (cold) may wait for the value of u(beta) in hand: <= 500 ms.
2. From letting go to the converged state: <= 1.5 s, the wait for another move included.

Every example in turn, the curve over beta still unsolved and solved. CPU seconds of this process,
which the wait is added to; tests/browser/test_explorers.py sees what a page paints meanwhile.

    python benchmarks/explorer_speed.py
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from geco_viz.live import FixedPoints
from geco_viz.live.fixed import PATIENCE
from geco_viz.theory import EXAMPLES

FRAME, FIRST, RELEASE = 0.125, 0.5, 1.5
MOVES = 12


def states(explorer: FixedPoints, beta: float) -> tuple[float, float]:
    """CPU seconds from a move of the slider to its first picture and to the converged one."""
    seen: list[float] = []
    put = explorer.feed.put

    def spy(kind: str, head: dict[str, object], values: object = None) -> None:
        put(kind, head, values)
        if kind == "state":
            seen.append(time.process_time())

    explorer.feed.put = spy  # type: ignore[method-assign]
    start = time.process_time()
    explorer.beta.put(beta)
    while len(seen) < 2:  # the warm-started picture, then the one at rest
        time.sleep(0.002)
    explorer.feed.put = put  # type: ignore[method-assign]
    return seen[0] - start, seen[1] - start


def measure(name: str, solved: bool) -> tuple[float, float]:
    explorer = FixedPoints(name, beta=0.0005)
    explorer.wait(600) if solved else time.sleep(1)
    grid = [value for _, value in explorer.beta.options][70 :: len(explorer.beta.options) // MOVES]
    times = [states(explorer, beta) for beta in grid[:MOVES]]
    explorer.close()
    return max(first for first, _ in times), max(last for _, last in times) + PATIENCE


def main() -> int:
    torch.set_num_threads(1)
    good = True
    print("slowest of all moves     picture  converged")
    for name in EXAMPLES:
        for solved in (False, True):
            found = measure(name, solved)
            good &= found[0] <= (FRAME if solved else FIRST) and found[1] <= RELEASE
            label = f"{name}, {'warm' if solved else 'cold'}"
            print(f"{label:22} {1000 * found[0]:7.0f} ms {found[1]:7.2f} s", flush=True)
    print("all bars met" if good else "a bar was missed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
