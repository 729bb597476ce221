"""Execute notebooks through papermill, each once and only when something changed.

    python -m tools.notebooks                      all that are stale
    python -m tools.notebooks --only 05            one, by the start of its name
    python -m tools.notebooks --only 05 -p runs retrain

An executed copy lies in _build/executed. It is stale when the notebook, the
library, the data, the pinned packages or the Python changed. Copies with other
parameters go to _build/executed-with-parameters and never into the book.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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

NOTEBOOKS = ROOT / "notebooks"
EXECUTED = BUILD / "executed"
WITH_PARAMETERS = BUILD / "executed-with-parameters"
SECONDS_PER_NOTEBOOK = 600


@dataclass(frozen=True)
class Job:
    """A notebook to execute, where the copy goes and with what parameters."""

    source: Path
    target: Path
    parameters: tuple[tuple[str, str], ...]
    seconds: int


@dataclass(frozen=True)
class Outcome:
    """What came of a job; the complaint is empty if all cells ran."""

    name: str
    seconds: float
    complaint: str


def main(arguments: list[str] | None = None) -> int:
    """Execute what the command line asks for; the exit status."""
    parser = argparse.ArgumentParser(prog="tools.notebooks", description=__doc__)
    parser.add_argument("--only", default="", help="start of a notebook's name: 05")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--seconds", type=int, default=SECONDS_PER_NOTEBOOK)
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE")
    )
    options = parser.parse_args(arguments)
    sources = sorted(NOTEBOOKS.glob(f"{options.only}*.ipynb"))
    if not sources:
        print(f"no notebook in notebooks/ starts with '{options.only}'.")
        return 2
    parameters = tuple((name, value) for name, value in options.p)
    if complaint := unknown_parameters(sources, parameters):
        print(complaint)
        return 2
    return execute(sources, parameters, options.jobs, options.seconds)


def execute(
    sources: list[Path],
    parameters: tuple[tuple[str, str], ...] = (),
    jobs: int = 2,
    seconds: int = SECONDS_PER_NOTEBOOK,
) -> int:
    """Execute the stale ones, at most `jobs` at a time; all failures together."""
    folder = WITH_PARAMETERS if parameters else EXECUTED
    folder.mkdir(parents=True, exist_ok=True)
    shared = shared_key()
    keys = {path: digest([path], shared, repr(parameters)) for path in sources}
    stale = [path for path in sources if not is_fresh(folder / path.name, keys[path])]
    if stale and (status := prepare_text()):
        return status
    for path in sources:
        if path not in stale:
            print(f"  {path.name}: up to date", flush=True)
    # The last first: the first ones are short, so that all cores end at once.
    todo = [Job(path, folder / path.name, parameters, seconds) for path in stale[::-1]]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        outcomes = list(pool.map(run, todo))
    for job, outcome in zip(todo, outcomes, strict=True):
        if not outcome.complaint:
            mark_fresh(job.target, keys[job.source])
    failures = [outcome for outcome in outcomes[::-1] if outcome.complaint]
    for failure in failures:
        print(f"\n{failure.name} FAILED\n{failure.complaint}", flush=True)
    if failures:
        names = ", ".join(failure.name for failure in failures)
        print(f"\n{len(failures)} of {len(sources)} notebooks failed: {names}")
    return 1 if failures else 0


def prepare_text() -> int:
    """Fetch the corpus and make its tokens, once, before notebooks ask side by side."""
    command = [sys.executable, "-m", "precision_lib", "corpus"]
    with step("text and tokens"):
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    return done.returncode


def shared_key() -> str:
    """Hash of all that a notebook's numbers may depend on beside itself."""
    inputs = files_under(
        ROOT / "precision_lib", ROOT / "data", ROOT / "requirements.txt"
    )
    inputs = [  # outcomes are shown by the pages
        path
        for path in inputs
        if path.suffix != ".md" and not path.name.startswith("outcomes")
    ]
    return digest(inputs, sys.version)


def run(job: Job) -> Outcome:
    """One notebook in a process of its own, with a limit on its time."""
    name = job.source.name
    forget(job.target)
    scratch = job.target.with_suffix(".part.ipynb")
    command = [sys.executable, "-m", "papermill", str(job.source), str(scratch)]
    command += ["--cwd", str(NOTEBOOKS), "--kernel", "python3"]
    command += ["--no-progress-bar", "--no-request-save-on-cell-execute"]
    for pair in job.parameters:
        command += ["-p", *pair]
    start = time.monotonic()
    complaint = ""
    try:
        done = subprocess.run(
            command,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=job.seconds,
            check=False,
        )
        if done.returncode:
            complaint = done.stderr.strip()[-6000:] or "papermill gave no reason"
    except subprocess.TimeoutExpired:
        complaint = f"not finished after {job.seconds} s, the limit for one notebook"
    spent = time.monotonic() - start
    if complaint:
        print(f"  {name}: failed after {spent:.1f} s", flush=True)
    else:
        os.replace(scratch, job.target)
        print(f"  {name}: {spent:.1f} s", flush=True)
    return Outcome(name, spent, complaint)


def environment() -> dict[str, str]:
    """This environment's kernel before a reader's own, one thread a process."""
    chosen = {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return {**threads, **os.environ, **chosen}


def unknown_parameters(
    sources: list[Path], parameters: tuple[tuple[str, str], ...]
) -> str:
    """A sentence on the first name that a notebook does not know, or nothing.

    Papermill itself would only warn, and run with the default.
    """
    if not parameters:
        return ""
    from papermill import inspect_notebook

    for path in sources:
        known = sorted(inspect_notebook(str(path)))
        for name, _ in parameters:
            if name not in known:
                have = ", ".join(known) or "none"
                return f"{path.name} has no parameter '{name}'; it has: {have}."
    return ""


if __name__ == "__main__":
    raise SystemExit(main())
