"""The promise of the information plane: a run settles above the limit, near it, never below."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.train]

CELL = """\
import geco_viz as gv
run = gv.Run("micro-mnist", objective=gv.GECO(gv.RE(kappa=0.05)), seed=0)
dash = run.dashboard()
dash
"""


def test_micro_mnist_settles_close_above_the_limit(lab: Lab, mnist_root: object) -> None:
    lab.open(lab.server.notebook("limit.ipynb", CELL))
    lab.run_all()
    view = lab.view().wait()
    # The recipe to its end, learning rate decayed; then one evaluation with many samples.
    lab.page.evaluate(
        """() => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            const code = "run.train(2000, progress=False)\\nfound = run.evaluate(samples=10000)";
            kernel.requestExecute({ code, store_history: false });
        }"""
    )
    view.wait_for("board.store.lastStep >= 2000 && board.store.evaluations.length", 240_000)
    stated = "print(found['kappa_hat/re'][1], found['kl'][1])"
    kappa_se, kl_se = map(float, lab.ask_kernel(stated).split())
    view.wait_for("board.store.evaluations.at(-1)[0] >= 2000")
    kappa, kl = view.value("board.store.evaluations.at(-1).slice(1)")
    curve = view.value("[board.store.limit.kappa, board.store.limit.rate]")
    rate, further = np.interp([kappa, kappa + 1e-3], *curve)
    slope = (rate - further) / 1e-3
    error = math.hypot(kl_se, slope * kappa_se)
    seen = f"kappa {kappa:.4f}, KL {kl:.4f} ± {kl_se:.4f}, R {rate:.4f}: {kl / rate - 1:+.1%}"
    assert 0.045 < kappa < 0.056  # it has settled at kappa
    assert kl > rate - 3 * error and kl < 1.08 * rate, seen
    words = view.root.locator(".gv-words").inner_text().replace("\u2060", "")  # word joiners
    assert "above the limit" in words and "λ/λ*" in words
    assert lab.problems == [] and lab.errors() == []
