"""Weights, activations and KV cache beside each other, and put together.

The law of effective parameters says that the shares which the parts keep multiply.
Other rules could hold: the costs add, or the worst part alone counts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.decide import paper_fit
from precision_lib.errors import UserError
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Bootstrap, Fit
from precision_lib.laws.forms.share import kept

Array = npt.NDArray[np.float64]
RULES = ("shares multiply", "costs add", "worst part alone")


def share_curves(replicates: Bootstrap, bits: Iterable[float]) -> pd.DataFrame:
    """The share f(P) that each part keeps, with 95% intervals, beside the paper's.

    Returns one row a part and number of bits: part, bits, estimate, low, high, paper.
    Ours is 0 where the law leaves nothing; the paper's, with its offsets, NaN there.

    `replicates`: of the law "effective", whose every replicate holds all three parts;
    `bits`: iterable of float.

    >>> from precision_lib.laws import bootstrap, fit, planted_table
    >>> found = fit(planted_table("effective", 60), "effective", starts=5)
    >>> curves = share_curves(bootstrap(found, replicates=5), [4.0, 8.0])
    >>> curves.columns.tolist()
    ['part', 'bits', 'estimate', 'low', 'high', 'paper']
    """
    paper = paper_fit().params
    rows = []
    for part in PARTS:
        ours = replicates.fit.params
        gamma, n = f"gamma_{part}", f"n_{part}"
        draws = replicates.params[gamma], replicates.params[n]
        for b in bits:
            ends = np.percentile(np.nan_to_num(kept(b, *draws)), [2.5, 97.5])
            estimate = float(np.nan_to_num(kept(b, ours[gamma], ours[n])))
            row = {"part": part, "bits": b, "estimate": estimate}
            published = float(kept(b, paper[gamma], paper[n]))
            rows.append(row | {"low": ends[0], "high": ends[1], "paper": published})
    return pd.DataFrame(rows)


def cost_by_law(fit: Fit, runs: pd.DataFrame) -> Array:
    """Predicted loss of each run above that of its unquantized twin, nats per token.

    >>> from precision_lib.decide import paper_fit
    >>> run = pd.DataFrame({"N": [3e7], "D": [1e9], "weight_bits": [4]})
    >>> cost_by_law(paper_fit(), run.assign(activation_bits=32, kv_bits=32)).round(2)
    array([0.16])
    """
    twins = runs.assign(**dict.fromkeys(PARTS.values(), HIGH_PRECISION_BITS))
    return np.asarray(fit.predict(runs) - fit.predict(twins))


def cost_by_rule(fit: Fit, runs: pd.DataFrame, rule: str) -> Array:
    """What a combination of precisions costs if the parts combine by this rule.

    The cost of each part alone is that of the fitted law; the rule puts the three
    together.

    Raises UserError if the rule is unknown.

    `fit`: of the law "effective"; `runs`: with the columns of the law; `rule`: one of
    `RULES`; "shares multiply" is the law itself.

    >>> from precision_lib.decide import paper_fit
    >>> run = pd.DataFrame({"N": [3e7], "D": [1e9], "weight_bits": [4]})
    >>> run = run.assign(activation_bits=4, kv_bits=4)
    >>> [cost_by_rule(paper_fit(), run, rule).round(2).tolist() for rule in RULES]
    [[1.06], [0.86], [0.61]]
    """
    if rule not in RULES:
        raise UserError(f"unknown rule '{rule}'; choose one of {', '.join(RULES)}.")
    if rule == "shares multiply":
        return cost_by_law(fit, runs)
    alone = [cost_by_law(fit, only(runs, part)) for part in PARTS]
    return np.sum(alone, axis=0) if rule == "costs add" else np.max(alone, axis=0)


def only(runs: pd.DataFrame, part: str) -> pd.DataFrame:
    """The same runs with every other part unquantized.

    >>> run = pd.DataFrame({"weight_bits": [4], "activation_bits": [4], "kv_bits": [4]})
    >>> only(run, "kv").iloc[0].tolist()
    [32, 32, 4]
    """
    others = [column for name, column in PARTS.items() if name != part]
    return runs.assign(**dict.fromkeys(others, HIGH_PRECISION_BITS))


def measured_sum(single: pd.DataFrame, tied: pd.DataFrame) -> pd.DataFrame:
    """Tied runs beside the runs in which one part has the same bits, without a law.

    Returns the tied pairs whose three parts were all trained alone, with ``sum`` and
    ``largest``, the sum and the largest of the three costs.

    `single`, `tied`: pairs with their ``cost``, ``part`` and ``bits``, as
    `precision_lib.findings.twins.with_part` gives them.

    >>> part = pd.DataFrame({"N": 9, "D": 5, "seed": 0, "bits": 4, "cost": [1.0, 2, 3]})
    >>> tied = part.head(1).assign(cost=7.0)
    >>> measured_sum(part.assign(part=list(PARTS)), tied)["sum"].tolist()
    [6.0]
    """
    on = ["N", "D", "seed", "bits"]
    costs = single.groupby(on)["cost"].agg(["sum", "max", "count"]).reset_index()
    whole = costs[costs["count"] == len(PARTS)].rename(columns={"max": "largest"})
    return tied.merge(whole.drop(columns="count"), on=on)
