"""The best learning rate of each kind of run, and what other decays come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.errors import UserError

BITS = ["weight_bits", "activation_bits", "kv_bits"]
CELL = ["N", "tokens", "low"]  # what is tuned for


class Optimum(NamedTuple):
    """Where a parabola through the lowest point and its neighbors is lowest.

    >>> round(optimum([0.0, 1.0, 2.0], [3.0, 2.0, 3.0]).at, 6)
    1.0
    """

    #: at, value: the lowest point itself where it is not bracketed
    at: float
    value: float
    bracketed: bool  #: whether a point on either side was worse


def optimum(x: npt.ArrayLike, y: npt.ArrayLike) -> Optimum:
    """Of points in rising order of `x`; what is not finite counts as worst.

    >>> optimum([0.0, 1.0, 2.0], [1.0, 2.0, np.nan]).bracketed
    False
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    y = np.where(np.isfinite(y), y, np.inf)
    best = int(y.argmin())
    bracketed = 0 < best < len(y) - 1
    near = slice(best - 1, best + 2)
    if not bracketed or not np.isfinite(y[near]).all():
        return Optimum(float(x[best]), float(y[best]), bracketed)
    a, b, c = np.polyfit(x[near] - x[best], y[near], 2)
    return Optimum(float(x[best] - b / (2 * a)), float(c - b**2 / (4 * a)), True)


def best_rates(
    runs: pd.DataFrame, by: Sequence[str] = ("N", "weight_bits")
) -> pd.DataFrame:
    """The peak learning rate with the lowest loss, between the rates that were tried.

    A parabola in the logarithm of the rate through the best mean over seeds and its
    neighbors.

    Returns a row a value of `by`, with ``rate``, ``bracketed``: whether a lower and a
    higher rate were both worse, and ``loss`` at that rate. Without a bracket ``rate``
    is the best that was tried.

    Raises UserError if there are no runs.

    `runs`: runs that differ in ``peak_lr`` and seed alone at each value of `by`.

    >>> table = pd.DataFrame({"N": 9, "weight_bits": 32, "peak_lr": [0.01, 0.02, 0.04]})
    >>> best_rates(table.assign(loss=[3.1, 3.0, 3.1])).round(4).to_dict("records")
    [{'N': 9, 'weight_bits': 32, 'rate': 0.02, 'bracketed': True, 'loss': 3.0}]
    """
    if runs.empty:
        raise UserError("there are no runs to compare learning rates of.")
    rows = []
    for key, here in runs.groupby(list(by)):
        loss = here.groupby("peak_lr")["loss"].agg(
            lambda seeds: seeds.mean(skipna=False)
        )
        found = optimum(np.log(loss.index.to_numpy(float)), loss.to_numpy(float))
        row = dict(zip(by, key, strict=True)) | {"rate": float(np.exp(found.at))}
        rows.append({**row, "bracketed": found.bracketed, "loss": found.value})
    return pd.DataFrame(rows)


def rate_rule(best: pd.DataFrame, reference: float = 24_000) -> tuple[float, float]:
    """Least-squares power law of N through the bracketed best rates.

    Returns scale and exponent: ``rate = scale · (N / reference) ** exponent``.

    Raises UserError if fewer than two sizes have a bracketed optimum.

    >>> best = pd.DataFrame({"N": [24e3, 96e3], "rate": [0.02, 0.01]})
    >>> scale, exponent = rate_rule(best.assign(bracketed=True))
    >>> round(scale, 4), round(exponent, 4)
    (0.02, -0.5)
    """
    best = best[best["bracketed"]]
    if best["N"].nunique() < 2:
        raise UserError("a rule needs bracketed best rates at two sizes or more.")
    x = np.log(best["N"].to_numpy(float) / reference)
    exponent, level = np.polyfit(x, np.log(best["rate"].to_numpy(float)), 1)
    return float(np.exp(level)), float(exponent)


def cells(runs: pd.DataFrame) -> pd.DataFrame:
    """The tuning runs with what they are tuned for: N, tokens, and low precision.

    Batches divide D into steps, so that runs of one asked D differ by less than a
    hundredth; ``tokens`` is the median of those.

    >>> table = pd.DataFrame({"N": 9, "D": [874_496, 875_008], "weight_bits": [4, 32]})
    >>> table = cells(table.assign(activation_bits=32, kv_bits=32))
    >>> table["tokens"].nunique(), table["low"].tolist()
    (1, [True, False])
    """
    tokens = runs.groupby(np.log2(runs["D"]).round(1))["D"].transform("median")
    return runs.assign(tokens=tokens, low=(runs[BITS] < 32).any(axis=1))


def comparable(tuning: pd.DataFrame) -> pd.DataFrame:
    """Those with a cosine to zero, of the seeds that every batch of the cell has.

    A seed can move a loss by more than another batch does, so batches are compared
    within seeds.

    `tuning`: by `cells`.

    >>> runs = pd.DataFrame({"batch_size": [8, 8, 16], "seed": [0, 1, 0], "N": 9})
    >>> runs = runs.assign(tokens=9, low=False, schedule="cosine", final_lr=0.0)
    >>> comparable(runs)["seed"].tolist()
    [0, 0]
    """
    here = tuning[(tuning["schedule"] == "cosine") & (tuning["final_lr"] == 0)]
    batches = here.groupby(CELL)["batch_size"].transform("nunique")
    with_seed = here.groupby([*CELL, "seed"])["batch_size"].transform("nunique")
    return here[with_seed == batches]


def places_batch(rates: pd.DataFrame) -> pd.Series:
    """Which cells say how the best batch grows with D.

    Unquantized ones: in 4 bits the smallest batch that was tried was the best wherever
    there were several. And sizes that were tuned at two numbers of tokens or more:
    with one, an effect of N would pass for one of D.

    >>> rates = pd.DataFrame({"N": [1, 1, 1, 2], "tokens": [8, 9, 9, 8]})
    >>> places_batch(rates.assign(low=[False, False, True, False])).tolist()
    [True, True, False, False]
    """
    lengths = rates.groupby("N")["tokens"].transform("nunique")
    return ~rates["low"] & (lengths > 1)


def compare_ends(runs: pd.DataFrame) -> pd.DataFrame:
    """What other decays of the rate end at, less a cosine to zero.

    Each schedule at its best rate; compared within a cell, batch and seed.

    Returns a row a schedule and ``final_lr``, with ``difference`` in nats, its standard
    ``error`` over ``pairs``.

    `runs`: by `cells`.

    >>> runs = pd.DataFrame({"schedule": ["cosine", "linear"] * 2, "N": 9, "low": 0})
    >>> runs = runs.assign(seed=[0, 0, 1, 1], loss=[3, 4, 3, 6], tokens=9)
    >>> runs = runs.assign(batch_size=16)
    >>> compare_ends(runs.assign(final_lr=0.0, peak_lr=1.0))["difference"].tolist()
    [2.0]
    """
    alike = [*CELL, "batch_size", "seed"]
    best = best_rates(runs, [*alike, "schedule", "final_lr"])
    usual = (best["schedule"] == "cosine") & (best["final_lr"] == 0)
    pairs = best[~usual].merge(best[usual], on=alike, suffixes=("", "_usual"))
    pairs["gap"] = pairs["loss"] - pairs["loss_usual"]
    groups = pairs.groupby(["schedule", "final_lr"])["gap"]
    table = groups.agg(difference="mean", error="sem", pairs="size")
    return table.reset_index()


def loss_at(runs: pd.DataFrame, rate: float) -> float:
    """Loss at a rate, by the parabola through the three rates nearest to it.

    NaN where the rate lies outside those that were tried.

    >>> runs = pd.DataFrame({"peak_lr": np.exp([0.0, 1.0, 2.0]), "loss": [1, 0, 1]})
    >>> round(loss_at(runs, float(np.exp(1.5))), 3)
    0.25
    """
    loss = runs.groupby("peak_lr")["loss"].mean().dropna()
    x = np.log(loss.index.to_numpy(float)) - np.log(rate)
    if len(x) < 3 or x.min() > 0 or x.max() < 0:
        return float("nan")
    near = np.argsort(np.abs(x))[:3]
    return float(np.polyfit(x[near], loss.to_numpy(float)[near], 2)[2])
