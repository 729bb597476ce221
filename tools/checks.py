"""Run the named checks in turn; all of them, even when one fails.

python -m tools.checks book ruff mypy pytest
"""

from __future__ import annotations

import subprocess
import sys
import time

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


def main(names: list[str]) -> int:
    """The exit status: 0 if all checks passed."""
    start = time.monotonic()
    results = []
    for name in names:
        print(f"\n== {name}", flush=True)
        begun = time.monotonic()
        command = [sys.executable, "-m", *COMMANDS[name]]
        status = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
        results.append((name, status.returncode, time.monotonic() - begun))
    print()
    for name, code, seconds in results:
        print(f"{name:8} {'passed' if code == 0 else 'FAILED':8} {seconds:7.1f} s")
    print(f"checks: {time.monotonic() - start:.1f} s after the install")
    return 1 if any(code for _, code, _ in results) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
