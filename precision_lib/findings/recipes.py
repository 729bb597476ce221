"""Ways to train that later papers recommend, as small sweeps of the second table ask.

When to switch quantization on, and which rate and which share of decay leave a model
that rounds well or trains well in few bits. Runs of one seed share initial weights and
data, so that most of their noise is one; how much is estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.delta_growth import roundings
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, finished
from precision_lib.findings.noise_model import Array, MeanFit, fit_linear
from precision_lib.findings.twins import with_part
from precision_lib.laws.forms.two_phases import best_share

PHASES, RATES, LOW = "two_phases", "rate_decay", "low_decay"  # plans
LEAST_SHARE = 0.1  # from which the loss is a parabola in the logarithm of the share


def phase_runs(measured: Measured) -> pd.DataFrame:
    """The runs that end in low precision, with the share of their tokens in it.

    Returns the runs with columns ``share`` and ``formula``, the best share by Dremov et
    al. for their N, D and bits.

    Raises Undetermined if none is trained.
    """
    runs = with_part(finished(measured.runs))
    runs = runs[runs["sweep"] == PHASES]
    before = runs["start_from"].map(runs.set_index("run_id")["D"]).fillna(0)
    low = runs.assign(share=(1 - before / runs["D"]).round(2))[runs["part"] != "none"]
    if low.empty:
        raise Undetermined(f"no run of the plan {PHASES} is trained.")
    formula = best_share(low["N"], low["D"], low["bits"])
    return low.assign(formula=formula).reset_index(drop=True)


def gain_of_two_phases(measured: Measured, shares: Sequence[float]) -> Estimate:
    """Loss of low precision all along less that of these shares, mean, in nats."""
    runs = phase_runs(measured)
    runs = runs[runs["share"].isin([*shares, 1])].reset_index(drop=True)
    widths = [runs["bits"] == bits for bits in sorted(set(runs["bits"]))]
    columns = [np.asarray(mask, float) for mask in (runs["share"] == 1, *widths)]
    return _linear(runs, columns).parameter(0, _models(runs))


def best_share_over_formula(measured: Measured) -> Estimate:
    """ln of the share with the least loss over that of the formula, mean over widths.

    The least of a parabola in ln share, for each width, from `LEAST_SHARE` up.

    Raises Undetermined if the loss of a width has no least share.
    """
    runs = phase_runs(measured)
    runs = runs[runs["share"] >= LEAST_SHARE].reset_index(drop=True)
    fitted, kinds = _parabolas(runs, "share", runs["bits"])
    formula = runs.groupby("bits")["formula"].mean()

    def ratio(p: Array) -> float:
        found = [_least(p, k) - np.log(formula[kind]) for k, kind in enumerate(kinds)]
        return float(np.mean(found))

    return _bounded(fitted, fitted.estimate(ratio, _models(runs)))


def shift_of_best_decay(measured: Measured) -> Estimate:
    """ln of the best share of decay in low precision over that without quantization.

    Each is the least of a parabola in ln share. The unquantized runs are those at the
    rate of the low ones.
    """
    runs = with_part(finished(measured.runs))
    low = runs["sweep"] == LOW
    if not low.any():
        raise Undetermined(f"no run of the plan {LOW} is trained.")
    beside = (runs["sweep"] == RATES) & runs["peak_lr"].isin(runs.loc[low, "peak_lr"])
    runs = runs[low | beside].reset_index(drop=True)
    fitted, kinds = _parabolas(runs, "decay", runs["sweep"])
    if list(kinds) != [LOW, RATES]:
        raise Undetermined(f"no run of the plan {RATES} has the rate of {LOW}.")
    found = fitted.estimate(lambda p: _least(p, 0) - _least(p, 1), _models(runs))
    return _bounded(fitted, found)


def effect_on_rounding(
    measured: Measured, of: Literal["peak_lr", "decay"], method: str = "gptq"
) -> Estimate:
    """Exponent of delta in the peak rate, or the share of decay, at equal loss.

    ln delta at 3 to 5 bits is a level a width, plus a multiple of the logarithm of each
    of the two and one of the loss before rounding.
    """
    rows = roundings(measured, [method], sweeps=[RATES])
    runs = measured.runs.set_index("run_id").loc[rows["run_id"]]
    asked = [of, "decay" if of == "peak_lr" else "peak_lr"]
    logs = [np.log(runs[name].to_numpy(float)) for name in asked]
    widths, seeds = (sorted(set(rows[name])) for name in ("post_bits", "model"))
    columns = [
        *(column - column.mean() for column in logs),
        rows["loss"] - rows["loss"].mean(),
        *((rows["post_bits"] == bits).to_numpy(float) for bits in widths),
        *((rows["model"] == model).to_numpy(float) for model in seeds[1:]),
    ]
    shared = {"run_id": rows["run_id"]}
    rough = {f"{b} bits and more": rows["post_bits"] >= b for b in widths[1:]}
    costs = np.log(rows["delta"].to_numpy(float))
    fitted = fit_linear(costs, columns, shared, rough)
    return fitted.parameter(0, rows["model"].nunique())


def _parabolas(
    runs: pd.DataFrame, column: str, kind: pd.Series
) -> tuple[MeanFit, pd.Index]:
    """Level, slope and bend of the loss in the logarithm of a column, for each kind."""
    codes, kinds = pd.factorize(kind, sort=True)
    x = np.log(runs[column].to_numpy(float))
    powers = np.column_stack([np.ones_like(x), x, x**2])
    columns = [(codes == k) * power for k in range(len(kinds)) for power in powers.T]
    return _linear(runs, columns), kinds


def _least(p: Array, kind: int) -> float:
    _, slope, bend = p[3 * kind : 3 * kind + 3]
    if bend <= 0:
        raise Undetermined("the loss has no least between the shares that were run.")
    return float(-slope / (2 * bend))


def _bounded(fitted: MeanFit, found: Estimate) -> Estimate:
    """Without ends where a parabola may be straight: its least may be anywhere.

    As Fieller's interval of a ratio (doi:10.1111/j.2517-6161.1954.tb00159.x).
    """
    bends = [
        fitted.parameter(k, found.units) for k in range(2, len(fitted.parameters), 3)
    ]
    straight = any(bend.interval()[0] <= 0 for bend in bends)
    return replace(found, ends=(-np.inf, np.inf)) if straight else found


def _linear(runs: pd.DataFrame, columns: Sequence[Array]) -> MeanFit:
    formats = runs["model"] + "-" + runs["bits"].astype(str)
    shared = {"model": runs["model"], "model and bits": formats}
    return fit_linear(runs["loss"], columns, shared)


def _models(runs: pd.DataFrame) -> int:
    return len(runs.drop_duplicates(["model", "bits"]))
