"""How often the interval of each registered estimand holds what was planted.

nice python -m benchmarks.coverage_estimands TABLES

Plants so many tables with the runs of the second one and noise of ours, computes each
finding as `tools.outcomes` does, and writes benchmarks/coverage_estimands.md. A table
takes 4 s of one core. Estimates are kept in _build, so that a stopped run goes on;
other code begins anew.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings import intervals
from precision_lib.findings.measured import Measured
from precision_lib.findings.preregistration import Finding, preregistered
from tests.findings import planted_design as plant

TARGET = Path(__file__).with_suffix(".md")
ROOT = TARGET.parents[1]
WIDTH = (0.93, 0.97)  # coverage that is as good as 95%
SMALL = 1e-3  # of the noise, for what an estimand is without it
TRUTH = {"breakage": plant.BROKEN, "robust-at-equal-loss": plant.Truth().robust}
WITH_NOISE = "unified-on-mixes"  # R², a part of which is the noise of what it explains
HEAD = ["estimand", "planted", "intervals that hold it (95%)", "", "bias", "scatter"]
HEAD += ["stated error", "without an estimate"]


def estimates(
    seed: int, noise: float = 1.0, ids: Iterable[str] = preregistered()
) -> Iterator[dict[str, object]]:
    """Of findings, all if left out, on one planted table."""
    whole = plant.planted(seed, noise=noise)
    for finding in map(preregistered().__getitem__, ids):
        row: dict[str, object] = {"seed": seed, "id": finding.id}
        try:
            found, _ = finding.estimate_so_far(part(finding, whole, seed))
        except Undetermined:
            yield row
            continue
        low, high = found.interval()
        row |= {"value": found.value, "error": found.error, "low": low, "high": high}
        yield row | {"freedom": found.freedom}


def part(finding: Finding, whole: Measured, seed: int) -> Measured:
    """What a finding is computed from."""
    runs, ptq = (one[one["sweep"].isin(finding.blocks)] for one in whole)
    if finding.id == "breakage":
        runs = plant.broken(runs, seed)
    return Measured(runs, ptq)


def kept(tables: int) -> pd.DataFrame:
    """The estimates of so many tables; those that are not there yet are made."""
    sources = sorted((ROOT / "precision_lib/findings").glob("*.py"))
    texts = [path.read_bytes() for path in (*sources, Path(plant.__file__))]
    asked = repr([finding.decides for finding in preregistered().values()])
    code = hashlib.sha256(b"".join([*texts, asked.encode()])).hexdigest()
    path = ROOT / f"_build/coverage_estimands_{code[:12]}.csv"
    path.parent.mkdir(exist_ok=True)
    done = set(pd.read_csv(path)["seed"]) if path.exists() else set()
    for seed in sorted(set(range(tables)) - done):
        table = pd.DataFrame(list(estimates(seed)))
        table.to_csv(path, mode="a", header=not path.exists(), index=False)
    found = pd.read_csv(path)
    return found[found["seed"] < tables]


def row(found: pd.DataFrame, true: float) -> list[str]:
    """A line of the table."""
    there = found.dropna(subset="low")
    inside = there["low"].le(true) & there["high"].ge(true)
    held, (low, high) = intervals.share(int(inside.sum()), len(there))
    word = "fewer" if high < WIDTH[0] else "more" if low > WIDTH[1] else ""
    error = np.sqrt((there["error"] ** 2).mean())
    numbers = [there["value"].mean() - true, there["value"].std(), error]
    cells = [f"{true:.3f}", f"{held:.3f} ({low:.3f}-{high:.3f})", word]
    cells += ["" if np.isnan(x) else f"{x:.4f}" for x in numbers]
    return [*cells, str(len(found) - len(there) or "")]


def main(tables: int) -> None:
    """Plant, estimate and write the table."""
    plain = pd.DataFrame(estimates(0, SMALL)).set_index("id")["value"].to_dict()
    groups = dict(iter(kept(tables).groupby("id")))
    truth = plain | TRUTH | {WITH_NOISE: groups[WITH_NOISE]["value"].mean()}
    lines = [[name, *row(groups[name], truth[name])] for name in preregistered()]
    low, high = (f"{100 * end:.0f}%" for end in WIDTH)
    head = [
        "# Coverage of the estimands",
        "",
        f"{tables} tables, by `python -m benchmarks.coverage_estimands {tables}`.",
        "Names are those of `data/preregistered.yaml`, runs those of the second table,",
        "the noise is of our sizes. Planted is what the estimand is without noise; of",
        f"{' and '.join(TRUTH)} what was put in; of {WITH_NOISE} the",
        "mean over the tables.",
        f"*Fewer* and *more*: the share is surely below {low}, or above {high}.",
        "",
    ]
    rows = [HEAD, ["---"] * len(HEAD), *lines]
    text = [*head, *(f"| {' | '.join(cells)} |" for cells in rows)]
    TARGET.write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]))
