"""How what rounding costs goes with D, N and bits, and whether that is constant.

delta is regressed on its logarithm: a level for each method and bit width, an exponent
in D and one in N. Roundings of one run, runs of one model and models of one cell share
noise; fewer bits are measured more exactly than more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import UNIT, Measured, labelled, unquantized
from precision_lib.findings.noise_model import Array, MeanFit, fit_linear
from precision_lib.findings.size_slope import MIDDLE
from precision_lib.text.corpus import SEQUENCE

BITS = (3, 4, 5)
USUAL = ("base", "held_28M")
USUAL_SETTING = "as elsewhere"
CORPORA = {"api": "API documentation alone", "vocab1024": "tokenizer of 1,024"}


def exponent(
    measured: Measured,
    of: Literal["N", "D"] = "D",
    method: str = "gptq",
    least: float = 7e6,
) -> Estimate:
    """gamma_D, or gamma_N, of delta over the runs of at least so many tokens.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base"], "short")
    >>> 0.2 < exponent(short, "D", least=3e6).value < 0.6
    True
    """
    rows = roundings(measured, [method], least=least)
    return _estimate(rows, [_data(rows), -_size(rows)], 0 if of == "D" else 1)


def change_of_exponent(
    measured: Measured, method: str = "gptq", at: float = 7e6, least: float = UNIT
) -> Estimate:
    """gamma_D above `at` tokens less that below: zero for a power of D.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base"], "short")
    >>> change_of_exponent(short, at=1.75e6, least=7e5).value < 0  # the transient
    True
    """
    rows = roundings(measured, [method], least=least)
    data = _data(rows)
    after = np.maximum(data - np.log(at / MIDDLE), 0)
    return _estimate(rows, [after, data, -_size(rows)])


def difference_of_exponents(
    measured: Measured, first: str, second: str, least: float = 3.5e6
) -> Estimate:
    """gamma_D by one method of rounding less that by another, on the same models.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base"], "short")
    >>> abs(difference_of_exponents(short, "rtn", "gptq").value) < 0.3
    True
    """
    rows = roundings(measured, [first, second], least=least)
    mine = (rows["method"] == first).to_numpy(float)
    data, size = _data(rows), -_size(rows)
    return _estimate(rows, [mine * data, data, size, mine * size])


def curvature_in_bits(
    measured: Measured, method: str = "gptq", least: float = 3.5e6
) -> Estimate:
    """ln of the fall of ln delta from 3 to 4 bits over that from 5 to 6 bits.

    An exponential in the bits gives 0, a power .46 whatever its exponent.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base"], "short")
    >>> abs(curvature_in_bits(short, "rtn").value) < 0.5
    True
    """
    rows = roundings(measured, [method], (3, 4, 5, 6), least)
    fitted = _fit(rows, [_data(rows), -_size(rows)])

    def curvature(p: Array) -> float:
        three, four, five, six = p[2:6]
        return float(np.log((three - four) / (five - six)))

    return fitted.estimate(curvature, rows["model"].nunique())


def settings_difference(measured: Measured, method: str = "gptq") -> Estimate:
    """Mean gamma_D of the plan "settings" less that of usual runs at its N and D."""
    rows = beside_settings(measured, method)
    other = (rows["setting"] != USUAL_SETTING).to_numpy(float)
    levels = [(rows["setting"] == name).to_numpy(float) for name in _others(rows)]
    return _estimate(rows, [other * _data(rows), _data(rows), *levels])


def growth_by_setting(measured: Measured, method: str = "gptq") -> pd.DataFrame:
    """gamma_D under each setting, and its delta over the usual one's.

    Index setting; columns gamma_D, low and high (95%); ratio of delta in the middle of
    ln D, with ratio_low and ratio_high, NaN for the usual one; and models.
    """
    rows = beside_settings(measured, method)
    names = [USUAL_SETTING, *_others(rows)]
    mine = {name: (rows["setting"] == name).to_numpy(float) for name in names}
    data = _data(rows) - _data(rows).mean()
    slopes = [is_it * data for is_it in mine.values()]
    fitted = _fit(rows, [*slopes, *(mine[name] for name in names[1:])])
    found = {}
    for place, name in enumerate(names):
        models = rows.loc[rows["setting"] == name, "model"].nunique()
        row = fitted.parameter(place, models).row("gamma_D", "models")
        if place:
            level = fitted.parameter(len(names) + place - 1, models)
            low, high = np.exp(level.interval())
            row |= {"ratio": np.exp(level.value), "ratio_low": low, "ratio_high": high}
        found[name] = row
    columns = ["gamma_D", "low", "high", "ratio", "ratio_low", "ratio_high", "models"]
    return pd.DataFrame.from_dict(found, orient="index")[columns]


def beside_settings(measured: Measured, method: str = "gptq") -> pd.DataFrame:
    """Roundings of the plan "settings" and the usual ones at its N and D.

    They have a column ``setting``, and ``model`` and ``cell`` that tell settings apart.
    """
    rows = roundings(measured, [method], sweeps=None)
    other = rows["sweep"] == "settings"
    same = rows["N"].isin(rows["N"][other]) & rows["tokens"].isin(rows["tokens"][other])
    rows = rows[same].reset_index(drop=True)
    runs = measured.runs.set_index("run_id").loc[rows["run_id"]]
    names = [
        _setting(run) if run.sweep == "settings" else USUAL_SETTING
        for run in runs.itertuples()
    ]
    rows = rows.assign(setting=names)
    apart = {name: rows[name] + rows["setting"] for name in ("model", "cell")}
    return rows.assign(**apart)


def trunk_exponent(
    measured: Measured, method: str = "gptq", least: float = 7e6
) -> Estimate:
    """gamma_D of runs at a constant rate, before any decay.

    Where a branch leaves the trunk between two of the table's D is no point of it.
    """
    rows = roundings(measured, [method], least=least, sweeps=["decay"])
    whole = np.abs(rows["D"] / rows["tokens"] - 1) < 0.02
    trunk = whole & (_schedule(measured, rows) == "constant")
    rows = rows[trunk].reset_index(drop=True)
    return _estimate(rows, [_data(rows), -_size(rows)])


def branch_difference(
    measured: Measured, method: str = "gptq", least: float = 7e6
) -> Estimate:
    """gamma_D of runs that branch off a constant rate less that of the usual ones."""
    rows = roundings(measured, [method], least=least, sweeps=[*USUAL, "decay"])
    branch = rows["sweep"] == "decay"
    trunk = branch & (_schedule(measured, rows) == "constant")
    rows = rows[~trunk & rows["N"].isin(rows["N"][branch])].reset_index(drop=True)
    mine = (rows["sweep"] == "decay").to_numpy(float)
    mark = rows["sweep"].eq("decay").astype(str)  # another schedule, another model
    rows = rows.assign(model=rows["model"] + mark, cell=rows["cell"] + mark)
    columns = [mine * _data(rows), _data(rows), mine, -_size(rows)]
    return _estimate(rows, columns)


def effect_of_steps(measured: Measured, method: str = "gptq") -> Estimate:
    """ln delta a doubling of the steps adds at equal N and D, from batch sizes."""
    rows = roundings(measured, [method], sweeps=None)
    here = rows["cell"].isin(rows.loc[rows["sweep"] == "steps", "cell"])
    rows = rows[here].reset_index(drop=True)
    batch = measured.runs.set_index("run_id")["batch_size"]
    doublings = -np.log2(rows["run_id"].map(batch).to_numpy(float))
    levels = [(rows["cell"] == c).to_numpy(float) for c in sorted(set(rows["cell"]))]
    return _estimate(rows, [doublings, *levels[1:]])


def roundings(
    measured: Measured,
    methods: Sequence[str],
    bits: Sequence[int] = BITS,
    least: float = 0.0,
    sweeps: Sequence[str] | None = USUAL,
) -> pd.DataFrame:
    """Rows of unquantized runs, rounded by these methods to these bits, labelled.

    Raises Undetermined if there is none, or one costs nothing or less, which has no
    logarithm.

    >>> from precision_lib.findings.measured import load_measured
    >>> rows = roundings(load_measured(["base"], "short"), ["rtn"], least=3e6)
    >>> sorted(set(rows["post_bits"]))
    [3, 4, 5]
    """
    rows = labelled(unquantized(measured.ptq))
    keep = rows["method"].isin(methods) & rows["post_bits"].isin(bits)
    keep &= rows["tokens"] >= least
    if sweeps is not None:
        keep &= rows["sweep"].isin(sweeps)
    rows = rows[keep].reset_index(drop=True)
    if rows.empty:
        long = f" of {least:,.0f} tokens and more" if least else ""
        raise Undetermined(
            f"no unquantized run{long} is rounded by {' or '.join(methods)}."
        )
    if free := int((rows["delta"] <= 0).sum()):
        raise Undetermined(
            f"{free} of {len(rows)} roundings to {', '.join(map(str, bits))} bits cost "
            "nothing or less, which has no logarithm; ask for fewer bits."
        )
    return rows


def _fit(rows: pd.DataFrame, columns: Sequence[npt.NDArray[Any]]) -> MeanFit:
    """Least squares of ln delta on columns and a level a method and width."""
    kinds = rows["method"] + "-" + rows["post_bits"].astype(str)
    levels = [(kinds == kind).to_numpy(float) for kind in sorted(set(kinds))]
    shared = {name: rows[name] for name in ("model", "cell", "run_id")}
    if rows["method"].nunique() > 1:
        shared["run and method"] = rows["run_id"] + rows["method"]
    widths = sorted(set(rows["post_bits"]))[1:]
    rough = {f"{bits} bits and more": rows["post_bits"] >= bits for bits in widths}
    logs = np.log(rows["delta"].to_numpy(float))
    return fit_linear(logs, [*columns, *levels], shared, rough)


def _estimate(
    rows: pd.DataFrame, columns: Sequence[npt.NDArray[Any]], place: int = 0
) -> Estimate:
    return _fit(rows, columns).parameter(place, rows["model"].nunique())


def _data(rows: pd.DataFrame) -> Array:
    return np.asarray(np.log(rows["tokens"].to_numpy(float) / MIDDLE))


def _size(rows: pd.DataFrame) -> Array:
    return np.asarray(np.log(rows["N"].to_numpy(float) / 98e3))


def _schedule(measured: Measured, rows: pd.DataFrame) -> pd.Series:
    return rows["run_id"].map(measured.runs.set_index("run_id")["schedule"])


def _others(rows: pd.DataFrame) -> list[str]:
    return sorted(set(rows["setting"]) - {USUAL_SETTING})


def _setting(run: Any) -> str:
    """What a run of the plan "settings" has otherwise."""
    if run.corpus != "default":
        return CORPORA[run.corpus]
    if run.sequence != SEQUENCE:
        return f"windows of {run.sequence}"
    return f"weight decay {run.weight_decay:g}"
