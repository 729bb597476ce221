"""Contests of laws of other quantities: by width, as served, in training and after it.

And between predictions that were written down before the runs that they speak of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.format_error import with_gmse
from precision_lib.findings.leaving_out import (
    BETWEEN,
    FEWER,
    FOLDS,
    Mask,
    furthest,
    turns,
)
from precision_lib.findings.measured import labelled
from precision_lib.findings.predictions import ROW, measured_beside
from precision_lib.findings.rival_contests import Results
from precision_lib.findings.rivals import FORMATS, Contest, of_costs
from precision_lib.findings.twins import law_roundings, law_runs
from precision_lib.findings.unified import trained_and_rounded, unified_rows
from precision_lib.formats import HIGH_PRECISION, HIGH_PRECISION_BITS
from precision_lib.laws import Fit, compare, fit
from precision_lib.laws.law import Law
from precision_lib.laws.registry import LAWS

WIDTH, SERVED, BOTH = "cost by width of weights", "loss as served", "cost of both"
SAID = {"held_28M": "28M, said before", "held_mixes": "mixes, said before"}
STARTS = 12  # of a fit, of which the contests make a hundred
BY_WIDTH = [
    "effective-weights",
    "capacity",
    "effective-data",
    "effective-both",
    "power-additive",
    "power-multiplicative",
    "growing-error",
]
# The loss as served: one law of it, or a base law and one of the degradation.
AS_SERVED = {
    "paper": ("chinchilla", "ptq"),
    "paper, coupled": ("coupled", "ptq"),
    "shannon": ("shannon",),
}
IN_FEW_BITS = [
    "effective",
    "effective-coupled",
    "effective-data-parts",
    "format-multiplier-parts",
]
# Of which laws predictions were committed, by quantity.
SPOKE = {
    "loss in few bits": ("loss", IN_FEW_BITS),
    "cost of few bits": ("cost", IN_FEW_BITS),
    "δ of rounding": ("delta", ["ptq", "ouyang"]),
    WIDTH: ("cost", BY_WIDTH[:-1]),
}


def width_contests(runs: pd.DataFrame) -> Results:
    """What low-bit weights cost, by laws that have a form in the width or its error."""
    rows = with_gmse(labelled(law_runs(runs, "weights")))
    low = (rows["weight_bits"] < HIGH_PRECISION_BITS).to_numpy()
    rules = furthest(rows)
    rules[BETWEEN] = (rows["weight_bits"] == 3).to_numpy()
    found: Results = {}
    for rule, out in rules.items():
        judged = low if out is None else low & out
        if judged.any():
            said, constants = _predicted(rows, BY_WIDTH, out)
            one = _of_losses(rows, judged, rows["loss"], said, constants)
            arrays = {law: said[law].to_numpy(float) for law in BY_WIDTH}
            found[WIDTH, rule] = of_costs(one, arrays)
    return found


def served_contests(ptq: pd.DataFrame, bits: int = 3, method: str = "gptq") -> Results:
    """The loss after rounding: as a channel's, or a base law and a degradation."""
    rows = labelled(law_roundings(ptq, (bits, bits), method))
    after = rows.assign(loss=rows["post_loss"])
    apart = sorted({law for laws in AS_SERVED.values() for law in laws} - {"shannon"})
    found: Results = {}
    for rule, out in furthest(rows).items():
        said, counts = _predicted(rows, apart, out)
        whole, count = _predicted(after, ["shannon"], out)
        said, counts = said.join(whole), counts | count
        sums = {n: said[list(laws)].sum(axis=1) for n, laws in AS_SERVED.items()}
        numbers = {n: sum(counts[one] for one in laws) for n, laws in AS_SERVED.items()}
        keep = np.ones(len(rows), dtype=bool) if out is None else out
        found[SERVED, rule] = _of_losses(
            rows, keep, rows["post_loss"], pd.DataFrame(sums), numbers
        )
    return found


def _predicted(
    rows: pd.DataFrame, laws: Sequence[str], out: Mask | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """What laws fitted without some rows say of all; without a rule, of cells by turns.

    And how many constants each has.
    """
    said, counts = {}, {}
    for law in laws:
        if out is None:
            one = compare(
                rows, [law], folds=FOLDS, by=turns(rows), criteria=False, starts=STARTS
            )
            said[law], counts[law] = one.predictions[law], one.scores[0].parameters
        else:
            seen = fit(rows[~out], law, starts=STARTS)
            said[law] = np.asarray(seen.predict(rows))
            counts[law] = _constants(seen.law)
    return pd.DataFrame(said, index=rows.index), counts


def _constants(law: type[Law]) -> int:
    """How many a fit of it chooses."""
    return sum(p.fixed is None for p in law.parameters)


def _of_losses(
    rows: pd.DataFrame,
    judged: Mask,
    measured: pd.Series,
    said: pd.DataFrame,
    constants: Mapping[str, int],
) -> Contest:
    logs = pd.Series(np.log(measured.to_numpy(float)), rows.index)
    errors = said.apply(lambda law: np.abs(logs - np.log(law)))[judged]
    groups = twins.cells(rows)
    return Contest(rows, judged, None, errors, groups[judged], logs[judged], constants)


def both_contests(runs: pd.DataFrame, ptq: pd.DataFrame) -> Results:
    """What few bits in training and then rounding cost together, over the plain twin.

    By the paper's law of both; by its law of training and its law of rounding models
    trained in few bits, fitted apart; and as if the rounding did not know of the
    training.

    >>> from precision_lib.runs.run_table import load_ptq, load_runs
    >>> tables = load_runs(), load_ptq()
    >>> list(both_contests(*tables))[0]  # doctest: +SKIP
    ('cost of both', 'another N and D')
    """
    rows = labelled(unified_rows(runs, trained_and_rounded(ptq, (3, 6))))
    whole = rows[rows["post_bits"] == HIGH_PRECISION_BITS].set_index("run_id")["loss"]
    rows = rows.assign(
        delta=rows["loss"] - rows["run_id"].map(whole),
        weight_format=rows["part"] + rows["bits"].astype(str),
    )
    judged = (rows["part"] != "none") & (rows["post_bits"] < HIGH_PRECISION_BITS)
    judged &= rows["excess"].notna()
    cells, found = twins.cells(rows), {}
    for rule, out in furthest(rows, BETWEEN, FEWER).items():
        fold = ~out * 1 if out is not None else turns(rows)
        said, constants = pd.DataFrame(index=rows.index), {}
        for k in range(FOLDS if out is None else 1):
            laws = _laws_of_both(rows[fold != k])
            constants = _counts(laws)
            here = rows[fold == k]
            for name, values in _costs_of_both(laws, here).items():
                said.loc[here.index, name] = values
        keep = (judged if out is None else judged & out).to_numpy()
        if not keep.any():
            continue
        mean = rows.loc[keep, "excess"].mean()
        errors = said[keep].sub(rows.loc[keep, "excess"], axis=0).abs() / mean
        measured = rows.loc[keep, "excess"] / mean
        found[BOTH, rule] = Contest(
            rows, keep, None, errors, cells[keep], measured, constants
        )
    return found


def _laws_of_both(seen: pd.DataFrame) -> dict[str, Fit]:
    after = seen["post_bits"] < HIGH_PRECISION_BITS
    return {
        name: fit(rows, name, starts=STARTS)
        for name, rows in {
            "unified": seen,
            "effective": seen[~after],
            "ptq-trained-low": seen[after],
            "ptq": seen[after & (seen["part"] == "none")],
        }.items()
    }


def _counts(laws: Mapping[str, Fit]) -> dict[str, int]:
    counts = {name: _constants(one.law) for name, one in laws.items()}
    two = ("ptq-trained-low", "ptq")
    sums = {f"effective + {law}": counts["effective"] + counts[law] for law in two}
    return {"unified": counts["unified"], **sums}


def _costs_of_both(
    laws: Mapping[str, Fit], rows: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Over the twin that is neither trained in few bits nor rounded."""
    plain = rows.assign(**dict.fromkeys(twins.PARTS.values(), HIGH_PRECISION_BITS))
    plain = plain.assign(post_bits=HIGH_PRECISION_BITS)
    trained = laws["effective"].predict(rows) - laws["effective"].predict(plain)
    return {
        "unified": laws["unified"].predict(rows) - laws["unified"].predict(plain),
        "effective + ptq-trained-low": trained + laws["ptq-trained-low"].predict(rows),
        "effective + ptq": trained + laws["ptq"].predict(rows),
    }


def said_before(
    predictions: pd.DataFrame, runs: pd.DataFrame, ptq: pd.DataFrame
) -> Results:
    """Contests of what was committed before the held-out runs that are now trained.

    Rows of which every law of a quantity has spoken; costs and losses of quantized
    runs, δ of GPTQ to 3, 4 and 5 bits.
    """
    every = measured_beside(predictions, runs, ptq)
    facts = runs.set_index("run_id")
    columns = ["sweep", "seed", "weight_format", "activation_format", "kv_format"]
    every = labelled(every.join(facts[columns], on="run_id"))
    formats = every[FORMATS].agg(" ".join, axis=1)
    low = formats != " ".join([HIGH_PRECISION] * 3)
    every = every.assign(group=every["cell"] + " " + formats)
    found: Results = {}
    for plan, rule in SAID.items():
        for quantity, (column, laws) in SPOKE.items():
            keep = (every["sweep"] == plan) & (every["quantity"] == column)
            keep &= every["law"].isin(laws)
            if column == "delta":
                keep &= (every["method"] == "gptq") & every["post_bits"].isin([3, 4, 5])
            else:
                keep &= low
            if one := _of_said(every[keep], laws, column == "cost"):
                found[quantity, rule] = one
    return found


def _of_said(rows: pd.DataFrame, laws: Sequence[str], cost: bool) -> Contest | None:
    """A contest of predictions; of costs by distance, else by the logarithm."""
    wide = rows.pivot(index=ROW, columns="law", values="predicted")
    wide = wide.reindex(columns=list(laws)).dropna().reset_index()
    table = wide.merge(rows.drop_duplicates(ROW), on=ROW, suffixes=("", "_one"))
    if table["group"].nunique() < 2:
        return None
    measured = table["measured"]
    if cost:
        scaled = measured / measured.mean()
        errors = table[list(laws)].sub(measured, axis=0).abs() / measured.mean()
    else:
        scaled = np.log(measured)
        errors = table[list(laws)].apply(lambda law: np.abs(np.log(measured / law)))
    every = np.ones(len(table), dtype=bool)
    # A law with a number for each format had as many as there were formats.
    counts = {
        law: _constants(LAWS[law])
        for law in laws
        if law in LAWS and not LAWS[law].categories()
    }
    return Contest(table, every, None, errors, table["group"], scaled, counts)
