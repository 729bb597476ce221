"""The order of the rooms: an import runs down, never up, never in a circle."""

import ast
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tools import rooms

ROOT = Path(__file__).parents[1]
LINT = "from importlinter.cli import lint_imports as lint; import sys; sys.exit(lint())"
FILE, SCREEN = 300, 60  # lines
ROOMS = sorted(p.parent.name for p in ROOT.glob("precision_lib/*/__init__.pyi"))


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "precision_lib", root / "precision_lib")
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def test_no_import_runs_up(copy):
    done = lint(copy)
    assert done.returncode == 0, done.stdout


def test_a_planted_import_that_runs_up_is_found(copy):
    low = copy / "precision_lib" / "formats" / "storage.py"
    before = low.read_text(encoding="utf-8")
    low.write_text(f"{before}\nimport precision_lib.sweep.plans\n", encoding="utf-8")
    done = lint(copy)
    low.write_text(before, encoding="utf-8")
    assert done.returncode == 1
    assert "precision_lib.formats is not allowed to import precision_lib.sweep" in (
        done.stdout
    )


def test_the_picture_of_the_rooms_is_drawn_from_the_code():
    page = rooms.PAGE.read_text(encoding="utf-8")
    assert page == rooms.redrawn(page), "draw it anew: python -m tools.rooms"
    assert all(mark in page for mark in rooms.MARKS)
    arrows, floor = rooms.imports(), {}
    for number, names in rooms.floors():
        floor |= dict.fromkeys(names, number)
    assert floor.keys() == arrows.keys()
    assert all(floor[far] < floor[near] for near in arrows for far in arrows[near])


def too_long() -> set[str]:
    """Files and functions of the library that do not fit their limit."""
    found = set()
    for path in ROOT.glob("precision_lib/**/*.py"):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT / "precision_lib").as_posix()
        found |= {name} if len(text.splitlines()) > FILE else set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                last = node.end_lineno or 0
                found |= (
                    {f"{name}: {node.name}"} if last - node.lineno >= SCREEN else set()
                )
    return found


def test_no_file_is_above_300_lines_and_no_function_above_a_screen():
    assert not too_long()


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_hands_out_its_names_and_no_file_hides_one(room):
    """A file named like a function would stand in its place once it is imported."""
    module = import_module(f"precision_lib.{room}")
    files = {path.stem for path in (ROOT / "precision_lib" / room).glob("*.py")}
    assert not files & set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def test_the_front_door_opens_in_milliseconds_and_lets_out_what_it_names():
    code = (
        "import sys, precision_lib as pl\n"
        "heavy = {'torch', 'pandas', 'scipy', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "print([name for name in pl.__all__ if getattr(pl, name) is None])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
