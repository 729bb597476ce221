"""Put records that lie in files of lines, one record a line, into the second table.

python -m tools.add_records LINES... [--records FOLDER] [--data FOLDER]

Lines of one run are put together, so that training and rounding may stand in different
files. What a line lacks of the plan that its run belongs to is looked up in data/plans.
Then data/README.md, data/outcomes.csv and data/laws.json are brought up to the tables.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from precision_lib.errors import UserError
from precision_lib.findings.our_laws import keep_laws
from precision_lib.paths import DATA
from precision_lib.runs.run_table import write_table
from precision_lib.sweep.plans import Plan, read_plan
from precision_lib.sweep.records import NEEDED, collect, write_json
from tools import data_readme
from tools.outcomes import outcomes_of

RECORDS = Path(".cache/runs/lines")


def main() -> int:
    """Read, write records, collect; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="+", type=Path)
    parser.add_argument("--records", type=Path, default=RECORDS)
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args()
    try:
        count = add(asked.lines, asked.records, asked.data)
    except UserError as error:
        print(f"add_records: {error}")
        return 2
    print(f"{asked.data / 'runs.csv'}: {count} runs")
    if asked.data == DATA:
        data_readme.main()
        write_table(outcomes_of(DATA), DATA / "outcomes.csv")
        keep_laws(DATA)
    return 0


def add(lines: Iterable[Path], folder: Path, data: Path) -> int:
    """Collect the records of these files into the tables in `data`; the runs there.

    Raises
    ------
    UserError
        If a line is no JSON or is of a run of no plan, or a record lacks something.
        A last line that is cut off is passed over.
    """
    records: dict[str, dict[str, Any]] = defaultdict(dict)
    for path in lines:
        for record in read_lines(path):
            records[record["run_id"]] |= record
    plans = plan_of_runs()
    for run, record in records.items():
        whole = record
        if not {"sweep", "role"} <= record.keys():
            if run not in plans:
                raise UserError(f"run {run} is of no plan in data/plans; mend it.")
            whole = {"sweep": plans[run].name, "role": plans[run].role} | record
        if missing := sorted(NEEDED - whole.keys()):
            raise UserError(f"the record of run {run} has no {', '.join(missing)}.")
        records[run] = whole
    folder.mkdir(parents=True, exist_ok=True)
    for run, record in records.items():
        write_json(folder / f"{run}.json", record)
    return collect(folder, data)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a file, without a last line that is cut off."""
    texts = path.read_text("utf-8").splitlines(keepends=True)
    found = []
    for number, text in enumerate(texts, 1):
        try:
            found.append(json.loads(text))
        except ValueError as error:
            if number == len(texts) and not text.endswith("\n"):
                print(f"{path}: the last line is cut off; its run is not done.")
                break
            raise UserError(f"{path}, line {number}: is no JSON ({error}).") from error
    return found


def plan_of_runs() -> dict[str, Plan]:
    """The plan of the second table that each run belongs to."""
    plans = [read_plan(path) for path in sorted((DATA / "plans").glob("*.yaml"))]
    return {config.run_id: plan for plan in plans for config in plan.configs()}


if __name__ == "__main__":
    sys.exit(main())
