"""How far measured held-out runs are from what laws had said of them beforehand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined, UserError
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.intervals import r_squared as explained
from precision_lib.findings.measured import (
    Measured,
    drifted,
    finished,
    labelled,
    unquantized,
)
from precision_lib.findings.noise_model import fit_mean
from precision_lib.findings.predictions import load_predictions
from precision_lib.findings.size_slope import fit_slopes
from precision_lib.findings.twins import PARTS
from precision_lib.paths import table_folder

QUANTITIES = ("loss", "excess")


def difference(
    measured: Measured,
    first: str,
    second: str,
    quantity: str,
    plan: str,
    predictions: pd.DataFrame | None = None,
) -> Estimate:
    """Mean absolute log ratio, ln(measured / predicted), of one law less another's.

    Paired by run.

    Unquantized runs are left out, of which both laws say the same.

    `first`, `second`: names of laws; `quantity`: one of `QUANTITIES`; `plan`: whose
    runs were predicted; `predictions`: others than the committed ones.
    """
    one, two = (
        beside(measured, law, quantity, plan, predictions) for law in (first, second)
    )
    both = one.merge(two, on=["run_id", "post_bits"], suffixes=("", "_two"))
    both = both[both[list(PARTS.values())].min(axis=1) < 32].reset_index(drop=True)
    gap = [
        np.abs(np.log(both["measured"] / both[name]))
        for name in ("predicted", "predicted_two")
    ]
    wide = np.ones(len(both))
    shared = {"model": both["model"]}
    fitted = fit_mean(gap[0] - gap[1], lambda p: p[0] * wide, [0.0], shared)
    return fitted.estimate(lambda p: float(p[0]), both["run_id"].nunique())


def largest_error(
    measured: Measured,
    law: str,
    quantity: str,
    plan: str,
    predictions: pd.DataFrame | None = None,
) -> Estimate:
    """Largest absolute log ratio of a plan, give or take the noise of one run.

    Parameters are those of `difference`.
    """
    rows = beside(measured, law, quantity, plan, predictions)
    errors = np.abs(np.log(rows["measured"] / rows["predicted"]))
    base = unquantized(finished(measured.runs, 3.5e6))
    base = base[base["sweep"] == "base"]
    spread = fit_slopes(base).spread
    spread |= {"drift": spread["drift"] * drifted(rows, base)[int(np.argmax(errors))]}
    noise = float(np.linalg.norm(list(spread.values())))
    reach = 1.96 * noise
    value = float(errors.max())
    ends = (max(value - reach, 0.0), value + reach)
    return Estimate(value, noise, rows["run_id"].nunique(), ends=ends)


def r_squared(
    measured: Measured,
    law: str,
    quantity: str,
    plan: str,
    predictions: pd.DataFrame | None = None,
) -> Estimate:
    """R² of predictions of a plan; a bootstrap draws sets of formats, and models.

    Parameters are those of `difference`.
    """
    rows = beside(measured, law, quantity, plan, predictions)
    formats = rows[list(PARTS.values())].astype(str).agg("-".join, axis=1)
    if formats.nunique() < 2:
        raise Undetermined(f"one set of formats alone is trained of the plan {plan}.")
    found, ends = explained(
        rows["measured"], rows["predicted"], groups=formats, crossed=rows["model"]
    )
    return Estimate(found, float("nan"), formats.nunique(), ends=ends)


def beside(
    measured: Measured,
    law: str,
    quantity: str,
    plan: str,
    predictions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The measured runs of a plan beside what a law said of them.

    Parameters are those of `difference`.

    Returns a row a run and rounding, with columns measured and predicted. Raises
    Undetermined if the law said nothing of these runs, or of one of them, or a run is
    missing.
    """
    if quantity not in QUANTITIES:
        known = ", ".join(QUANTITIES)
        raise UserError(f"unknown quantity '{quantity}'; choose one of {known}.")
    path = table_folder() / "predictions.csv"
    if predictions is None and not path.exists():
        raise Undetermined(f"no law has spoken of the plan {plan}: no predictions.csv.")
    said = load_predictions(path) if predictions is None else predictions
    said = said[(said["law"] == law) & (said["quantity"] == quantity)]
    runs = finished(measured.runs)
    runs = runs[runs["sweep"] == plan]
    if runs.empty:
        raise Undetermined(f"no run of the plan {plan} is trained.")
    said = said[said["run_id"].isin(runs["run_id"])]
    if missing := sorted(set(runs["run_id"]) - set(said["run_id"])):
        raise Undetermined(
            f"law '{law}' has no prediction of the {quantity} of run {missing[0]} of "
            f"the plan {plan}."
        )
    truth = _truth(measured, runs, quantity)
    keys = ["run_id", "method", "post_bits"]
    return truth.merge(said[[*keys, "predicted"]], on=keys, validate="one_to_one")


def _truth(measured: Measured, runs: pd.DataFrame, quantity: str) -> pd.DataFrame:
    plain = runs.assign(method="none", post_bits=0, measured=runs["loss"])
    if quantity == "loss":
        return plain
    rounded = labelled(measured.ptq)
    rounded = rounded[rounded["run_id"].isin(runs["run_id"])]
    rounded = rounded.assign(measured=rounded["post_loss"])
    high = unquantized(finished(measured.runs))
    twins = high.groupby(["N", "seed", "tokens"])["loss"].mean().rename("twin_loss")
    rows = pd.concat([plain, rounded], ignore_index=True)
    rows = rows.merge(twins, left_on=["N", "seed", "tokens"], right_index=True)
    return rows.assign(measured=rows["measured"] - rows["twin_loss"])
