"""Rival laws on the same runs: which predicts runs that it has not seen better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.group_bootstrap import mean_of, resampled
from precision_lib.findings.leaving_out import FOLDS, Mask, turns
from precision_lib.findings.measured import labelled
from precision_lib.findings.twins import (
    PARTS,
    TWIN,
    law_roundings,
    law_runs,
    of_part,
    with_part,
)
from precision_lib.laws import Comparison, Law, compare

FEWEST = 4  # cells for an interval
FORMATS = [f"{part.removesuffix('s')}_format" for part in PARTS]


@dataclass(frozen=True)
class Contest:
    """Laws fitted to the same rows and judged on the same held-out ones."""

    table: pd.DataFrame  #: the rows
    judged: Mask  #: rows whose held-out prediction counts
    comparison: Comparison | None  #: the fits and the held-out predictions
    #: A row a judged run, a column a law: ``|log(measured / predicted)|``
    errors: pd.DataFrame
    groups: pd.Series  #: what was held out together, for each judged row
    #: What was predicted of each judged row, in the unit of the errors
    measured: pd.Series
    #: Numbers that each law fits
    constants: Mapping[str, int] = field(default_factory=dict)


def contest(
    table: pd.DataFrame,
    laws: Sequence[str | type[Law]],
    judged: Mask,
    hold_out: Mask | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    **options: Any,
) -> Contest:
    """Predict each cell of N and D from the others, or the rows of a rule.

    `table`: with columns N and D; rows of one N and D are held out together, whatever
    their seed, so that no law has seen a run's neighbours. `laws`: names or classes;
    `judged`: rows that count; a rule of `hold_out` narrows them. `hold_out`: rows never
    fitted; without it, cross-validation by cells. `folds`, `seed`: of the
    cross-validation; `**options`: of the fits, such as the scale of residuals.

    >>> from precision_lib.laws import planted_table
    >>> runs = pd.DataFrame(planted_table("effective-tied", 60))
    >>> laws = ["effective-tied", "effective-tied-no-offset"]
    >>> against(contest(runs, laws, np.ones(60, bool)), laws[0])["word"].tolist()
    ['reference', 'worse']
    """
    cells = twins.cells(table)
    fold = turns(table, folds, seed)
    count = len(set(fold))
    found = compare(
        table, laws, hold_out=hold_out, folds=count, by=fold, seed=seed, **options
    )
    if hold_out is not None:
        judged = judged & hold_out
    names = [law if isinstance(law, str) else law.name for law in laws]
    target = found.fits[names[0]].law.target
    measured = table[target].to_numpy(float)
    with np.errstate(all="ignore"):
        errors = pd.DataFrame(
            {n: np.abs(np.log(measured / found.predictions[n])) for n in names},
            index=table.index,
        )
    errors = errors.replace([np.inf, -np.inf], np.nan)
    logs = pd.Series(np.log(measured), index=table.index)
    constants = {score.law: score.parameters for score in found.scores}
    return Contest(
        table, judged, found, errors[judged], cells[judged], logs[judged], constants
    )


def against(contest: Contest, reference: str, seed: int = 0) -> pd.DataFrame:
    """Each law's held-out error, and its difference to that of a reference.

    The difference is paired: a bootstrap draws cells of N and D, and a cell brings the
    errors of both laws on the same runs. Rows for which some law gives no number (see
    the column undefined) are left out for all.

    Returns, index law; error, difference, low and high in percent (mean of the
    logarithmic error), undefined, runs, and word: "better", "worse" or "tie" by the 95%
    interval, "reference" for the reference. Of fewer than `FEWEST` cells a bootstrap
    says nothing, and the interval is infinite.

    >>> errors = pd.DataFrame({"a": [0.01] * 4, "b": [0.03, 0.04, 0.03, 0.05]})
    >>> cells = pd.Series([1, 2, 3, 4])
    >>> made = Contest(None, np.ones(4, bool), None, errors, cells, None)
    >>> against(made, "a")["word"].tolist()
    ['reference', 'worse']
    """
    known = contest.errors.dropna()
    groups = contest.groups.loc[known.index]
    rows = {}
    for law in contest.errors:
        gap = known[law] - known[reference]
        mean, low, high = resampled(mean_of(100 * gap), groups, 10_000, seed)
        if groups.nunique() < FEWEST:
            low, high = -np.inf, np.inf
        word = "better" if high < 0 else "worse" if low > 0 else "tie"
        rows[law] = {
            "error": 100 * known[law].mean(),
            "difference": mean,
            "low": low,
            "high": high,
            "undefined": int(contest.errors[law].isna().sum()),
            "runs": len(known),
            "word": "reference" if law == reference else word,
        }
    return pd.DataFrame(rows).T.infer_objects()


def leaders(contest: Contest, seed: int = 0) -> list[str]:
    """The law with the smallest held-out error and those that tie with it, in order.

    >>> errors = pd.DataFrame({"a": [0.01] * 4, "b": [0.03, 0.04, 0.03, 0.05]})
    >>> cells = pd.Series([1, 2, 3, 4])
    >>> leaders(Contest(None, np.ones(4, bool), None, errors, cells, None))
    ['a']
    """
    mean = contest.errors.dropna().mean().sort_values()
    beside = against(contest, str(mean.index[0]), seed=seed)
    return [str(law) for law in mean.index if beside.loc[law, "word"] != "worse"]


def seen_often(table: pd.DataFrame, columns: Sequence[str], folds: int = FOLDS) -> Mask:
    """Rows whose formats occur in enough cells of N and D to be held out.

    A law with a number for each format cannot predict a format that it has not seen;
    with cells held out by turns, each must be in more of them than a fold has.

    >>> table = pd.DataFrame({"N": [1, 2, 3, 4], "D": 9, "f": ["a", "a", "a", "b"]})
    >>> seen_often(table, ["f"], folds=4).tolist()
    [True, True, True, False]
    """
    cells = twins.cells(table)
    needed = -(-cells.nunique() // folds) + 1
    keep = np.ones(len(table), dtype=bool)
    for column in columns:
        keep &= (cells.groupby(table[column]).transform("nunique") >= needed).to_numpy()
    return keep


def kinds_of_training(runs: pd.DataFrame) -> pd.DataFrame:
    """Unquantized runs and those of a part, or all, in one width; one format a kind.

    What is quantized, such as "weights 3", takes the place of the weight format, so
    that laws with a number a format have one for each kind. Kinds in too few cells of N
    and D to be held out are left out.

    >>> from precision_lib.runs.run_table import load_runs
    >>> rows = kinds_of_training(load_runs())
    >>> {"float32", "weights 3"} <= set(rows["weight_format"])
    True
    """
    rows = with_part(labelled(law_runs(runs, "any")))
    rows = rows[rows["part"] != "several"].reset_index(drop=True)
    kinds = rows["part"] + " " + rows["bits"].astype(str)
    rows = rows.assign(weight_format=kinds.mask(rows["part"] == "none", "float32"))
    return rows[seen_often(rows, ["weight_format"])].reset_index(drop=True)


def of_costs(
    contest: Contest, predictions: Mapping[str, npt.NDArray[np.float64]] | None = None
) -> Contest:
    """The same held-out predictions, judged by what few bits cost.

    A law's cost is its loss of a run less that of the unquantized twin. Errors are
    shares of the mean measured cost; runs without a twin are left out. `predictions`:
    of every row by law, where the contest holds those of other rows than the twins.
    """
    if predictions is None:
        assert contest.comparison is not None
        predictions = contest.comparison.predictions
    table = contest.table
    high = of_part(table, None)
    keys = table[TWIN].astype(str).agg("-".join, axis=1)
    twin = keys.map(pd.Series(table.index[high], keys[high]))
    rows = twin[contest.errors.index].dropna().astype(int)
    loss = table["loss"].to_numpy(float)
    cost = pd.Series(loss[rows.index] - loss[rows], index=rows.index)
    errors = {
        name: np.abs(said[rows.index] - said[rows] - cost) / cost.mean()
        for name, said in predictions.items()
    }
    return replace(
        contest,
        errors=pd.DataFrame(errors)[list(contest.errors)],
        groups=contest.groups[rows.index],
        measured=cost / cost.mean(),
    )


def seed_error(contest: Contest) -> float:
    """The error of a law that knows each mean over seeds, in percent; nan if unknown.

    The mean distance of the seeds of one N, D, format and rounding from their own mean,
    scaled up by sqrt(n / (n - 1)), since that mean of n has followed them.

    >>> table = pd.DataFrame({"N": [1, 1, 2], "tokens": 9})
    >>> measured = pd.Series([0.69, 0.79, 0.5])
    >>> one = Contest(table, np.ones(3, bool), None, None, table["N"], measured)
    >>> round(seed_error(one), 2)
    7.07
    """
    names = ("N", "tokens", *FORMATS, "post_bits")
    rows = contest.table.loc[contest.measured.index]
    groups = contest.measured.groupby([rows[n] for n in names if n in rows])
    n = groups.transform("size")
    distance = (contest.measured - groups.transform("mean")).abs()[n > 1]
    return 100 * float((distance * np.sqrt(n / (n - 1))[n > 1]).mean())


def base_roundings(ptq: pd.DataFrame, method: str) -> pd.DataFrame:
    """Roundings to 3 to 6 bits of the unquantized runs that laws are fitted to.

    Costs at or below zero, of which a logarithmic error cannot speak, are left out.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> base_roundings(load_ptq(), "rtn")["sweep"].unique().tolist()
    ['base']
    """
    rows = law_roundings(ptq, (3, 6), method)
    return rows[rows["delta"] > 0].reset_index(drop=True)
