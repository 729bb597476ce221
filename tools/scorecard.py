"""Make data/scorecard.csv from the executed chapters, and note the machine.

python -m tools.scorecard

Executes what is stale. Written are the numbers of the short runs that each chapter
states; the words of the findings are made by tools.outcomes.
"""

from __future__ import annotations

import json

from precision_lib.findings import scorecard
from precision_lib.paths import DATA
from tools import notebooks
from tools.agreement import PUBLISHED_MACHINE
from tools.machine import machine


def main() -> int:
    """Write the table and the machine that made it; the exit status."""
    sources = sorted(notebooks.NOTEBOOKS.glob("*.ipynb"))
    sources = [path for path in sources if "scorecard.show" in path.read_text("utf-8")]
    if notebooks.execute(sources):
        return 1
    made = scorecard.collected([notebooks.EXECUTED / path.name for path in sources])
    made.to_csv(DATA / "scorecard.csv", index=False)
    facts = json.dumps(machine(), indent=1) + "\n"
    PUBLISHED_MACHINE.write_text(facts, encoding="utf-8")
    print(f"data/scorecard.csv: {len(made)} numbers of short runs")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
