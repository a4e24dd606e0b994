"""Runs: threads, edits and commands. What is watched and steered is also what is replayed."""

from __future__ import annotations

import contextlib
import copy
import gc
import math
import pickle
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from tiny import MODEL, images, make, same, threads, until, weights

from geco_viz import ELBO, GECO, RE, Constraint, Run, data, models, theory
from geco_viz.training import Diverged


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    for thread in threads("geco-viz run"):
        thread.halt()  # type: ignore[attr-defined]
    assert until(lambda: not threads("geco-viz run"))


@contextlib.contextmanager
def ended(run: Run) -> Iterator[Run]:
    try:
        yield run
    finally:
        run.stop()


def breaking(at: int, what: type[Exception] | float = math.nan) -> GECO:
    """GECO with a second constraint that breaks at one call."""
    calls = [0]

    def error(x: torch.Tensor, x_hat: torch.Tensor) -> torch.Tensor:
        calls[0] += 1
        value = (x_hat - x).abs().mean()
        if calls[0] != at:
            return value
        if isinstance(what, float):
            return value * what
        raise what("out of order")

    return GECO(RE(0.1), Constraint("mine", error, 1.0))


# In the foreground


def test_train_makes_steps_and_returns_the_run() -> None:
    run = make()
    assert run.train(5, progress=False) is run
    assert run.history["step"].tolist() == [1, 2, 3, 4, 5]
    assert run.train(2, progress=False).loop.step == 7
    assert run.edits == [
        {"step": 0, "what": "train", "value": 5},
        {"step": 5, "what": "train", "value": 2},
    ]


def test_train_lowers_the_learning_rate_over_the_last_half() -> None:
    run = make(lr=1e-2).train(100, progress=False)
    lr = run.history["lr"]
    assert np.allclose(lr[:51], 1e-2) and (np.diff(lr[50:]) < 0).all()
    # 0.3 % at the very end, one step later
    assert lr[-1] == pytest.approx(3e-5 * 0.003 ** (-1 / 50), rel=1e-3)


def test_the_bar_shows_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    make().train(30)
    shown = capsys.readouterr().err
    assert "30/30" in shown and "kl=" in shown and "err/re=" in shown


def test_going_on_needs_something_that_was_interrupted() -> None:
    with pytest.raises(ValueError, match="steps must be given: no train"):
        next(make().steps())


@pytest.mark.parametrize("steps", [0, -1, 1.5, "10", True])
def test_a_wrong_number_of_steps_is_refused_before_anything(
    steps: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make()
    for act in (run.train, lambda n: next(run.steps(n)), run.wait):
        with pytest.raises((TypeError, ValueError), match="steps must be a whole number >= 1"):
            act(steps)
    assert run.loop.step == 0 and run.edits == [] and capsys.readouterr().err == ""


def test_a_loop_of_ones_own_may_end_early_and_steer() -> None:
    run = make()
    for made in run.steps(100):
        if made.loop.step == 3:
            run.kappa = 0.2
        if made.loop.step == 6:
            break
    assert run.loop.step == 6
    assert np.allclose(run.history["kappa/re"], [0.1] * 3 + [0.2] * 3) or np.allclose(
        run.history["kappa/re"], [0.05] * 3 + [0.2] * 3
    )
    run.train(1, progress=False)


def test_stop_ends_a_loop_from_inside_and_from_another_thread() -> None:
    run = make()
    for made in run.steps(100):
        if made.loop.step == 4:
            run.stop()
    assert run.loop.step == 4
    timer = threading.Timer(0.1, run.stop)
    timer.start()
    run.train(10**6, progress=False)
    assert run.loop.step < 10**6
    timer.join()
    run.train(2, progress=False)


def test_a_loop_that_is_never_finished_does_not_hold_up_others() -> None:
    run = make()
    steps = run.steps(10)
    next(steps)
    found = []
    asking = threading.Thread(target=lambda: found.append(run.pictures().step))
    asking.start()
    asking.join(10)
    assert found == [1]
    with pytest.raises(RuntimeError, match="foreground"):
        run.play()
    run.stop()
    with ended(run.play(evaluate_every=None)):
        run.wait(2)
    assert list(steps) == []


def test_only_one_thread_trains() -> None:
    run, problems = make(), []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        for _ in run.steps(3):
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    for act in (lambda: run.train(1, progress=False), run.play):
        try:
            act()
        except RuntimeError as error:
            problems.append(str(error))
    leave.set()
    thread.join()
    assert len(problems) == 2 and all("foreground" in text for text in problems)
    # Neither did anything to the run that trains.
    assert run.loop.step == 3
    assert [edit["what"] for edit in run.edits] == ["train"]
    assert run.loop.schedule.state["mode"] == "stretch"


def test_train_takes_over_from_play() -> None:
    run = make().play(evaluate_every=None)
    run.wait(3)
    run.train(5, progress=False)
    assert not run.playing and not threads("geco-viz run")
    assert [edit["what"] for edit in run.edits] == ["play", "train"]
    assert len(run.history) == run.loop.step


# Interrupts


def test_an_interrupt_ends_training_after_the_step_in_hand() -> None:
    run = make()
    run.loop.model.register_forward_hook(
        lambda *_: signal.raise_signal(signal.SIGINT) if run.loop.step == 4 else None
    )
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="the run is usable"):
        run.train(100, progress=False)
    assert signal.getsignal(signal.SIGINT) is before
    assert run.loop.step == len(run.history) == 5  # the step was finished
    again = make().train(100, progress=False)
    assert np.array_equal(run.history["kl"], again.history["kl"][:5])
    run.train(2, progress=False)
    assert run.loop.step == 7 and run.replay(progress=False).loop.step == 7


def test_sigterm_ends_training_saved_and_with_143(tmp_path: Path) -> None:
    run = make("digits", out=tmp_path)
    run.model.register_forward_hook(
        lambda *_: signal.raise_signal(signal.SIGTERM) if run.loop.step == 4 else None
    )

    def mine(*_: Any) -> None:
        raise AssertionError("not while it trains")

    before = signal.signal(signal.SIGTERM, mine)
    try:
        with pytest.raises(SystemExit) as raised:
            run.train(100, progress=False)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    assert raised.value.code == 143 and run.loop.step == 5
    assert Run.load(tmp_path).loop.step == 5 and run.train(2, progress=False).loop.step == 7


@pytest.mark.parametrize("where", ["kernel", "thread", "ignored"])
def test_sigterm_is_left_alone_elsewhere(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, handlers = make(), []
    run.model.register_forward_hook(lambda *_: handlers.append(signal.getsignal(signal.SIGTERM)))
    if where == "kernel":
        shell = SimpleNamespace(kernel=None, get_parent=dict)
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    before = signal.getsignal(signal.SIGTERM)
    if where == "ignored":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        here = signal.getsignal(signal.SIGTERM)
        if where == "thread":
            thread = threading.Thread(target=lambda: run.train(2, progress=False))
            thread.start()
            thread.join(60)
        else:
            run.train(2, progress=False)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert handlers == [here, here]


def test_a_second_interrupt_does_not_wait() -> None:
    run = make()
    hook = run.loop.model.register_forward_hook(
        lambda *_: [signal.raise_signal(signal.SIGINT) for _ in range(2)]
    )
    with pytest.raises(KeyboardInterrupt):
        run.train(100, progress=False)
    assert run.loop.step == 0
    hook.remove()
    run.train(2, progress=False)
    assert run.loop.step == 2


def test_training_outside_the_main_thread_leaves_signals_alone() -> None:
    run, before = make(), signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=lambda: run.train(3, progress=False))
    thread.start()
    thread.join()
    assert run.loop.step == 3 and signal.getsignal(signal.SIGINT) is before


# In the background


def test_play_pause_step_play_stop() -> None:
    run = make()
    with ended(run):
        assert run.status().phase == "stopped" and not run.playing
        run.play(evaluate_every=None)
        assert run.playing and threads("geco-viz run")
        run.wait(5)
        run.pause()
        at = run.loop.step
        assert not run.playing and at >= 5 and run.status().phase == "paused"
        time.sleep(0.05)
        assert run.loop.step == at == len(run.history)
        run.step("theta").step("lambda").step()
        assert run.loop.step == at + 3 and not run.playing
        run.play(evaluate_every=None)
        run.wait(5)
        run.step("both")  # pauses by itself
        assert not run.playing
    assert not threads("geco-viz run") and run.status().phase == "stopped"
    assert run.loop.step == len(run.history)
    whats = [(edit["what"], edit["value"]) for edit in run.edits]
    assert whats == [
        ("play", None),
        ("step", "theta"),
        ("step", "lambda"),
        ("step", "both"),
        ("play", None),
        ("step", "both"),
    ]


def test_commands_may_come_in_any_order_and_twice() -> None:
    run = make()
    with ended(run):
        run.pause().stop().stop().pause()
        run.play(evaluate_every=None).play(evaluate_every=None)
        assert len(threads("geco-viz run")) == 1
        run.pause().pause().stop().pause().play(evaluate_every=None)
        assert run.playing
        run.wait(1)
    with pytest.raises(ValueError, match="what must be one of"):
        run.step("tehta")


def test_wait_waits_for_a_number_of_steps_or_for_rest() -> None:
    run = make()
    with pytest.raises(RuntimeError, match="not playing"):
        run.wait(1)
    with ended(run.play(evaluate_every=None)):
        at = run.loop.step
        run.wait(20)
        assert run.loop.step >= at + 20
        with pytest.raises(TimeoutError, match=r"steps after 0\.05 s"):
            run.wait(10**9, timeout=0.05)
        threading.Timer(0.1, run.pause).start()
        run.wait(10**9)
        assert not run.playing


def test_speed_is_a_cap_that_may_be_changed_and_lifted_meanwhile() -> None:
    run = make()
    run.speed = 0.01
    with ended(run.play(evaluate_every=None)):
        assert until(lambda: run.loop.step == 1)
        time.sleep(0.1)
        assert run.loop.step == 1
        started = time.monotonic()
        assert run.pictures().step == 1  # does not wait for the next step,
        run.pause()  # nor does this
        assert time.monotonic() - started < 5
        run.speed = 100.0
        run.play(evaluate_every=None)
        started, at = time.monotonic(), run.loop.step
        run.wait(20)
        assert (run.loop.step - at) / (time.monotonic() - started) < 110
        run.speed = 0.01
        time.sleep(0.05)
        run.speed = None  # within a tenth of a second
        run.wait(50, timeout=10)
    for value in (0, -1, "fast", math.nan):
        with pytest.raises((TypeError, ValueError), match="speed must be"):
            run.speed = value


def test_stop_is_not_held_up_by_a_play_that_comes_meanwhile() -> None:
    """The thread goes on then, so a stop that joined it would never return."""
    run = make()
    with ended(run.play(evaluate_every=None)):
        run.wait(1)
        with run.lock:  # the thread cannot end yet
            stopping = threading.Thread(target=run.stop)
            stopping.start()
            assert until(lambda: not run.playing)
            run.play(evaluate_every=None)
        stopping.join(10)
        assert not stopping.is_alive() and run.playing
        run.wait(2)


def test_commands_from_many_threads_end_in_a_whole_run() -> None:
    run, problems = make(), []
    random = np.random.default_rng(0)
    orders = [random.integers(0, 6, 25).tolist() for _ in range(4)]

    def command(order: list[int]) -> None:
        for which in order:
            try:
                (
                    lambda: run.play(evaluate_every=None),
                    run.pause,
                    run.stop,
                    lambda: run.step("lambda"),
                    lambda: run.between_steps(lambda: None),
                    run.pictures,
                )[which]()
            except Exception as error:
                problems.append(error)

    commanders = [threading.Thread(target=command, args=(order,)) for order in orders]
    for commander in commanders:
        commander.start()
    for commander in commanders:
        commander.join(60)
    assert not any(commander.is_alive() for commander in commanders)
    run.stop()
    assert problems == [] and run.error is None
    assert not threads("geco-viz run")
    assert run.history["step"].tolist() == list(range(1, run.loop.step + 1))


def test_a_run_that_nobody_holds_is_freed_after_stop() -> None:
    run: Run | None = make().play(evaluate_every=0.05)
    run.wait(5)
    assert until(lambda: len(run.evaluations) or run.evaluation_error)
    run.stop()
    seen = weakref.ref(run)
    run = None
    assert until(lambda: gc.collect() is not None and seen() is None)
    assert until(lambda: not threads("geco-viz evaluation"))


def test_leaving_python_with_a_playing_run_is_clean() -> None:
    code = (
        "import sys; sys.path[:0] = ['tests']\n"
        "from tiny import make\n"
        "run = make().play(evaluate_every=.05); run.limit; run.wait(20); print(run.loop.step)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        cwd=root,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "") and int(done.stdout) >= 20


# Errors of the background thread


def test_an_error_ends_the_thread_and_reaches_wait_status_and_train() -> None:
    run = make(objective=breaking(4)).play(evaluate_every=None)
    with pytest.raises(Diverged, match="step 4"):
        run.wait(100)
    assert run.loop.step == len(run.history) == 3 and not run.playing
    assert until(lambda: not threads("geco-viz run"))
    status = run.status()
    assert status.phase == "failed" and "diverged at step 4" in status.words
    assert isinstance(run.error, Diverged)
    with pytest.raises(Diverged):
        run.wait(1)
    run.train(2, progress=False)  # wait() has told it: this tries again
    assert run.loop.step == 5 and run.error is None and run.status().phase == "stopped"


def test_train_does_not_pass_over_an_error_that_nobody_saw() -> None:
    run = make(objective=breaking(2, ZeroDivisionError)).play(evaluate_every=None)
    assert until(lambda: run.error is not None)
    with pytest.raises(ZeroDivisionError, match="out of order"):
        run.train(1, progress=False)
    assert run.train(1, progress=False).loop.step == 2


def test_play_after_an_error_tries_again() -> None:
    run = make(objective=breaking(3)).play(evaluate_every=None)
    assert until(lambda: run.error is not None)
    with ended(run.play(evaluate_every=None)):
        run.wait(5)
        assert run.error is None


def test_requests_are_answered_when_the_thread_has_failed() -> None:
    run = make(objective=breaking(3)).play(evaluate_every=None)
    assert until(lambda: run.error is not None)
    assert run.between_steps(lambda: 42) == 42
    assert run.pictures().step == 2
    run.kappa["re"] = 0.3
    run.step()
    assert run.history["kappa/re"][-1] == pytest.approx(0.3)


def test_an_error_in_the_foreground_is_raised_there() -> None:
    run = make(objective=breaking(3))
    with pytest.raises(Diverged):
        run.train(10, progress=False)
    assert run.error is None and len(run.history) == 2
    run.train(2, progress=False)


# Between two steps


def test_requests_run_between_steps_from_any_thread() -> None:
    run, wrong, names = make(), [], set()
    inside = threading.Event()
    run.model.register_forward_pre_hook(lambda *_: inside.set())
    run.model.register_forward_hook(lambda *_: inside.clear())

    def look() -> int:
        wrong.append(inside.is_set())
        names.add(threading.current_thread().name)
        return run.loop.step

    def ask() -> None:
        for _ in range(20):
            assert 0 <= run.between_steps(look) <= run.loop.step

    with ended(run.play(evaluate_every=None)):
        askers = [threading.Thread(target=ask, name=f"asker {i}") for i in range(3)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(30)
    assert len(wrong) == 60 and not any(wrong)
    assert "geco-viz run" in names


def test_a_request_is_answered_in_every_state() -> None:
    run = make()
    assert run.between_steps(lambda: run.loop.step) == 0
    with ended(run.play(evaluate_every=None)):
        assert run.between_steps(lambda: threading.current_thread().name) == "geco-viz run"
        run.pause()
        at = run.loop.step
        assert run.between_steps(lambda: run.loop.step) == at
    assert run.between_steps(lambda: run.loop.step) == at
    for _ in run.steps(2):
        assert run.between_steps(lambda: run.loop.step) > at


def test_a_request_may_ask_again_pause_and_stop() -> None:
    run = make()

    def nested() -> int:
        return run.between_steps(lambda: run.between_steps(lambda: 7))

    assert nested() == 7
    with ended(run.play(evaluate_every=None)):
        assert run.between_steps(nested) == 7
        run.between_steps(run.pause)
        assert not run.playing
        run.between_steps(lambda: run.play(evaluate_every=None))
        assert run.playing
        run.between_steps(run.stop)
        assert until(lambda: not threads("geco-viz run"))


def test_the_holder_of_the_lock_may_ask_and_command() -> None:
    run = make()
    with ended(run.play(evaluate_every=None)):
        run.wait(1)
        with run.lock:
            at = run.between_steps(lambda: run.loop.step)
            run.pictures()
            run.kappa = 0.2
            run.pause()
            run.stop()
            assert run.loop.step == at
        assert until(lambda: not threads("geco-viz run"))


def test_the_error_of_a_request_goes_to_who_asked() -> None:
    run = make()
    with ended(run.play(evaluate_every=None)):
        with pytest.raises(ZeroDivisionError):
            run.between_steps(lambda: 1 // 0)
        run.wait(3)
        assert run.error is None


# Edits


def test_edits_take_effect_at_the_next_step_and_are_logged_with_it() -> None:
    run = make(objective=GECO(RE(0.1)))
    run.train(2, progress=False)
    run.kappa, run.nu, run.alpha = 0.2, 0.3, 0.4
    assert (run.kappa, run.nu, run.alpha) == (0.2, 0.3, 0.4)  # the newest that was asked for
    assert run.loop.objective.constraints[0].kappa == 0.1  # not made yet
    run.step()
    geco = run.objective
    assert (geco.constraints[0].kappa, geco.nu, geco.alpha) == (0.2, 0.3, 0.4)
    assert np.allclose(run.history["kappa/re"], [0.1, 0.1, 0.2])
    assert run.edits[1:] == [
        {"step": 2, "what": "kappa/re", "value": 0.2},
        {"step": 2, "what": "nu", "value": 0.3},
        {"step": 2, "what": "alpha", "value": 0.4},
        {"step": 2, "what": "step", "value": "both"},
    ]


def test_several_constraints_have_a_kappa_each() -> None:
    run = make(objective=breaking(-1))
    assert (run.kappa["re"], run.kappa["mine"]) == (0.1, 1.0)
    run.kappa["mine"] = 0.5
    assert run.kappa["mine"] == 0.5 and "0.5" in repr(run.kappa)
    run.step()
    assert run.history["kappa/mine"].tolist() == [0.5]
    with pytest.raises(TypeError, match=r"run\.kappa\[name\].*re, mine"):
        run.kappa = 0.1
    with pytest.raises(KeyError, match="no constraint 'er'; the objective has: re, mine"):
        run.kappa["er"] = 0.1


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, "0.1", True, None])
def test_a_bad_kappa_is_refused_where_it_is_set_and_the_run_goes_on(value: Any) -> None:
    run = make(objective=GECO(RE(0.1)))
    with ended(run.play(evaluate_every=None)):
        with pytest.raises((TypeError, ValueError), match="kappa must be a finite number > 0"):
            run.kappa = value
        assert run.kappa == 0.1
        run.wait(2)
    assert [edit["what"] for edit in run.edits] == ["play"]


def test_other_bad_edits_are_refused() -> None:
    run = make(objective=GECO(RE(0.1)))
    for name, value in (("nu", -1), ("alpha", 1.0), ("alpha", "x"), ("nu", None)):
        with pytest.raises((TypeError, ValueError), match=f"{name} must be"):
            setattr(run, name, value)
    with pytest.raises(ValueError, match=r"objective must be .*did you mean 'elbo'"):
        run.objective = "elob"
    with pytest.raises(ValueError, match="what must be"):
        run.edit("lr", 1.0)
    run.objective = ELBO(0.1)
    assert math.isnan(run.nu) and run.constraints == ()
    with pytest.raises(TypeError, match="nu belongs to GECO; the objective is elbo"):
        run.nu = 0.1
    with pytest.raises(TypeError, match="constraints are: none"):
        run.kappa = 0.1
    run.step()
    assert run.history["beta"].tolist() == pytest.approx([0.01])


def test_edits_of_a_new_objective_wait_behind_it() -> None:
    run = make(objective=ELBO(0.1))
    run.step()
    run.objective = GECO(RE(0.3))
    run.kappa = 0.2
    assert run.objective.name == "geco" and run.kappa == 0.2
    run.step()
    assert [edit["what"] for edit in run.edits] == ["step", "objective", "kappa/re", "step"]
    assert run.history["kappa/re"][-1] == pytest.approx(0.2)
    run.kappa = 0.5
    run.objective = "elbo"  # what was asked of the old one is forgotten
    run.objective = GECO(RE(0.3))
    assert run.kappa == 0.3
    run.step()
    assert run.kappa == 0.3


def test_no_edit_is_lost_and_the_last_one_holds() -> None:
    """Every writer's values arrive in its order, the getter never shows a third value."""
    run, seen = make(objective=GECO(RE(0.1))), []

    def write(base: float) -> None:
        for i in range(40):
            run.kappa = base + i / 1000
            run.nu = base + i / 1000

    def read() -> None:
        while not done.is_set():
            seen.append(run.kappa)

    done = threading.Event()
    with ended(run.play(evaluate_every=None)):
        writers = [threading.Thread(target=write, args=(base,)) for base in (1.0, 2.0, 3.0)]
        reader = threading.Thread(target=read)
        for thread in (*writers, reader):
            thread.start()
        for writer in writers:
            writer.join(30)
        run.kappa = 9.0
        assert run.kappa == 9.0
        assert until(lambda: run.loop.objective.constraints[0].kappa == 9.0)
        done.set()
        reader.join()
    values = [edit["value"] for edit in run.edits if edit["what"] == "kappa/re"]
    assert len(values) == 121 and values[-1] == 9.0
    for base in (1.0, 2.0, 3.0):
        mine = [value for value in values if base <= value < base + 1]
        assert mine == [base + i / 1000 for i in range(40)]
    assert sum(edit["what"] == "nu" for edit in run.edits) == 120
    assert set(seen) <= {0.1, *values}
    assert run._newest == {} and not run._asked


def test_a_getter_never_falls_back_behind_a_value_it_has_shown() -> None:
    run, back = make(objective=GECO(RE(1.0))), []
    done = threading.Event()

    def read() -> None:
        newest = 0.0
        while not done.is_set():
            value = run.kappa
            if value < newest:
                back.append((newest, value))
            newest = value

    reader = threading.Thread(target=read)
    with ended(run.play(evaluate_every=None)):
        reader.start()
        for i in range(300):
            run.kappa = 2.0 + i
            time.sleep(0.0005)
        done.set()
        reader.join()
    assert back == []


def test_a_getter_shows_the_newest_while_earlier_edits_are_made() -> None:
    run, seen = make(objective=GECO(RE(1.0))), []
    run.kappa, run.kappa, run.nu = 2.0, 3.0, 0.5
    kept = run._set

    def looking(what: str, value: float) -> None:
        kept(what, value)
        seen.append((run.kappa, run.nu))

    run._set = looking  # type: ignore[method-assign]
    run.step()
    assert seen == [(3.0, 0.5)] * 3


def test_listeners_hear_of_edits_and_commands() -> None:
    run, heard = make(), []
    run.listeners.append(lambda: heard.append(run.version))
    run.kappa = 0.2
    run.step()
    run.play(evaluate_every=None)
    run.stop()
    assert len(heard) >= 3 and heard == sorted(heard)


def test_a_listener_that_raises_undoes_nothing_and_keeps_nobody_from_hearing() -> None:
    run, heard = make(), []

    def breaks() -> None:
        raise OSError("no screen")

    run.listeners.extend([breaks, lambda: heard.append(run.kappa)])
    with pytest.warns(RuntimeWarning, match="no screen"):
        run.kappa = 0.2
    assert heard == [0.2] and run.kappa == 0.2


def test_a_slow_listener_holds_up_nobody_elses_edit_and_hears_of_it_in_the_end() -> None:
    run, heard, inside, go = make(), [], threading.Event(), threading.Event()

    def slow() -> None:
        inside.set()
        go.wait(60)
        heard.append(run.kappa)

    run.listeners.append(slow)
    other = threading.Thread(target=lambda: setattr(run, "kappa", 0.2))
    other.start()
    assert inside.wait(60)
    run.kappa = 0.3
    run.kappa = 0.4
    assert other.is_alive() and run.step().history["kappa/re"][-1] == pytest.approx(0.4)
    go.set()
    other.join(60)
    assert heard == [0.4, 0.4]  # once for all that changed meanwhile


# Watching changes nothing


def test_watching_does_not_change_training_bit_for_bit() -> None:
    alone, watched = make(), make()
    alone.train(30, progress=False)
    for run in watched.steps(30):
        if run.loop.step % 3 == 0:
            run.pictures()
            run.probe([0.1, -0.2])
            run.status()
            run.ghost()
        if run.loop.step % 10 == 0:
            run.evaluate(samples=3)
    assert same(alone.history, watched.history)
    assert all(torch.equal(a, b) for a, b in zip(weights(alone), weights(watched), strict=True))
    assert len(watched.evaluations) == 3


def test_watching_from_other_threads_does_not_change_training() -> None:
    run = make()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            run.pictures()
            run.status()
            run.evaluate(samples=2)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    with ended(run.play(evaluate_every=0.02)):
        for watcher in watchers:
            watcher.start()
        run.wait(60)
        done.set()
        for watcher in watchers:
            watcher.join(30)
    steps = run.loop.step
    alone = make().play(evaluate_every=None)
    with ended(alone):
        alone.wait(steps)
    assert np.array_equal(alone.history["kl"][:steps], run.history["kl"])
    assert len(run.evaluations) > 2 and run.evaluation_error is None


def test_training_does_not_wait_for_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    run, inside, leave = make(), threading.Event(), threading.Event()

    def slow(*_: Any) -> dict[str, tuple[float, float]]:
        inside.set()
        leave.wait(20)
        return {"kl": (1.0, 0.1)}

    monkeypatch.setattr(run._judge, "evaluate", slow)
    with ended(run.play(evaluate_every=None)):
        evaluating = threading.Thread(target=run.evaluate)
        evaluating.start()
        assert inside.wait(10)
        at = run.loop.step
        run.wait(10, timeout=10)  # goes on,
        assert run.pictures().step > at  # and so do the pictures
        run.pause()
        leave.set()
        evaluating.join(10)
    assert run.evaluations["kl"].tolist() == [1.0]
    assert run.evaluations["step"][0] <= at


def test_what_is_looked_at_stands_still() -> None:
    run = make().train(3, progress=False)
    weights_then, step = run._snapshot()
    kept = {name: value.clone() for name, value in weights_then.items()}
    run.train(3, progress=False)
    assert step == 3 and all(torch.equal(weights_then[name], kept[name]) for name in kept)


def test_pictures_are_of_the_averaged_weights_at_their_step() -> None:
    run = make().train(5, progress=False)
    pictures = run.pictures()
    assert pictures.step == 5
    assert pictures.data.shape == pictures.reconstruction.shape == (7, 4, 4, 1)
    assert pictures.data.dtype == np.uint8 and pictures.z.shape[0] == 7
    mine = run._observer.model.state_dict()
    assert all(torch.equal(mine[k], v) for k, v in run.average.state_dict().items())
    probe = run.probe([0.0])
    assert probe.image.shape == (4, 4, 1) and probe.weights.sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="z must be at most 2 finite numbers"):
        run.probe([0, 0, 0])


# Evaluations


def test_play_evaluates_every_so_often_until_stopped() -> None:
    run = make()
    with ended(run.play(evaluate_every=0.02)):
        assert until(lambda: len(run.evaluations) >= 3)
        assert run.evaluation_error is None
        run.pause()
        assert until(lambda: not threads("geco-viz evaluation"))
        n = len(run.evaluations)
        time.sleep(0.1)
        assert len(run.evaluations) == n
    row = {name: float(run.evaluations[name][-1]) for name in run.evaluations.columns}
    assert {"step", "kl", "kl/se", "kappa_hat/re", "kappa_hat/re/se"} <= set(row)
    assert 0 < row["kappa_hat/re"] < 1
    with pytest.raises((TypeError, ValueError), match="evaluate_every must be"):
        run.play(evaluate_every=0)
    run.stop()


def test_a_failing_evaluation_is_told_and_does_not_end_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = make()

    def fail(*_: Any) -> dict[str, tuple[float, float]]:
        raise ArithmeticError("no such thing")

    monkeypatch.setattr(run._judge, "evaluate", fail)
    with ended(run.play(evaluate_every=0.01)):
        assert until(lambda: run.evaluation_error is not None)
        run.wait(3)
        status = run.status()
        assert status.phase != "failed" and "no such thing" in status.hint
        with pytest.raises(ArithmeticError):
            run.evaluate()


# Replay and fork


def test_replay_repeats_mixed_edits_bit_for_bit() -> None:
    run = make(objective=GECO(RE(0.1)))
    run.kappa = 0.3
    run.step("theta").step("lambda")
    with ended(run.play(evaluate_every=0.05)):
        for kappa in (0.2, 0.15, 0.25):
            run.wait(7)
            run.kappa = kappa
            run.nu, run.alpha = kappa, 0.5 + kappa
        run.wait(5)
        run.objective = ELBO()
        run.wait(5)
        run.step("lambda")
        run.objective = {"name": "geco", "constraints": [{"name": "re", "kappa": 0.4}]}
        run.kappa = 0.35
        run.play(evaluate_every=None)
        run.wait(5)
    run.train(11, progress=False)
    for made in run.steps(50):
        if made.loop.step % 4 == 0:
            run.kappa = 0.31
            break
    run.step()
    again = run.replay(progress=False)
    assert again is not run and again.loop.step == run.loop.step > 50
    assert same(run.history, again.history)
    assert again.edits == run.edits
    assert all(torch.equal(a, b) for a, b in zip(weights(run), weights(again), strict=True))


def test_replay_of_batches_repeats_too() -> None:
    run = make(data=images(23), batch=5, objective=GECO(RE(0.2), normalise=False))
    run.train(9, progress=False)
    assert same(run.history, run.replay(progress=False).history)


def test_replay_repeats_the_lowering_of_a_settled_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    from geco_viz.training import schedule

    monkeypatch.setattr(schedule, "WINDOW", 20)
    # A loose constraint and a large learning rate settle within a few hundred steps.
    run = make(objective=GECO(RE(0.6), nu=1.0, lambda_min=0.5), lr=5e-2)
    with ended(run.play(evaluate_every=None)):
        assert until(lambda: run.history["lr"][-1:].min(initial=1) < 4e-2, 60)
    again = run.replay(progress=False)
    assert same(run.history, again.history)


def test_replay_does_not_replace_the_run_that_it_repeats() -> None:
    run = make(name="mine")
    with ended(run.play(evaluate_every=None)):
        run.wait(3)
        again = run.replay(progress=False)
        assert run.playing and again.name == "mine"
        other = run.fork()
        assert run.playing and other.name == "mine" and other.title == "mine"


def test_what_cannot_be_repeated_is_refused_with_the_reason() -> None:
    own = make(objective=breaking(-1)).train(2, progress=False)
    with pytest.raises(ValueError, match="objective was one of your own"):
        own.replay(progress=False)
    module = make(model=models.build(shape=(1, 4, 4), **MODEL)).train(2, progress=False)
    with pytest.raises(ValueError, match="model was a module"):
        module.replay(progress=False)
    used = GECO(RE(0.1))
    make(objective=used).train(2, progress=False)
    again = make(objective=used).train(2, progress=False)
    with pytest.raises(ValueError, match="had been used before"):
        again.replay(progress=False)
    switched = make().train(1, progress=False)
    switched.objective = used
    switched.step()
    with pytest.raises(ValueError, match="had been used before"):
        switched.replay(progress=False)


def test_a_single_step_computes_with_the_runs_number_of_threads() -> None:
    run, seen = make(), []
    run.model.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        run.step()
        run.train(1, progress=False)
        assert torch.get_num_threads() == 2
        with ended(run.play(evaluate_every=None)):
            run.wait(1)
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}


def test_a_fork_goes_on_like_the_run_and_leaves_it_alone() -> None:
    run = make(objective=breaking(-1), model=models.build(shape=(1, 4, 4), **MODEL))
    run.train(5, progress=False)
    fork = run.fork()
    assert same(run.history, fork.history) and fork.edits == run.edits
    run.train(4, progress=False)
    fork.train(4, progress=False)
    assert same(run.history, fork.history)
    fork.kappa["re"] = 0.9
    fork.step()
    assert run.kappa["re"] == 0.1 and run.loop.step == 9


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_run_is_forked_and_not_copied(how: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"run\.fork\(\)"):
        how(make())


def test_a_fork_of_a_playing_run_is_one_moment_of_it() -> None:
    run = make()
    with ended(run.play(evaluate_every=None)):
        for _ in range(5):
            run.wait(3)
            fork = run.fork()
            n = len(fork.history)
            assert fork.loop.step == n == fork.history["step"][-1]
            at = fork.train(3, progress=False).history["kl"]
            run.wait(6)
            # The schedule differs only in the rate, which is full for both here.
            assert np.array_equal(at[: n + 1], run.history["kl"][: n + 1])
    assert not fork.playing


# Making one


def test_names_and_objects_of_ones_own() -> None:
    dataset = data.from_tensors(images(5), [0, 1, 2, 3, 4], name="mine")
    run = make(data=dataset, objective=RE(0.3), batch=2)
    assert run.data is dataset and run.kappa == 0.3 and run.objective.name == "geco"
    assert "mine" in run.title and "VAE" in run.title and "GECO+RE" in run.title
    assert make(name="demo").title == "demo"
    assert make(objective=ELBO(0.1)).objective.beta == pytest.approx(0.01)


def test_the_seed_makes_the_weights_and_leaves_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    a, b, c = make(seed=1), make(seed=1), make(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(p, q) for p, q in zip(weights(a), weights(b), strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(weights(a), weights(c), strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data": "mnits"}, "did you mean 'mnist'"),
        ({"data": images() + 1}, r"x must lie in \[0, 1\]"),
        ({"data": images(0)}, "at least one image"),
        ({"data": torch.full((1, 1, 4, 4), math.nan)}, "NaN"),
        ({"model": "vae-npv"}, "did you mean 'vae-nvp'"),
        ({"model": {"name": "vae", "hiden": [8]}}, "did you mean 'hidden'"),
        ({"objective": "gecko"}, "did you mean 'geco'"),
        (
            {"objective": {"name": "geco", "constraints": [{"name": "er", "kappa": 0.1}]}},
            "did you mean 're'",
        ),
        ({"seed": -1}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
        ({"device": "cdua"}, "device must be"),
        ({"lr": 0}, "lr must be"),
        ({"batch": 0}, "batch must be"),
        ({"bacth": 3}, "did you mean 'batch'"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_bad_arguments_are_named_with_what_is_allowed(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Run(**{"data": images(), "model": dict(MODEL), **settings})


def test_a_bad_argument_leaves_the_earlier_run_of_that_name_alone(tmp_path: Path) -> None:
    run = make(name="same", out=tmp_path / "a").play(evaluate_every=None)
    with ended(run):
        for settings in ({"lr": -1}, {"out": __file__ + "/x"}):
            with pytest.raises((ValueError, OSError)):
                make(name="same", **settings)
        assert run.playing
        make(name="same")
        assert not run.playing


@pytest.mark.train
def test_geco_reaches_kappa_and_the_limits_price_on_digits() -> None:
    """The recipe on seven digits against R(D), which another solver knows with its certificate."""
    run = Run("digits", "vae-nvp", RE(0.1), seed=0, device="cpu").train(800, progress=False)
    late = run.history["err/re"][-100:]
    assert abs(float(np.mean(late**2)) / 0.01 - 1) < 0.05  # |c|; four seeds gave up to .024
    found = run.evaluate(samples=2000)
    kappa_hat, kl = found["kappa_hat/re"][0], found["kl"][0]
    assert kappa_hat == pytest.approx(0.1, rel=0.03)  # four seeds: up to 1 %, of which .8 noise
    limit = theory.rate_distortion(run.data.x)
    rate = float(np.interp(kappa_hat, limit.kappa, limit.rate))
    price = float(np.interp(kappa_hat, limit.kappa, limit.multiplier))
    assert rate < kl < 1.2 * rate  # 11 to 15 % above after a third of the usual steps
    assert run.history["multiplier/re"][-1] == pytest.approx(price, rel=0.12)
