"""Build the book strictly from the executed notebooks, when something changed.

    python -m tools.book

The sources are laid out in _build/source: prose as it is, notebooks as executed
copies. Jupyter Book then executes nothing, so each notebook runs once, through
papermill. Every build starts from nothing: Sphinx says its warnings only for
the pages it reads, so a build on top of a failed one would pass.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools import notebooks
from tools.steps import (
    BUILD,
    ROOT,
    digest,
    files_under,
    forget,
    is_fresh,
    mark_fresh,
    step,
)

SOURCE = BUILD / "source"
HTML = BUILD / "html"
JUPYTER_BOOK = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
TABLES = (
    "corpus.json",
    "findings.csv",
    "outcomes.csv",
    "rivals.csv",
    "runs.csv",
    "ptq.csv",
)
AGREEMENT = SOURCE / "data" / "agreement.json"  # for the page of times and versions
STRICT = ("-W", "--keep-going", "-n")


def main() -> int:
    """Execute what is stale, build what is stale, name the page to open."""
    start = time.monotonic()
    sources = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))
    with step("notebooks"):
        failed = notebooks.execute(sources) if sources else 0
    if failed:
        return failed
    executed = [notebooks.EXECUTED / path.name for path in sources]
    key = digest([*inputs(), *executed], sys.version)
    if is_fresh(HTML, key):
        print("book: up to date")
    else:
        forget(HTML)
        with step("book"):
            stage(executed)
            status = build()
        if status:
            print("The book did not build: see the warnings above.")
            return status
        mark_fresh(HTML, key)
    print(json.loads(AGREEMENT.read_text("utf-8"))["line"])
    print(f"make book: {time.monotonic() - start:.1f} s after the install")
    print(f"\nOpen this page in a browser:\n  {HTML / 'index.html'}")
    return 0


def inputs() -> list[Path]:
    """All files that the pages are made of, beside the executed notebooks."""
    return files_under(
        ROOT / "_config.yml",
        ROOT / "_toc.yml",
        ROOT / "book",
        ROOT / "data",
        ROOT / "precision_lib",
        ROOT / "tools",
        ROOT / "requirements.txt",
    )


def stage(executed: list[Path]) -> None:
    """Lay out prose and executed notebooks as one source folder."""
    # whose imports take longer than an idle build
    from tools import agreement, readme_figure

    for old in (SOURCE, HTML, BUILD / ".doctrees"):
        shutil.rmtree(old, ignore_errors=True)
    (SOURCE / "notebooks").mkdir(parents=True)
    (SOURCE / "data").mkdir()
    tables = [f"data/{name}" for name in TABLES]
    for name in ("_config.yml", "_toc.yml", "requirements.txt", *tables):
        shutil.copy2(ROOT / name, SOURCE / name)
    shutil.copytree(
        ROOT / "book", SOURCE / "book", ignore=shutil.ignore_patterns("__pycache__")
    )
    figure = readme_figure.TARGET.relative_to(ROOT)
    (SOURCE / figure).write_bytes(readme_figure.draw())  # of the tables as they are now
    for path in executed:
        shutil.copy2(path, SOURCE / "notebooks" / path.name)
    facts = agreement.for_the_page(agreement.here())
    AGREEMENT.write_text(json.dumps(facts, indent=1), encoding="utf-8")


def build() -> int:
    """Run Jupyter Book, every warning an error; its exit status."""
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(SOURCE)]
    command += ["--path-output", str(ROOT), "--quiet", *STRICT]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
