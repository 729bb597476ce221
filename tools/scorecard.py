"""Make data/scorecard.csv from the executed chapters, and note the machine.

    python -m tools.scorecard              execute what is stale, twice, and write

Written are the entries of the default seed. The chapters with entries are executed
with another seed too; a verdict that differs there is named, and nothing is written.
"""

from __future__ import annotations

import json

import pandas as pd

from precision_lib.findings import scorecard
from precision_lib.paths import DATA
from tools import notebooks
from tools.agreement import PUBLISHED_MACHINE
from tools.machine import machine

OTHER_SEED = "1"


def main() -> int:
    """Write the table and the machine that made it; the exit status."""
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
    facts = json.dumps(machine(), indent=1) + "\n"
    PUBLISHED_MACHINE.write_text(facts, encoding="utf-8")
    print(f"data/scorecard.csv: {len(made)} entries, {verdicts(made)}")
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
