"""What the fitted laws say of runs that nobody has trained yet.

Written down before the runs start, a prediction cannot be tuned to them. The
published ones are ``data/short/predictions.csv``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa

from precision_lib.errors import UserError
from precision_lib.findings.predicted_laws import BITS, Fitter, Spoken, speakers
from precision_lib.findings.twins import law_runs, with_twins
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit
from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_checked
from precision_lib.training.config import RunConfig

NOT_ROUNDED = 0  # in the column post_bits
FORMATS = ["weight_format", "activation_format", "kv_format"]
UNQUANTIZED: dict[str, Any] = {
    **dict.fromkeys(BITS, HIGH_PRECISION_BITS),
    **dict.fromkeys(FORMATS, "float32"),
    "gmse": 0.0,
}
ROW = ["run_id", "quantity", "method", "post_bits"]  # what a law is asked for
QUANTITIES = ["loss", "cost", "excess", "delta", "post_loss"]

Array = npt.NDArray[np.float64]
_POSITIVE = pa.Check.gt(0)
SCHEMA = pa.DataFrameSchema(
    {
        "run_id": pa.Column(str),
        "N": pa.Column(int, _POSITIVE),
        "D": pa.Column(int, _POSITIVE),
        **{name: pa.Column(int, _POSITIVE) for name in BITS},
        "quantity": pa.Column(str, pa.Check.isin(QUANTITIES)),
        "method": pa.Column(str),
        "post_bits": pa.Column(int, pa.Check.in_range(0, 16)),
        "law": pa.Column(str),
        "predicted": pa.Column(float),
        "low": pa.Column(float),
        "high": pa.Column(float),
        "fitted_runs": pa.Column(int, _POSITIVE),
        # the first table has none
        "date": pa.Column(str, required=False),
        "runs_digest": pa.Column(str, required=False),
    },
    unique=["run_id", "quantity", "method", "post_bits", "law"],
    strict=True,
)


def load_predictions(path: Path | None = None) -> pd.DataFrame:
    """The table of predictions, checked.

    Raises UserError if the file is missing or breaks a rule of its columns.
    """
    return load_checked(path or table_folder() / "predictions.csv", SCHEMA)


def predict_runs(
    configs: Sequence[RunConfig],
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    *,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """What every law says of each run that it speaks of.

    ``loss``; ``cost``, the loss above that of the unquantized twin; ``delta``, what
    rounding adds; ``post_loss``, the loss after it; and ``excess``, the loss, rounded
    or not, above that of the twin that
    was neither quantized nor rounded, by the law of both. The laws are those of
    `precision_lib.findings.predicted_laws`, fitted to the runs of role "fit".

    An interval of 95% holds the uncertainty of the constants, by a bootstrap over
    models, and the scatter of single runs around the law; it does not hold the error of
    a law that is wrong so far out.

    Raises UserError if one of the runs is among those that would be fitted.

    `configs`: the runs to predict; integer formats only. `runs`, `ptq`: the tables that
    are fitted.
    """
    table = pd.DataFrame([_columns(config) for config in configs])
    fitted = law_runs(runs, "any")
    if fitted.empty:
        raise UserError("there is no run of role 'fit' that a law could be fitted to.")
    if known := sorted(set(table["run_id"]) & set(fitted["run_id"])):
        raise UserError(
            f"run {known[0]} is one of those that the laws are fitted to; predict "
            "only runs that are held out."
        )
    rng = np.random.default_rng(seed)
    parts = []
    for one in speakers(table, runs, ptq, Fitter(replicates, seed)):
        say = SAY[one.quantity]
        parts.append(say(one, rng))
        low = (one.asked[BITS] < HIGH_PRECISION_BITS).any(axis=1)
        if one.quantity == "loss" and low.any():
            parts.append(_costs(one._replace(asked=one.asked[low]), rng))
    columns = [name for name in SCHEMA.columns if name in parts[0]]
    return pd.concat(parts, ignore_index=True)[columns]


def measured_beside(
    predictions: pd.DataFrame, runs: pd.DataFrame, ptq: pd.DataFrame
) -> pd.DataFrame:
    """Predictions of the runs that have since been trained, beside what they came to.

    Returns the rows of `predictions` whose run is in `runs`, with columns ``measured``,
    ``miss``, its natural logarithm over the predicted value (NaN where either is not
    above zero), and ``inside``, whether the interval holds it.
    """
    known = runs["run_id"].isin(predictions["run_id"]) | (runs["role"] == "fit")
    finished = runs[known & (runs["status"] == "finished")]
    measured = [
        finished.assign(quantity="loss", measured=finished["loss"]),
        with_twins(finished)
        .assign(quantity="cost")
        .rename(columns={"cost": "measured"}),
    ]
    trained = pd.concat(measured).assign(method="none", post_bits=NOT_ROUNDED)
    rounded = [
        ptq.assign(quantity=name, measured=ptq[name]) for name in ("delta", "post_loss")
    ]
    every = pd.concat([trained, *rounded])[[*ROW, "measured"]]
    table = predictions.merge(every, on=ROW)
    positive = (table["measured"] > 0) & (table["predicted"] > 0)
    ratio = (table["measured"] / table["predicted"]).where(positive)
    return table.assign(
        miss=np.log(ratio),
        inside=table["measured"].between(table["low"], table["high"]),
    )


def _columns(config: RunConfig) -> dict[str, object]:
    return {
        "run_id": config.run_id,
        "N": config.model.n_non_embedding,
        "D": config.steps * config.tokens_per_step,
        "d_model": config.model.d_model,
        **config.precision.bits,
        "weight_format": config.precision.weights,
        "activation_format": config.precision.activations,
        "kv_format": config.precision.kv_cache,
        "method": "none",
        "post_bits": NOT_ROUNDED,
    }


def _losses(one: Spoken, rng: np.random.Generator) -> pd.DataFrame:
    """Of a loss before or after rounding."""
    misses = np.log(one.fitted["loss"] / one.law.predict(one.fitted))
    noise = _scatter(misses, _fewest(one.fitted), _fewest(one.asked), one.law, rng)
    draws = one.law.predict_replicates(one.asked) * np.exp(noise)
    return _rows(one.quantity, one, one.law.predict(one.asked), draws)


def _costs(one: Spoken, rng: np.random.Generator) -> pd.DataFrame:
    law, plain = one.law, one.asked.assign(**UNQUANTIZED)
    predicted = law.predict(one.asked) - law.predict(plain)
    draws = law.predict_replicates(one.asked) - law.predict_replicates(plain)
    pairs = with_twins(one.fitted)
    by_law = law.predict(pairs) - law.predict(pairs.assign(**UNQUANTIZED))
    misses = pairs["cost"] - by_law
    draws = draws + _scatter(misses, _fewest(pairs), _fewest(one.asked), law, rng)
    return _rows("cost", one, predicted, draws)


def _deltas(one: Spoken, rng: np.random.Generator) -> pd.DataFrame:
    ratio = one.fitted["delta"] / one.law.predict(one.fitted)
    misses = np.log(ratio[ratio > 0])  # noise makes some costs of rounding negative
    seen = one.fitted.loc[misses.index, "post_bits"]
    noise = _scatter(misses, seen, one.asked["post_bits"], one.law, rng)
    draws = one.law.predict_replicates(one.asked) * np.exp(noise)
    return _rows("delta", one, one.law.predict(one.asked), draws)


def _excesses(one: Spoken, rng: np.random.Generator) -> pd.DataFrame:
    law, whole = one.law, {**UNQUANTIZED, "post_bits": HIGH_PRECISION_BITS}
    rows, plain = one.fitted, one.asked.assign(**whole)
    misses = rows["excess"] - law.predict(rows) + law.predict(rows.assign(**whole))
    seen, asked = (
        _fewest(table).clip(upper=table["post_bits"]) for table in (rows, one.asked)
    )
    predicted = law.predict(one.asked) - law.predict(plain)
    draws = law.predict_replicates(one.asked) - law.predict_replicates(plain)
    draws = draws + _scatter(misses, seen, asked, law, rng)
    return _rows("excess", one, predicted, draws)


SAY = {
    "loss": _losses, "post_loss": _losses, "delta": _deltas, "excess": _excesses
}  # fmt: skip


def _fewest(table: pd.DataFrame) -> pd.Series:
    return table[BITS].min(axis=1)


def _scatter(
    misses: pd.Series,
    seen: pd.Series,
    asked: pd.Series,
    law: Fit,
    rng: np.random.Generator,
) -> Array:
    """Misses of fitted rows nearest in bits, each to both sides; draws x rows.

    Where they lean to one side they would move an interval off its prediction.
    """
    assert law.replicates is not None
    draws = len(next(iter(law.replicates.values())))
    pools = dict(iter(misses.groupby(seen.to_numpy())))
    columns = [
        rng.choice(pools[min(pools, key=lambda b: abs(b - bits))].to_numpy(), draws)
        for bits in asked
    ]
    sides = rng.choice([-1.0, 1.0], (draws, len(asked)))
    return sides * np.reshape(columns, (len(asked), draws)).T


def _rows(quantity: str, one: Spoken, predicted: Array, draws: Array) -> pd.DataFrame:
    """The rows asked for with what the law says of each; draws: replicates x rows."""
    low, high = np.nanpercentile(draws, [2.5, 97.5], axis=0)
    whole = one.asked["post_bits"] == HIGH_PRECISION_BITS
    return one.asked.assign(
        post_bits=one.asked["post_bits"].mask(whole, NOT_ROUNDED),
        quantity=quantity,
        law=one.law.law.name,
        predicted=predicted,
        low=low,
        high=high,
        fitted_runs=one.fitted["run_id"].nunique(),
    )
