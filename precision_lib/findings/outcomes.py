"""What came of each registered finding, on the runs that there are.

The one source of the words *supports*, *contradicts* and *undecided*. They are kept in
``data/outcomes.csv``, which pages read, and which ``python -m tools.outcomes`` makes.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.measured import Measured
from precision_lib.findings.preregistration import Finding, preregistered
from precision_lib.findings.prose import with_ends
from precision_lib.paths import DATA

COLUMNS = ["id", "prediction", "word", "complete", "estimate", "low", "high", "error"]
COLUMNS += ["low_90", "high_90", "units", "forecast", "ranges", "runs", "hours"]
COLUMNS += ["missing"]
PATH = DATA / "outcomes.csv"
NO_EFFECT = "–"
LETTERS = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ"}


def outcomes(
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    planned: Mapping[str, int],
    predictions: pd.DataFrame | None = None,
    hours: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """The estimate of each finding, its word, and which of its runs are not there yet.

    Returns a row a finding. ``low`` and ``high`` are the ends of the 95% interval, with
    the ranges of D that disagree; ``ranges`` counts these. ``low_90`` and ``high_90``
    are those of the interval that decides sameness. ``word`` is that of the finding,
    final once ``complete`` says that every planned run is there; ``forecast`` whether
    the estimate lies in what was forecast. Where the runs do not determine the
    estimate, or not for a range of D, ``missing`` says why, and there is no word.

    `runs`, `ptq`: as `precision_lib.runs.run_table` loads them; `planned`: runs that
    each plan has. `predictions`: what laws had said of held-out runs; the published
    ones if left out. `hours`: core-hours that the missing runs of each plan will take;
    unknown if left out.
    """
    rows = [
        outcome(finding, runs, ptq, planned, predictions, hours)
        for finding in preregistered().values()
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"prediction": "Int64", "units": "Int64", "ranges": "Int64"})


def outcome(
    finding: Finding,
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    planned: Mapping[str, int],
    predictions: pd.DataFrame | None = None,
    hours: Mapping[str, float] | None = None,
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
    lost = measured.runs.query("status == 'diverged'")["sweep"].value_counts()
    counts = {
        name: (int(done.get(name, 0)), planned.get(name)) for name in finding.blocks
    }
    left = sum((hours or {}).get(name, math.nan) for name in finding.blocks)
    row: dict[str, Any] = {
        "id": finding.id,
        "prediction": finding.prediction,
        "complete": all(have == want for have, want in counts.values()),
        "runs": ", ".join(
            f"{k} {have} of {want}" + (f" ({lost[k]} diverged)" if k in lost else "")
            for k, (have, want) in counts.items()
        ),
        "hours": round(left, 1),
        "word": "",
        "missing": "",
    }
    asked = inspect.signature(finding.computes()).parameters
    more = {"predictions": predictions} if "predictions" in asked else {}
    try:
        found, row["missing"] = finding.estimate_so_far(measured, **more)
    except Undetermined as error:
        return row | {"missing": str(error)}
    low, high = found.interval()
    row |= {"estimate": found.value, "error": found.error, "low": low, "high": high}
    row |= dict(zip(("low_90", "high_90"), found.interval(0.90), strict=True))
    row |= {"units": found.units, "ranges": len(found.others)}
    if finding.forecast is not None:
        inside = finding.forecast[0] <= found.value <= finding.forecast[1]
        row["forecast"] = "inside" if inside else "outside"
    return row | {"word": "" if row["missing"] else finding.word(found)}


def load_outcomes(path: Path = PATH) -> pd.DataFrame:
    """The words as they were published.

    >>> list(load_outcomes().columns) == COLUMNS
    True
    """
    kinds = dict.fromkeys(("prediction", "units", "ranges"), "Int64")
    words = dict.fromkeys(("word", "forecast", "missing"), "str")
    return pd.read_csv(path, dtype=kinds | words).fillna(dict.fromkeys(words, ""))


@cache
def findings() -> pd.DataFrame:
    """The findings, and our own questions: id, claim, source, chapter.

    >>> findings().set_index("id").loc["F1b", "chapter"]
    '04_ptq_degradation'
    """
    return pd.read_csv(DATA / "findings.csv", dtype=str)


def chapters_of(finding: Finding) -> list[str]:
    """The chapters that treat it, the first of them at length.

    >>> chapters_of(preregistered()["granularity-of-activations"])
    ['15_granularity', '10_compute_optimal_precision']
    """
    chapter = findings().set_index("id")["chapter"]
    return list(dict.fromkeys(chapter[row] for row in finding.rows))


def standing(row: Mapping[Any, Any]) -> str:
    """The word of a row of the table, or why it has none yet.

    >>> standing({"word": "", "complete": False, "runs": "base 36 of 75, bits 0 of 64"})
    'not run'
    """
    if row["word"]:
        return str(row["word"])
    if row["complete"]:
        return "undecided"
    known = math.isfinite(row.get("estimate", math.nan))
    return "not run" if _not_begun(row) and not known else "too few runs"


def in_words(*ids: str) -> str:
    """Registered claims with their words, for one sentence.

    `ids`: of findings.

    >>> in_words("tokens-or-steps").partition(": ")[0]
    'The cost follows tokens, not steps'
    """
    rows = {row["id"]: row for row in load_outcomes().to_dict("records")}
    said = [f"{preregistered()[one].short}: {standing(rows[one])}" for one in ids]
    return "; ".join(said)


def effect(row: Mapping[Any, Any]) -> str:
    """The estimate of a row with its 95% interval and its units.

    >>> effect({"word": "supports", "estimate": 0.5, "low": 0.4, "high": 0.61})
    '0.50 (0.40 to 0.61)'
    """
    if not math.isfinite(row.get("estimate", math.nan)):
        return NO_EFFECT
    return with_interval(row["estimate"], row["low"], row["high"])


def would_decide(row: Mapping[Any, Any]) -> str:
    """Which runs a row waits for, and what they cost.

    >>> row = {"word": "", "complete": False, "hours": 3.0, "missing": "no run is it."}
    >>> would_decide(row | {"runs": "base 36 of 75, bits 0 of 64"})
    'Not run: 0 of 64 runs of bits. In the table: base 36 of 75. About 3 core-hours \
are left. Until then: no run is it.'
    >>> row |= {"word": "supports", "complete": True, "missing": ""}
    >>> would_decide(row | {"runs": "base 75 of 75 (1 diverged)"})
    'In the table: base 75 of 75 (1 diverged).'
    """
    if row["complete"]:
        said = [str(row["missing"])]
        if row["word"] == "undecided":
            said = [more_units(row)]
        # Most estimands are of finished runs: what broke must not drop out unseen.
        broken = [one for one in row["runs"].split(", ") if "diverged" in one]
        said += [f"In the table: {one}." for one in broken]
        return " ".join(filter(None, said))
    begun = [one for one in row["runs"].split(", ") if one not in _not_begun(row)]
    none = [text.split(" ", 1) for text in _not_begun(row)]
    absent = ", ".join(f"{count} runs of {name}" for name, count in none)
    said = [f"Not run: {absent}."] if absent else []
    said += [f"In the table: {', '.join(begun)}."] if begun else []
    if not math.isnan(row["hours"]):
        said.append(f"About {row['hours']:.2g} core-hours are left.")
    said += [f"Until then: {row['missing']}"] if row["missing"] else []
    return " ".join(said)


def more_units(row: Mapping[Any, Any]) -> str:
    """How many units would decide an undecided row, did its estimate and scatter stay.

    The interval has to shrink, with the root of the number of units, into the margin
    that the estimate lies in; between two margins no number of units may do.

    >>> row = {"id": "turn", "units": 3, "estimate": 0.05, "low": -0.05, "high": 0.15}
    >>> more_units(row)
    '75 units in place of 3 would decide, did estimate and scatter stay.'
    >>> more_units(row | {"estimate": 0.01, "low": -0.09, "high": 0.11})
    'The estimate lies between the margins, where more units need not decide.'
    >>> more_units(row | {"low": -math.inf, "high": math.inf})
    'The interval has no end: how many units would decide is not known.'
    """
    finding = preregistered()[row["id"]]
    regions = [(finding.supports, "_90" if finding.equivalence else "")]
    regions += [(region, "") for region in finding.contradicts]
    for (first, last), level in regions:
        room = min(row["estimate"] - first, last - row["estimate"])
        half = (row[f"high{level}"] - row[f"low{level}"]) / 2
        if half == math.inf:
            return "The interval has no end: how many units would decide is not known."
        if room > 0:
            needed = row["units"] * (half / room) ** 2
            return (
                f"{float(f'{math.ceil(needed):.2g}'):,.0f} units in place of "
                f"{row['units']} would decide, did estimate and scatter stay."
            )
    return "The estimate lies between the margins, where more units need not decide."


def _not_begun(row: Mapping[Any, Any]) -> list[str]:
    return [text for text in row["runs"].split(", ") if " 0 of " in text]


def with_letters(text: str) -> str:
    """A text whose constants have the paper's letters.

    >>> with_letters("R2 of delta, gamma_D above alpha")
    'R² of δ, γ_D above α'
    """
    names = r"\b(alpha|beta|gamma|delta)(?![a-z])"
    text = re.sub(names, lambda name: LETTERS[name[0]], text)
    return re.sub(r"\bR2\b", "R²", text)


def with_interval(estimate: float, low: float, high: float) -> str:
    """A number and both ends, to the decimal that half the interval has two digits to.

    Three digits each where an end is infinite, the ends are one, or in ten thousands.

    >>> with_interval(0.00298, -0.00501, 0.011), with_interval(0.6, 0.5, float("inf"))
    ('0.0030 (-0.0050 to 0.0110)', '0.6 (0.5 to ∞)')
    >>> with_interval(0.0264, -0.0001, 0.0529)
    '0.0264 (-0.0001 to 0.0529)'
    """
    half = (high - low) / 2
    if 0 < half < math.inf and abs(estimate) < 10_000:
        digits = max(0, 1 - math.floor(math.log10(half)))
        if any(0 < abs(end) < 0.5 * 10**-digits for end in (low, high)):
            digits += 1  # on which side of zero an end lies decides words
        return with_ends(estimate, low, high, digits)
    number, *ends = map(_three_digits, (estimate, low, high))
    return f"{number} ({' to '.join(ends)})"


def _three_digits(number: float) -> str:
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    large = abs(number) >= 10_000
    return f"{number:.2e}" if large else f"{number:.3g}"
