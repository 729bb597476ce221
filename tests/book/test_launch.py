"""Notebooks elsewhere: Colab's first cell, and what Binder installs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest
import yaml

from tests.book.conftest import SOURCES, read
from tools import launch
from tools.steps import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the settings, and somewhere to write."""
    (tmp_path / "_config.yml").write_bytes((ROOT / "_config.yml").read_bytes())
    monkeypatch.setattr(launch, "ROOT", tmp_path)
    monkeypatch.setattr(launch, "TARGET", tmp_path / "launch")
    return tmp_path


def with_address(project: Path) -> None:
    """Set the one value that a publisher sets."""
    path = project / "_config.yml"
    text = path.read_text()
    assert text.count('book_repository: ""') == 1
    address = 'book_repository: "https://github.com/a/b"'
    path.write_text(text.replace('book_repository: ""', address))


def test_without_an_address_one_sentence_says_where_to_set_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert launch.main() == 2
    assert "set book_repository in _config.yml" in capsys.readouterr().out
    assert not launch.TARGET.exists()


def test_each_notebook_gets_one_more_cell_and_stays_itself(project: Path) -> None:
    with_address(project)
    assert launch.main() == 0
    copies = sorted((launch.TARGET / "notebooks").glob("*.ipynb"))
    assert [path.name for path in copies] == [path.name for path in SOURCES]
    for copy, source in zip(copies, SOURCES, strict=True):
        first, *others = read(copy).cells
        assert [one.source for one in others] == [
            one.source for one in read(source).cells
        ]
        assert "https://github.com/a/b" in first.source
        assert not re.search(r"^\s*[!%]", first.source, re.MULTILINE)
        nbformat.validate(read(copy))


def run_first_cell(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that the first cell runs, in a pretended /content."""
    with_address(project)
    assert launch.main() == 0
    path = next((launch.TARGET / "notebooks").glob("*.ipynb"))
    commands: list[list[str]] = []

    def note(command: list[str], check: bool) -> None:
        assert check
        commands.append(command)

    def go(folder: str) -> None:
        commands.append(["cd", folder])

    monkeypatch.setattr(subprocess, "run", note)
    monkeypatch.setattr(os, "chdir", go)
    monkeypatch.setattr(sys, "path", list(sys.path))
    scope: dict[str, Any] = {}
    exec(read(path).cells[0].source, scope)
    return commands


def test_on_colab_the_first_cell_fetches_and_installs(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    clone, install, moved = run_first_cell(project, monkeypatch)
    assert clone[:2] == ["git", "clone"] and "--branch=main" in clone
    assert clone[-2:] == ["https://github.com/a/b", "/content/book"]
    assert install[:3] == [sys.executable, "-m", "pip"]
    assert install[-2:] == ["-e", "/content/book"]
    assert moved == ["cd", "/content/book/notebooks"]


def test_elsewhere_the_first_cell_does_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_first_cell(project, monkeypatch) == []


def test_binder_installs_the_pins_on_a_python_that_they_are_for() -> None:
    folder = ROOT / "binder"
    lines = (folder / "requirements.txt").read_text().splitlines()
    lines = [line for line in lines if not line.startswith("#")]
    index, pins = lines
    assert index.startswith("--extra-index-url ") and index.endswith("/cpu")
    named = pins.removeprefix("-r ")
    assert (folder / named).resolve() == ROOT / "requirements.txt"
    python = (folder / "runtime.txt").read_text().strip().removeprefix("python-")
    assert tuple(map(int, python.split("."))) >= (3, 11)


def test_the_settings_leave_the_address_empty() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text())["sphinx"]["config"]
    assert config["book_repository"] == ""
