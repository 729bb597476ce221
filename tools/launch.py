"""Copies of the notebooks that run where nothing of this book is installed.

    python -m tools.launch

Colab opens one notebook of a repository, without the files around it. So each copy
in _build/launch begins with a cell that fetches the repository that _config.yml names
and installs its library; anywhere else that cell does nothing. The folder is what the
branch `book_colab_branch` of the repository holds, where the links on the pages lead.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import yaml

from tools.notebooks import NOTEBOOKS
from tools.steps import BUILD, ROOT

TARGET = BUILD / "launch"
FIRST_CELL = """\
# On Colab: fetch the book and install its library. Elsewhere: nothing.
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.exists("/content/book"):
    clone = ["git", "clone", "--quiet", "--depth=1", "--branch={branch}"]
    subprocess.run([*clone, "{repository}", "/content/book"], check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "-e"]
    subprocess.run([*install, "/content/book"], check=True)
if "google.colab" in sys.modules:
    sys.path.insert(0, "/content/book")
    os.chdir("/content/book/notebooks")
"""


def main() -> int:
    """Write the copies; the exit status."""
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config = settings["sphinx"]["config"]
    repository, branch = config["book_repository"], config["book_branch"]
    if not repository:
        print("launch: set book_repository in _config.yml to the address on GitHub.")
        return 2
    shutil.rmtree(TARGET, ignore_errors=True)
    (TARGET / "notebooks").mkdir(parents=True)
    for source in sorted(NOTEBOOKS.glob("*.ipynb")):
        write_copy(source, TARGET / "notebooks" / source.name, repository, branch)
    print(f"launch: the notebooks for branch {config['book_colab_branch']}: {TARGET}")
    return 0


def write_copy(source: Path, target: Path, repository: str, branch: str) -> None:
    """One notebook with the cell that installs, as its first."""
    notebook = nbformat.read(source, as_version=4)
    code = FIRST_CELL.format(repository=repository, branch=branch)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(code, id="install"))
    nbformat.write(notebook, target)


if __name__ == "__main__":
    raise SystemExit(main())
