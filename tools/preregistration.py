"""When each finding was written down as it stands, by the history of its file.

python -m tools.preregistration
"""

from __future__ import annotations

import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.preregistration import (
    PATH,
    Finding,
    preregistered,
    read_preregistration,
)
from precision_lib.paths import DATA, table_folder
from precision_lib.runs.run_table import load_costs

ROOT = DATA.parent


def main() -> None:
    """Print the date of each finding."""
    for name, written in written_at().items():
        print(f"{written:%Y-%m-%d %H:%M %z} {name}")


def versions() -> list[tuple[datetime, dict[str, Finding]]]:
    """Every committed version of the file with its date, the newest first.

    A version that could not be read today counts as none.
    """
    name = PATH.relative_to(ROOT).as_posix()
    found = []
    for line in _git("log", "--format=%H %aI", "--", name).splitlines():
        commit, date = line.split()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, PATH.name)
            path.write_text(_git("show", f"{commit}:{name}"), encoding="utf-8")
            try:
                old = read_preregistration(path).findings
            except UserError:
                break
        found.append((datetime.fromisoformat(date), {one.id: one for one in old}))
    return found


def written_at() -> dict[str, datetime]:
    """Since when each finding has stood there with what decides it now."""
    since: dict[str, datetime] = {}
    changed: set[str] = set()
    for date, old in versions():
        for name, finding in preregistered().items():
            if name not in old or old[name].decides != finding.decides:
                changed.add(name)
            elif name not in changed:
                since[name] = date
    return since


def first_runs(costs: pd.DataFrame) -> pd.Series:
    """When the first run of each plan was finished."""
    times = pd.to_datetime(costs["finished"], format="ISO8601")
    return times.groupby(costs["sweep"]).min()


def too_late() -> list[str]:
    """A sentence for each finding that is younger than a run that decides it.

    Those whose deviation is told are left out.
    """
    costs = table_folder() / "costs.csv"
    if not costs.exists():
        return []
    began, since = first_runs(load_costs(costs)), written_at()
    told = {
        name for one in read_preregistration(PATH).deviations for name in one.findings
    }
    sentences = []
    for name, finding in preregistered().items():
        runs = began.reindex(finding.blocks).dropna()
        if name in told or runs.empty:
            continue
        if name not in since:
            sentences.append(f"{name}: is not committed as it stands.")
        elif since[name] > runs.min():
            sentences.append(
                f"{name}: stands since {since[name]}, and {runs.idxmin()} has a run of "
                f"{runs.min()}; list it under deviations."
            )
    return sentences


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    main()
