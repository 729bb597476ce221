"""One sweep by one worker and by two, on a machine that does nothing else.

    python -m benchmarks.bench_workers

Twelve compiled runs of 24k parameters, alike but for their seed; seconds are from the
start of the command to its end, after one run more that fills the cache of compiled
code. About twenty minutes on two cores; `--runs 6` takes half.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import page

PLAN = """\
name: {name}
hypothesis: Two workers do a sweep in half the time.
role: fit
sets:
  - shapes: [24k]
    tokens: [{tokens}]
    seeds: {seeds}
    rule: tuned
"""


def sweep(folder: Path, name: str, seeds: list[int], tokens: int, jobs: int) -> float:
    """Seconds that the sweep command needs."""
    plan = folder / f"{name}.yaml"
    plan.write_text(PLAN.format(name=name, seeds=seeds, tokens=tokens), "utf-8")
    command = [sys.executable, "-m", "precision_lib", "sweep", str(plan)]
    command += ["--jobs", str(jobs), "--out", str(folder / name), "--data", str(folder)]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Put the table into the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=7_000_000)
    given = parser.parse_args()
    seeds = list(range(given.runs))
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sweep(folder, "first", [given.runs], given.tokens, 1)
        for jobs in (1, 2):
            spent = sweep(folder, f"by_{jobs}", seeds, given.tokens, jobs)
            first = float(rows[0][1]) if rows else spent
            rows.append([str(jobs), f"{spent:.0f}", f"{first / spent:.2f}"])
            print(rows[-1], flush=True)
    heads = ["workers", f"seconds for {given.runs} runs", "times as fast as one"]
    page.put("workers", page.table(heads, rows))


if __name__ == "__main__":
    main()
