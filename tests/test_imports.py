"""The core knows no screen, and imports between the rooms run one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "geco_viz"

# docs/architecture.md, from the ground up: a room may import what its row names.
CORE = {
    *("_audit", "_checks", "_files", "constraints", "edits", "geco", "letter", "multipliers"),
    *("objectives", "rate_limit"),
}
ALLOWED = {
    "__init__": set(),  # loads its rooms when a name is first used
    "_audit": set(),
    "_checks": set(),
    "_files": set(),
    "data": {"_audit", "_checks"},
    "models": {"_checks"},
    "constraints": {"_audit", "_checks", "_files", "data", "models"},
    "objectives": {"_audit", "_checks", "constraints"},
    "edits": {"_checks"},
    "multipliers": {"_audit", "_checks", "constraints", "edits", "objectives"},
    "letter": {"constraints", "multipliers"},
    "geco": {"constraints", "letter", "multipliers"},
    "rate_limit": {"constraints", "geco"},
    "evaluation": {"_checks", "data", "models", "constraints"},
    "theory": {"_checks"},
    "training": {*CORE, "data", "models", "evaluation", "theory"},
    "plots": {"_checks", "_files"},
    "live": {*CORE, "data", "models", "evaluation", "theory", "training", "plots"},
    "reproduce": {*CORE, "data", "models", "evaluation", "theory", "training", "plots"},
    "cli": {
        *CORE,
        *("data", "models", "evaluation", "theory", "training", "plots", "live", "reproduce"),
    },
}
# The only reaches upward, made when called: Run.dashboard, controls, view, report.
REACHES = {("training", "live"), ("training", "plots")}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def names_type_checking(test: ast.expr) -> bool:
    return getattr(test, "id", getattr(test, "attr", "")) == "TYPE_CHECKING"


def imports(tree: ast.AST, lazy: bool = False) -> list[tuple[str, bool]]:
    """(module, inside a function?) of each import that runs; those for the type checker do not."""
    found: list[tuple[str, bool]] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, lazy) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [(name if is_module(name) else str(node.module), lazy) for name in full]
        elif isinstance(node, ast.If) and names_type_checking(node.test):
            for other in node.orelse:
                found += imports(other, lazy)
        else:
            is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            found += imports(node, lazy or is_function)
    return found


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_what_its_row_allows(path: Path) -> None:
    room = room_of(path)
    assert room in ALLOWED, f"{room} has no row in docs/architecture.md"
    for module, lazy in imports(ast.parse(path.read_text(encoding="utf-8"))):
        first, *rest = module.split(".")
        if first != "geco_viz" or not rest:  # `from geco_viz import __version__` costs nothing
            continue
        other = rest[0]
        if other == room or other in ALLOWED[room]:
            continue
        assert lazy and (room, other) in REACHES, f"{path.name} ({room}) imports {module}"


def test_the_table_has_no_cycle() -> None:
    placed: set[str] = set()
    waiting = dict(ALLOWED)
    while waiting:
        free = {room for room, needs in waiting.items() if needs <= placed}
        assert free, f"these import each other: {sorted(waiting)}"
        placed |= free
        waiting = {room: needs for room, needs in waiting.items() if room not in free}


def test_imports_of_one_room_have_no_cycle() -> None:
    def name(path: Path) -> str:
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    known = {name(path): path for path in MODULES}
    needs = {}
    for module, path in known.items():
        if path == PACKAGE / "__init__.py":
            continue
        wanted = imports(ast.parse(path.read_text(encoding="utf-8")))
        # A package imports its files, so a file that goes through its package makes a cycle.
        needs[module] = {other for other, lazy in wanted if not lazy and other in known}
    while needs:
        free = {module for module, others in needs.items() if not others & needs.keys()}
        assert free, f"these import each other: {sorted(needs)}"
        needs = {module: others for module, others in needs.items() if module not in free}


SCREENS = ["plotly", "ipywidgets", "anywidget", "IPython", "sklearn", "pandas", "tqdm", "pooch"]


@pytest.mark.parametrize(
    "statement",
    [
        "import geco_viz",
        "import geco_viz as gv; gv.GECO(gv.RE(kappa=0.1)); gv.data; gv.models; gv.Run",
    ],
)
def test_the_core_knows_no_screen(statement: str) -> None:
    # torch loads tqdm itself where it finds it, so what torch brings does not count.
    code = (
        f"import sys, numpy, torch; before = set(sys.modules); {statement}; "
        f"print(*sorted(set({SCREENS!r}) & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
