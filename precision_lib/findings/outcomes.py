"""What came of each registered finding, on the runs that there are."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.measured import Measured
from precision_lib.findings.preregistration import Finding, preregistered

COLUMNS = ["id", "prediction", "word", "complete", "value", "low", "high", "error"]
COLUMNS += ["units", "forecast", "ranges", "runs", "missing"]


def outcomes(
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    planned: Mapping[str, int],
    predictions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The estimate of each finding, its word, and which of its runs are not there yet.

    Parameters
    ----------
    runs, ptq : DataFrame
        As `precision_lib.runs.run_table` loads them.
    planned : mapping of str to int
        Runs that each plan has.
    predictions : DataFrame, optional
        What laws had said of held-out runs; the published ones if left out.

    Returns
    -------
    DataFrame
        A row a finding. ``low`` and ``high`` are the ends of the 95% interval, with the
        ranges of D that disagree; ``ranges`` counts these. ``word`` is that of the
        finding, final once ``complete`` says that every planned run is there;
        ``forecast`` whether the estimate lies in what was forecast. Where the runs do
        not determine the estimate, ``missing`` says why.

    Examples
    --------
    >>> outcomes(runs, ptq, {"base": 75}).set_index("id").loc["turn", "word"]
    ... # doctest: +SKIP
    'supports'
    """
    rows = [
        outcome(finding, runs, ptq, planned, predictions)
        for finding in preregistered().values()
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"prediction": "Int64", "units": "Int64"})


def outcome(
    finding: Finding,
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    planned: Mapping[str, int],
    predictions: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """One row of `outcomes`.

    >>> from precision_lib.runs.run_table import load_ptq, load_runs
    >>> row = outcome(preregistered()["delta-grows"], load_runs(), load_ptq(), {})
    >>> row["missing"], row["units"] > 9
    ('', True)
    """
    mine = (table[table["sweep"].isin(finding.blocks)] for table in (runs, ptq))
    measured = Measured(*mine)
    done = measured.runs["sweep"].value_counts()
    counts = {
        name: (int(done.get(name, 0)), planned.get(name)) for name in finding.blocks
    }
    row: dict[str, Any] = {
        "id": finding.id,
        "prediction": finding.prediction,
        "complete": all(have == want for have, want in counts.values()),
        "runs": ", ".join(
            f"{k} {have} of {want}" for k, (have, want) in counts.items()
        ),
        "word": "",
        "missing": "",
    }
    asked = inspect.signature(finding.computes()).parameters
    more = {"predictions": predictions} if "predictions" in asked else {}
    try:
        found = finding.estimate(measured, **more)
    except UserError as error:
        return row | {"missing": str(error)}
    low, high = found.interval()
    row |= {"value": found.value, "error": found.error, "low": low, "high": high}
    row |= {"units": found.units, "ranges": len(found.others)}
    if finding.forecast is not None:
        inside = finding.forecast[0] <= found.value <= finding.forecast[1]
        row["forecast"] = "inside" if inside else "outside"
    return row | {"word": finding.word(found)}
