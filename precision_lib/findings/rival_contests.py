"""The contests of the chapter on rivals, on the second table, and how they ended.

Which law predicts runs that it has not seen, in the ways of
`precision_lib.findings.leaving_out`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from precision_lib.findings.leaving_out import furthest
from precision_lib.findings.measured import labelled
from precision_lib.findings.rival_laws import CoupledShare, DataShare, QATLoss
from precision_lib.findings.rivals import (
    FEWEST,
    Contest,
    against,
    base_roundings,
    contest,
    kinds_of_training,
    leaders,
    of_costs,
    seed_error,
)
from precision_lib.laws import Law

ROUNDING, LOSS, COST = "δ of rounding", "loss in few bits", "cost of few bits"
# The paper's own law first.
LAWS = {
    "ptq": "the paper",
    "ouyang": "Ouyang 2024",
    "format-multiplier": "the paper",
    "coupled-share": "coupled",
    "data-share": "effective data",
    "quartet": "Quartet",
    "qat-loss": "Chen",
    "effective-weights": "the paper",
    "capacity": "Panferov",
    "effective-data": "effective data",
    "effective-both": "N and D",
    "power-additive": "power, added",
    "power-multiplicative": "power, times",
    "growing-error": "Chen",
    "paper": "the paper",
    "paper, coupled": "coupled",
    "shannon": "Ouyang 2026",
    "unified": "the paper",
    "effective + ptq-trained-low": "two laws apart",
    "effective + ptq": "rounding alone",
    "effective": "the paper",
    "effective-coupled": "coupled",
    "effective-data-parts": "effective data",
    "format-multiplier-parts": "QuEST",
    "chinchilla": "the paper",
    "coupled": "coupled",
}
TOO_FEW = "too few cells"
Results = dict[tuple[str, str], Contest]


def rounding_contests(ptq: pd.DataFrame, method: str = "gptq") -> Results:
    """The law of rounding against that of Ouyang et al., by what is held out."""
    rows = labelled(base_roundings(ptq, method))
    every = np.ones(len(rows), dtype=bool)
    return {
        (ROUNDING, rule): contest(rows, ["ptq", "ouyang"], every, hold_out=out)
        for rule, out in furthest(rows).items()
    }


def training_contests(runs: pd.DataFrame) -> Results:
    """What few bits take away in training, by the loss and by the cost.

    Each kind of training, such as weights in 3 bits, has a number of its own in every
    law, so that no form in the bits is judged with it.
    """
    rows = kinds_of_training(runs)
    low = (rows["weight_format"] != "float32").to_numpy()
    laws: list[str | type[Law]] = [
        "format-multiplier",
        CoupledShare,
        DataShare,
        "quartet",
        QATLoss,
    ]
    found: Results = {}
    for rule, out in furthest(rows).items():
        one = contest(rows, laws, low, hold_out=out)
        found |= {(LOSS, rule): one, (COST, rule): of_costs(one)}
    return found


def standings(results: Results, seed: int = 0) -> pd.DataFrame:
    """How every law did in every contest, beside the paper's.

    Returns columns quantity, rule, law, error, low and high (percent; the ends are
    those of the paired difference from the paper's law, put around its error), seeds
    (what the best law errs by, see `precision_lib.findings.rivals.seed_error`),
    constants (how many a law fits), runs and cells. A rule without judged runs has no
    rows.
    """
    rows = []
    for (quantity, rule), one in results.items():
        if one.errors.dropna().empty:
            continue
        found = against(one, str(one.errors.columns[0]), seed=seed)
        first = found["error"].iloc[0]
        ends = {name: first + found[name] for name in ("low", "high")}
        floor, cells = seed_error(one), one.groups.nunique()
        counts = [one.constants.get(str(law)) for law in found.index]
        rows.append(found.assign(
            **ends, quantity=quantity, rule=rule, seeds=floor, cells=cells,
            constants=pd.array(counts, dtype="Int64"),
        ).rename_axis("law").reset_index())  # fmt: skip
    columns = ["quantity", "rule", "law", "constants", "error", "low", "high"]
    return pd.concat(rows, ignore_index=True)[[*columns, "seeds", "runs", "cells"]]


def best_laws(results: Results, seed: int = 0) -> dict[tuple[str, str], list[str]]:
    """The best law of each contest and those that tie; none of too few cells."""
    return {
        name: leaders(one, seed=seed) if one.groups.nunique() >= FEWEST else []
        for name, one in results.items()
    }


def winners(best: dict[tuple[str, str], list[str]]) -> pd.DataFrame:
    """Who wins each contest, or ties, by author, from `best_laws`.

    Returns, index quantity and what was held out; the column "who wins".

    >>> winners({("loss", "more data"): ["ptq"]}).iloc[0, 0]
    'the paper wins'
    """
    quantities = dict.fromkeys(quantity for quantity, _ in best)
    keys = [key for name in quantities for key in best if key[0] == name]
    index = pd.MultiIndex.from_tuples(keys, names=["quantity", "held out"])
    return pd.DataFrame({"who wins": [who_wins(best, *key) for key in keys]}, index)


def who_wins(best: dict[tuple[str, str], list[str]], quantity: str, rule: str) -> str:
    """One cell of `winners`, for a sentence.

    >>> who_wins({("loss", "more data"): ["ptq"]}, "loss", "more data")
    'the paper wins'
    """
    laws = best.get((quantity, rule), [])
    return in_words([LAWS[law] for law in laws]) if laws else TOO_FEW


def best_counts(
    results: Results, best: dict[tuple[str, str], list[str]]
) -> pd.DataFrame:
    """How often each law was the best, alone or among those that tie with it.

    `best`: of `best_laws`; contests of too few cells do not count.

    Returns, index law; contests, alone, among.
    """
    rows = [
        {"law": law, "contests": 1, "alone": laws == [law], "among": law in laws}
        for name, laws in best.items()
        if laws
        for law in results[name].errors
    ]
    return pd.DataFrame(rows).groupby("law", sort=False).sum()


def in_words(names: Sequence[str]) -> str:
    """A winner, or a tie, as a reader says it.

    >>> in_words(["Chen"]), in_words(["Chen", "Quartet"])
    ('Chen wins', 'a tie of Chen and Quartet')
    """
    if len(names) == 1:
        return f"{names[0]} wins"
    return f"a tie of {', '.join(names[:-1])} and {names[-1]}"
