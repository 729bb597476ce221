"""The tests of the library with the newest packages that pyproject.toml allows.

    python3 -m tools.newest [arguments of pytest]

They go into .venv-newest, made anew each time, beside the pinned .venv. The book is
left out: its packages are pinned only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv

from tools.steps import ROOT

VENV = ROOT / ".venv-newest"
TESTED = ["precision_lib", "tests", "--ignore=tests/book"]
# Packages of the book that other tests import too.
OF_THE_BOOK = ["ipython", "myst-nb", "nbformat", "papermill", "threadpoolctl"]
NOT_SLOW = ["-m", "not (slow or book)"]


def main(arguments: list[str]) -> int:
    """Install, say what was installed, test; the exit status."""
    venv.create(VENV, clear=True, with_pip=True)
    python = str(VENV / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [python, "-m", "pip"]
    install = [*pip, "install", "--quiet", "--disable-pip-version-check"]
    index = os.environ.get("TORCH_INDEX", "").strip()
    steps = [
        *([[*install, "torch", "--index-url", index]] if index else []),
        [*install, "--editable", "."],
        [*install, *test_tools()],
        [*pip, "freeze"],
        [python, "-m", "pytest", *TESTED, *NOT_SLOW, *arguments],
    ]
    for command in steps:
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            return status
    return 0


def test_tools() -> list[str]:
    """What the tests import beside the library, without pins."""
    lines = (ROOT / "tests" / "requirements-oracles.txt").read_text(encoding="utf-8")
    named = [line.split("#")[0].split("==")[0].strip() for line in lines.splitlines()]
    return [*filter(None, named), *OF_THE_BOOK]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
