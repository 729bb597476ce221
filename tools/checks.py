"""Run the named checks; all of them, even when one fails.

python -m tools.checks book ruff mypy pytest
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

from tools.notebooks import environment
from tools.steps import ROOT

# A process a core, and none with more than a browser or a model needs.
SHARED = ["pytest", "-n", "logical", "--maxprocesses", "8", "--dist", "worksteal"]
COMMANDS: dict[str, list[str]] = {
    "book": ["tools.book"],
    "ruff": ["ruff", "check", "."],
    "mypy": ["mypy"],
    "pytest": [*SHARED, "--durations=10"],
    "quick": [*SHARED, "-m", "not (slow or book)"],
}


# On one core each, beside the check that follows; what they say is shown at the end.
# (mypy has workers of its own, but gives up where one takes three seconds to start.)
BESIDE = ("ruff", "mypy")


def main(names: list[str]) -> int:
    """The exit status: 0 if all checks passed."""
    start = time.monotonic()
    passed = {}
    beside: dict[str, Future[subprocess.CompletedProcess[str]]] = {}
    with ThreadPoolExecutor() as pool:
        for name in names:
            if name in BESIDE:
                beside[name] = pool.submit(run, name, subprocess.PIPE)
            else:
                print(f"\n== {name}", flush=True)
                passed[name] = run(name).returncode == 0
        for name, future in beside.items():
            passed[name] = future.result().returncode == 0
            print(f"\n== {name}\n{future.result().stdout}", end="")
    print()
    for name, good in passed.items():
        print(f"{name:8} {'passed' if good else 'FAILED'}")
    print(f"checks: {time.monotonic() - start:.1f} s after the install")
    return 0 if all(passed.values()) else 1


def run(name: str, output: int | None = None) -> subprocess.CompletedProcess[str]:
    """The ended process of a check; `output` as `stdout` of `subprocess.run`."""
    command = [sys.executable, "-m", *COMMANDS[name]]
    return subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=output,
        stderr=output and subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
