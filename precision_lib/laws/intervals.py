"""From bootstrap draws to a confidence interval."""

from __future__ import annotations

from typing import Literal

import numpy as np

from precision_lib.laws.solver.dual import Array

Method = Literal["percentile", "bca"]


def percentile(draws: Array, level: float) -> tuple[float, float]:
    """The middle share `level` of the draws.

    >>> low, high = percentile(np.arange(101.0), 0.9)
    >>> round(low), round(high)
    (5, 95)
    """
    tail = 50.0 * (1.0 - level)
    good = draws[np.isfinite(draws)]
    if not good.size:
        return float("nan"), float("nan")
    low, high = np.percentile(good, [tail, 100.0 - tail])
    return float(low), float(high)


def bca(
    draws: Array, point: float, left_out: Array | None, level: float
) -> tuple[float, float]:
    """Bias-corrected and accelerated interval, Efron (1987).

    `draws`: bootstrap values; `point`: value on the whole table; `left_out`: values
    without one row each; without them the acceleration is zero.

    >>> low, high = bca(np.linspace(-1, 1, 2001), 0.0, None, 0.9)
    >>> round(low, 2), round(high, 2)
    (-0.9, 0.9)
    """
    from scipy.special import ndtr, ndtri

    good = np.sort(draws[np.isfinite(draws)])
    if not good.size or good[0] == good[-1]:
        return percentile(draws, level)
    below = np.mean(good < point) + 0.5 * np.mean(good == point)
    bias = ndtri(np.clip(below, 1 / (2 * good.size), 1 - 1 / (2 * good.size)))
    acceleration = 0.0 if left_out is None else _acceleration(left_out)
    tails = ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    shifted = bias + (bias + tails) / (1 - acceleration * (bias + tails))
    low, high = np.quantile(good, ndtr(shifted))
    return float(low), float(high)


def _acceleration(left_out: Array) -> float:
    away = left_out[np.isfinite(left_out)]
    away = away.mean() - away
    square = float((away**2).sum())
    return float((away**3).sum()) / (6 * square**1.5) if square > 0 else 0.0
