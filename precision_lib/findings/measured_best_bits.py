"""The best precision, from measured losses by width and slopes at the same D.

No law of N and D is asked. What a width costs is an exponential of the bits at each D
by itself; the size slope at that D comes from the losses of all sizes there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq

from precision_lib.errors import Undetermined
from precision_lib.findings.delta_growth import BITS
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import (
    Measured,
    finished,
    labelled,
    near_size,
    unquantized,
)
from precision_lib.findings.noise_model import Array, MeanFit, fit_mean
from precision_lib.findings.twins import with_part

Mask = npt.NDArray[np.bool_]
CENTRE = 5.0  # bits, where a cost is stated
LEAST = 4  # bits: below, the cost is no exponential
ENDS = (0.5, 40.0)  # bits, where a best one is looked for
BLOCK = 5  # parameters of one D


@dataclass(frozen=True)
class Widths:
    """Losses of the sizes and costs of the widths at some D, fitted together.

    `fitted`: for each D the level, the logarithms of front and power of the size part,
    and those of the cost at `CENTRE` bits and of its gamma; `size`: of the models whose
    widths were measured.

    >>> Widths(None, [7_000_000], 24e3, 9).of(np.arange(5.0), 7e6).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """

    fitted: MeanFit
    tokens: list[int]
    size: float
    units: int

    def of(self, p: Array, D: float) -> Array:
        """The five parameters of one D."""
        place = BLOCK * self.tokens.index(round(D))
        return p[place : place + BLOCK]


def best_bits(measured: Measured, N: float, D: float) -> Estimate:
    """Bits with the largest share of parameters a bit at equal compute.

    The share is exp(-cost / size slope), so the best bits P solve
    ``-cost'(P) P = size slope``.

    Raises Undetermined if the cost of the widths does not determine it.
    """
    widths = fit_widths(measured, N, [D])
    return widths.fitted.estimate(
        lambda p: _best(widths.of(p, D), widths), widths.units
    )


def change_of_best_bits(
    measured: Measured, N: float, first: float, last: float
) -> Estimate:
    """`best_bits` after `last` tokens less those after `first`."""
    widths = fit_widths(measured, N, [first, last])

    def change(p: Array) -> float:
        return _best(widths.of(p, last), widths) - _best(widths.of(p, first), widths)

    return widths.fitted.estimate(change, widths.units)


def change_at_fixed_size(
    measured: Measured, N: float, first: float, last: float
) -> Estimate:
    """With N fixed, the bits worth their tokens after `last` less after `first`.

    A bit costs tokens at equal compute, so the best bits P solve ``-cost'(P) P = data
    slope``; the slope at D is taken between half of D and twice D.
    """
    around = [D * factor for D in (first, last) for factor in (0.5, 1, 2)]
    widths = fit_widths(measured, N, sorted(set(around)), widths_at=[first, last])

    def best(p: Array, D: float) -> float:
        ends = [_loss(widths.of(p, D * factor), widths.size) for factor in (0.5, 2)]
        return _solve(widths.of(p, D), (ends[0] - ends[1]) / np.log(4))

    return widths.fitted.estimate(
        lambda p: best(p, last) - best(p, first), widths.units
    )


def change_for_serving(
    measured: Measured, first: float, last: float, method: str = "gptq"
) -> Estimate:
    """Best bits of rounding at equal N times bits after `last` less after `first`.

    They solve ``-delta'(P) P = size slope``, at those of 24k, 56k and 98k that have
    both; delta falls exponentially from 3 to 5 bits.
    """
    slopes = fit_widths(measured, 24e3, [first, last], widths_at=[])
    rows = labelled(unquantized(measured.ptq))
    rows = rows[(rows["method"] == method) & rows["post_bits"].isin(BITS)]
    rows = rows[rows["tokens"].isin(slopes.tokens) & rows["N"].between(22e3, 105e3)]
    both = rows.groupby("N")["tokens"].nunique()  # a size counts where it has both
    rows = rows[rows["N"].isin(both.index[both == 2])].reset_index(drop=True)
    if rows.empty:
        raise Undetermined(f"no size is rounded by {method} at both numbers of tokens.")
    codes, cells = pd.factorize(rows["cell"], sort=True)
    places, tokens = pd.factorize(rows["tokens"], sort=True)
    off = rows["post_bits"].to_numpy(float) - 4.0
    y = np.log(rows["delta"].to_numpy(float))

    def mean(p: Array) -> Array:
        return p[codes] - off * np.exp(-p[len(cells) :])[places]

    start = np.append(pd.Series(y).groupby(codes).mean(), np.full(len(tokens), -0.5))
    shared = {"model": rows["model"], "run_id": rows["run_id"]}
    rough = {f"{b} bits and more": rows["post_bits"] >= b for b in BITS[1:]}
    rounded = fit_mean(y, mean, start, shared, rough)

    def change(p: Array, q: Array) -> float:
        signed = []
        for place, cell in enumerate(cells):
            size, D = (float(part) for part in cell.split("-"))
            gamma = q[len(cells) + list(tokens).index(D)]
            curve = np.array([q[place] - (CENTRE - 4.0) * np.exp(-gamma), gamma])
            slope = _size_slope(slopes.of(p, D), size)
            best = _solve(np.concatenate([np.zeros(3), curve]), slope)
            signed.append(best if round(last) == D else -best)
        return float(np.sum(signed)) / (len(signed) / 2)

    one = slopes.fitted.estimate(lambda p: change(p, rounded.parameters), slopes.units)
    two = rounded.estimate(
        lambda q: change(slopes.fitted.parameters, q), rows["model"].nunique()
    )
    variances = np.array([one.error, two.error]) ** 2
    whole = float(variances.sum())
    freedom = whole**2 / float((variances**2 / [one.freedom, two.freedom]).sum())
    return Estimate(two.value, whole**0.5, two.units, freedom)


def fit_widths(
    measured: Measured,
    N: float,
    tokens: Sequence[float],
    widths_at: Sequence[float] | None = None,
) -> Widths:
    """Fit losses by size, and costs of tied widths at size N, at each D.

    `tokens` are the D whose losses are wanted, `widths_at` those whose widths are
    wanted too, which is all of them if left out. Raises a `Undetermined` if a D lacks
    three sizes or three widths.
    """
    asked = [round(D) for D in tokens]
    wide = asked if widths_at is None else [round(D) for D in widths_at]
    rows = with_part(finished(measured.runs))
    size = float(near_size(rows, N)["N"].iloc[0])
    rows = rows[rows["tokens"].isin(asked)]
    tied = (rows["part"] == "tied") & (rows["N"] == size) & (rows["bits"] >= LEAST)
    tied &= rows["tokens"].isin(wide)
    rows = rows[tied | (rows["part"] == "none")].reset_index(drop=True)
    low = (rows["part"] == "tied").to_numpy()
    _enough(rows, asked, wide, low)
    place = BLOCK * np.array([asked.index(D) for D in rows["tokens"]])
    ratio = rows["N"].to_numpy(float) / 98e3
    off = rows["bits"].to_numpy(float) - CENTRE

    def mean(free: Array) -> Array:
        p = whole.copy()
        p[kept] = free
        with np.errstate(over="ignore", invalid="ignore"):  # a step too far
            loss = p[place] + np.exp(p[place + 1]) * ratio ** -np.exp(p[place + 2])
            bits = np.exp(p[place + 3] - off * np.exp(-p[place + 4]))
            return np.asarray(np.log(loss + np.where(low, bits, 0.0)))

    whole = np.concatenate([
        [rows.loc[rows["tokens"] == D, "loss"].min() - 0.6, -0.5, -1.2, -1.6, 0.0]
        for D in asked
    ])  # fmt: skip
    kept = np.array([
        BLOCK * i + j for i, D in enumerate(asked) for j in range(BLOCK)
        if j < 3 or D in wide
    ])  # fmt: skip
    shared = {"model": rows["model"], "cell": rows["cell"]}
    rough = {"low precision": low, "4 bits": low & (rows["bits"] == LEAST)}
    rough = rough if low.any() else {}
    found = fit_mean(np.log(rows["loss"]), mean, whole[kept], shared, rough)
    fitted = _spread_out(found, whole, kept)
    return Widths(fitted, asked, size, rows["model"].nunique())


def _enough(rows: pd.DataFrame, asked: list[int], wide: list[int], low: Mask) -> None:
    for D in asked:
        here = rows["tokens"] == D
        sizes = rows.loc[here & ~low, "N"].nunique()
        widths = rows.loc[here & low, "bits"].nunique()
        if sizes < 3 or (D in wide and widths < 3):
            raise Undetermined(
                f"at {D:,} tokens there are not three sizes and three widths of "
                f"{LEAST} bits and more (sizes: {sizes}, widths: {widths})."
            )


def _spread_out(found: MeanFit, whole: Array, kept: npt.NDArray[np.intp]) -> MeanFit:
    """The fit with the parameters that were not asked for put back, without error."""
    parameters = whole.copy()
    parameters[kept] = found.parameters
    count = len(whole)
    covariance = np.zeros((count, count))
    covariance[np.ix_(kept, kept)] = found.covariance
    slopes = np.zeros((len(found.slopes), count, count))
    slopes[np.ix_(np.arange(len(slopes)), kept, kept)] = found.slopes
    return MeanFit(parameters, covariance, found.spread, slopes, found.information)


def _loss(p: Array, size: float) -> float:
    return float(p[0] + np.exp(p[1]) * (size / 98e3) ** -np.exp(p[2]))


def _size_slope(p: Array, size: float) -> float:
    """-dL/d ln N at a size."""
    power = np.exp(p[2])
    return float(power * np.exp(p[1]) * (size / 98e3) ** -power)


def _best(p: Array, widths: Widths) -> float:
    return _solve(p, _size_slope(p, widths.size))


def _solve(p: Array, slope: float) -> float:
    """Bits P with -cost'(P) P = slope, on the side where more bits cost more."""
    rate = np.exp(-p[4])

    def gain(bits: float) -> float:
        return float(bits * rate * np.exp(p[3] - rate * (bits - CENTRE)) - slope)

    top = min(1 / rate, ENDS[1] - 1)
    if gain(ENDS[1]) >= 0:
        raise Undetermined(
            f"no width up to {ENDS[1]:g} bits costs as little as it saves."
        )
    if gain(top) <= 0:
        raise Undetermined(
            "every width costs less than it saves; there is no best one."
        )
    found = brentq(gain, top, ENDS[1])
    return float(found)
