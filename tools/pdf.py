"""The whole book as one PDF, printed by Chromium from one long page.

    python -m tools.pdf

The page is made of the same sources as the book, which `make book` has laid out in
_build/source, so links within the book stay links. Needs an installed Chromium or
Chrome, nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.book import JUPYTER_BOOK, SOURCE
from tools.notebooks import environment
from tools.steps import BUILD, ROOT, step

FOLDER = BUILD / "singlehtml"
FIRST = "book/intro.html"  # the root of _toc.yml, under whose name all is written
TARGET = BUILD / "book.pdf"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MOST_SECONDS = 1800


def chromium() -> str | None:
    """Path of an installed Chromium or Chrome, if any."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


def main() -> int:
    """Make the page and print it; the exit status."""
    program = chromium()
    if program is None:
        print("pdf: no Chromium is installed; on Debian: apt-get install chromium.")
        return 2
    if not SOURCE.is_dir():
        print("pdf: the book is not built; run `make book` first.")
        return 2
    with step("one page"):
        status = build()
    if status:
        return status
    page = FOLDER / "book.html"
    page.write_text(moved_up((FOLDER / FIRST).read_text("utf-8"), FIRST), "utf-8")
    with step("pdf"):
        complaint = print_page(program, page, TARGET)
    if complaint:
        print(f"pdf: {program} printed nothing: {complaint}")
        return 1
    print(f"\nOpen this file:\n  {TARGET}")
    return 0


def build() -> int:
    """All pages as one, from what the book was read into; the exit status."""
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(SOURCE)]
    command += ["--path-output", str(ROOT), "--builder", "singlehtml", "--quiet"]
    return subprocess.run(command, cwd=ROOT, env=environment(), check=False).returncode


def moved_up(text: str, name: str) -> str:
    """The page as it must be beside the folders of its styles and figures.

    Sphinx writes it into the folder of the first page, with addresses as seen from
    the folder above, and links within it as links to that file.
    """
    return text.replace(f'href="{name}#', 'href="#')


def print_page(program: str, page: Path, target: Path) -> str:
    """Print a page with its formulas typeset; why nothing came of it, or nothing."""
    target.unlink(missing_ok=True)
    command = [program, "--headless", "--disable-gpu"]
    if getattr(os, "geteuid", lambda: 1)() == 0:
        command.append("--no-sandbox")  # root, as in a container, can have none
    command += ["--no-pdf-header-footer", "--generate-pdf-document-outline"]
    command += ["--virtual-time-budget=600000", f"--print-to-pdf={target}"]
    try:
        done = subprocess.run(
            [*command, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {MOST_SECONDS} s"
    return "" if target.is_file() else done.stderr.strip()[-500:] or "it said nothing"


if __name__ == "__main__":
    raise SystemExit(main())
