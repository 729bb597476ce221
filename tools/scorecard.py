"""Make data/scorecard.csv from the executed chapters, or compare it with them.

    python -m tools.scorecard --check      as make book does
    python -m tools.scorecard              execute what is stale, twice, and write

Written are the entries of the default seed. The chapters with entries are executed
with another seed too; a verdict that differs there is named, and nothing is written.
"""

from __future__ import annotations

import argparse

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings import scorecard
from precision_lib.paths import DATA
from tools import notebooks

OTHER_SEED = "1"


def main(arguments: list[str] | None = None) -> int:
    """Write the table, or with --check say what differs; the exit status."""
    parser = argparse.ArgumentParser(prog="tools.scorecard", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    if options.check:
        return check()
    sources = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))
    sources = [path for path in sources if "scorecard.show" in path.read_text("utf-8")]
    seeds = ((), (("seed", OTHER_SEED),))
    if any(notebooks.execute(sources, parameters) for parameters in seeds):
        return 1
    made, again = (
        scorecard.collected([folder / path.name for path in sources])
        for folder in (notebooks.EXECUTED, notebooks.WITH_PARAMETERS)
    )
    if changed := unstable(made, again):
        print("These verdicts hang on the seed of the bootstrap:", *changed, sep="\n  ")
        return 1
    made.to_csv(DATA / "scorecard.csv", index=False)
    print(f"data/scorecard.csv: {len(made)} entries, {verdicts(made)}")
    return 0


def check() -> int:
    """Compare the table with the chapters as they were executed last."""
    executed = sorted(notebooks.EXECUTED.glob("[0-9][0-9]_*.ipynb"))
    executed = [path for path in executed if not path.stem.endswith(".part")]
    try:
        made = scorecard.collected(executed)
    except UserError as error:
        print(error)
        return 1
    if changed := scorecard.differences(scorecard.load_scorecard(), made):
        print("data/scorecard.csv is not what the chapters say:", *changed, sep="\n  ")
        print("If they are right, write it anew with: make scorecard")
        return 1
    return 0


def unstable(made: pd.DataFrame, again: pd.DataFrame) -> list[str]:
    """Entries whose verdict is another one with another seed."""
    both = made.merge(again, on=["finding", "quantity"], suffixes=("", "_again"))
    moved = both[both["verdict"] != both["verdict_again"]]
    return [
        f"{row.finding}, {row.quantity}: {row.verdict} or {row.verdict_again}"
        for row in moved.itertuples()
    ]


def verdicts(made: pd.DataFrame) -> str:
    """How often each word stands in the table."""
    counts = made["verdict"].value_counts()
    return ", ".join(f"{counts.get(word, 0)} {word}" for word in scorecard.VERDICTS)


if __name__ == "__main__":
    raise SystemExit(main())
