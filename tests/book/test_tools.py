"""What `make` calls: stale things are redone, fresh ones left, failures are said."""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
import pytest

from tools import environment, notebooks, steps


def notebook(path: Path, *cells: str) -> Path:
    """A notebook whose first cell holds its parameters."""
    first, *others = cells
    parameters = nbformat.v4.new_code_cell(first, metadata={"tags": ["parameters"]})
    made = nbformat.v4.new_notebook(
        cells=[parameters, *map(nbformat.v4.new_code_cell, others)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
            "language_info": {"name": "python"},
        },
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, in a folder with a space in its name."""
    root = tmp_path / "a project"
    for folder in ("notebooks", "precision_lib", "data"):
        (root / folder).mkdir(parents=True)
    (root / "requirements.txt").write_text("-e .\n")
    (root / "precision_lib" / "module.py").write_text("X = 1\n")
    for module in (steps, notebooks):
        monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(notebooks, "prepare_text", lambda: 0)
    monkeypatch.setattr(notebooks, "NOTEBOOKS", root / "notebooks")
    monkeypatch.setattr(notebooks, "EXECUTED", root / "_build" / "executed")
    monkeypatch.setattr(notebooks, "WITH_PARAMETERS", root / "_build" / "other")
    return root


@pytest.mark.slow
def test_a_notebook_is_executed_once_until_something_it_rests_on_changes(
    project: Path,
) -> None:
    path = notebook(project / "notebooks" / "01_a.ipynb", "seed = 0", "print(seed)")
    target = notebooks.EXECUTED / path.name
    assert notebooks.main(["--only", "01"]) == 0
    made = target.stat().st_mtime_ns
    cells = nbformat.read(target, as_version=4).cells
    assert cells[-1].outputs[0].text == "0\n"

    assert notebooks.main([]) == 0
    assert target.stat().st_mtime_ns == made

    (project / "data" / "README.md").write_text("only prose\n")
    assert notebooks.main([]) == 0
    assert target.stat().st_mtime_ns == made

    (project / "precision_lib" / "module.py").write_text("X = 2\n")
    assert notebooks.main([]) == 0
    assert target.stat().st_mtime_ns > made


@pytest.mark.slow
def test_failures_are_said_together_and_leave_no_executed_copy(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project / "notebooks"
    notebook(folder / "01_bad.ipynb", "seed = 0", "1 / 0")
    notebook(folder / "02_slow.ipynb", "seed = 0", "import time; time.sleep(600)")
    assert notebooks.main(["--seconds", "8"]) == 1
    said = capsys.readouterr().out
    assert "ZeroDivisionError" in said
    assert "not finished after 8 s" in said
    assert "2 of 2 notebooks failed: 01_bad.ipynb, 02_slow.ipynb" in said
    assert not list(notebooks.EXECUTED.glob("0?_*.key"))
    assert not (notebooks.EXECUTED / "01_bad.ipynb").exists()


@pytest.mark.slow
def test_other_parameters_stay_out_of_the_book(project: Path) -> None:
    path = notebook(project / "notebooks" / "01_a.ipynb", "seed = 0", "print(seed)")
    assert notebooks.main(["--only", "01", "-p", "seed", "7"]) == 0
    cells = nbformat.read(notebooks.WITH_PARAMETERS / path.name, as_version=4).cells
    assert cells[-1].outputs[0].text == "7\n"
    assert not (notebooks.EXECUTED / path.name).exists()


def test_an_unknown_parameter_is_an_error_that_names_the_known_ones(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook(project / "notebooks" / "01_a.ipynb", 'runs = "published"\nseed = 0')
    assert notebooks.main(["--only", "01", "-p", "sed", "7"]) == 2
    said = capsys.readouterr().out
    assert said == "01_a.ipynb has no parameter 'sed'; it has: runs, seed.\n"


def test_a_notebook_that_is_not_there_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert notebooks.main(["--only", "99"]) == 2
    assert "no notebook in notebooks/ starts with '99'" in capsys.readouterr().out


def test_a_digest_depends_on_names_and_contents(project: Path) -> None:
    first = project / "data" / "a.csv"
    second = project / "data" / "b.csv"
    first.write_text("1\n")
    before = steps.digest([first])
    first.rename(second)
    assert steps.digest([second]) != before
    second.rename(first)
    assert steps.digest([first]) == before
    assert steps.digest([first], "another Python") != before


def test_hidden_files_and_caches_make_nothing_stale(project: Path) -> None:
    (project / "data" / ".hidden").write_text("x")
    (project / "precision_lib" / "__pycache__").mkdir()
    (project / "precision_lib" / "__pycache__" / "module.pyc").write_text("x")
    found = steps.files_under(project / "data", project / "precision_lib")
    assert [path.name for path in found] == ["module.py"]


def test_an_old_python_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "OLDEST_PYTHON", (99, 0))
    assert environment.main(["requirements.txt"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "PYTHON=" in said


def test_torch_comes_first_from_the_index_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/cpu")
    first, second = environment._install_commands("requirements.txt")
    assert first[-3].startswith("torch==")
    assert first[-2:] == ["--index-url", "https://example.org/cpu"]
    assert second[-2:] == ["--requirement", "requirements.txt"]
    monkeypatch.delenv("TORCH_INDEX")
    assert len(environment._install_commands("requirements.txt")) == 1


def test_a_fresh_environment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    stamp = tmp_path / "stamp-requirements"
    wanted = environment._key(environment.ROOT / "requirements.txt")
    stamp.write_text(wanted)
    assert environment.main(["requirements.txt"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert sys.version_info >= environment.OLDEST_PYTHON
