"""What the fitted laws say of runs that nobody has trained yet.

Written down before the runs start, a prediction cannot be tuned to them. The
published ones are ``data/short/predictions.csv``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa

from precision_lib.errors import UserError
from precision_lib.findings.twins import (
    PARTS,
    law_roundings,
    law_runs,
    twin_groups,
    with_twins,
)
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit, bootstrap, fit
from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_checked
from precision_lib.training.config import RunConfig

METHODS = ("rtn", "gptq", "awq")
LAWS = {  # the paper's, then its rivals
    "loss": ("effective", "format-multiplier-parts", "effective-coupled"),
    "delta": ("ptq", "ouyang"),
}
NOT_ROUNDED = 0  # in the column post_bits
POST_BITS = (3, 6)  # first and last: where the law of rounding is fitted
BITS = list(PARTS.values())
FORMATS = ["weight_format", "activation_format", "kv_format"]
UNQUANTIZED = dict.fromkeys(BITS, HIGH_PRECISION_BITS) | dict.fromkeys(
    FORMATS, "float32"
)
ROW = ["run_id", "quantity", "method", "post_bits"]  # what a law is asked for

_POSITIVE = pa.Check.gt(0)
SCHEMA = pa.DataFrameSchema(
    {
        "run_id": pa.Column(str),
        "N": pa.Column(int, _POSITIVE),
        "D": pa.Column(int, _POSITIVE),
        **{name: pa.Column(int, _POSITIVE) for name in BITS},
        "quantity": pa.Column(str, pa.Check.isin(["loss", "cost", "delta"])),
        "method": pa.Column(str),
        "post_bits": pa.Column(int, pa.Check.in_range(0, 16)),
        "law": pa.Column(str),
        "predicted": pa.Column(float),
        "low": pa.Column(float),
        "high": pa.Column(float),
        "fitted_runs": pa.Column(int, _POSITIVE),
    },
    unique=["run_id", "quantity", "method", "post_bits", "law"],
    strict=True,
)


def load_predictions(path: Path | None = None) -> pd.DataFrame:
    """The table of predictions, checked.

    Raises UserError if the file is missing or breaks a rule of its columns.

    >>> load_predictions()["quantity"].unique().tolist()  # doctest: +SKIP
    ['loss', 'delta']
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
    """Loss of each run, what low precision costs it, and what rounding will cost it.

    ``loss``, and ``cost``, the loss above that of the unquantized twin, come from
    laws fitted to the runs of role "fit" with every precision. ``delta``, the cost of
    rounding an unquantized run to 3 to 6 bits, comes from laws fitted to roundings by
    one method. `LAWS` names the paper's law and rivals for either.

    An interval of 95% holds the uncertainty of the constants, by a bootstrap over
    groups of twins, and the scatter of single runs around the law; it does not hold
    the error of a law that is wrong so far out.

    Raises UserError if one of the runs is among those that would be fitted, or
    quantized as none of them is.

    `configs`: the runs to predict; integer formats only. `runs`, `ptq`: the tables that
    are fitted.

    >>> predict_runs([], load_runs(), load_ptq())  # doctest: +SKIP
    """
    table = pd.DataFrame([_columns(config) for config in configs])
    fitted = law_runs(runs, "any").assign(post_bits=NOT_ROUNDED)
    if known := sorted(set(table["run_id"]) & set(fitted["run_id"])):
        raise UserError(
            f"run {known[0]} is one of those that the laws are fitted to; predict "
            "only runs that are held out."
        )
    seen = set(fitted[BITS].itertuples(index=False, name=None))
    if strange := set(table[BITS].itertuples(index=False, name=None)) - seen:
        raise UserError(
            f"no fitted run has {sorted(strange)[0]} bits of weights, activations and "
            "KV cache, so nothing is known of the scatter there."
        )
    rng = np.random.default_rng(seed)
    plain = (table[BITS] == HIGH_PRECISION_BITS).all(axis=1)
    parts = []
    for law in _laws("loss", fitted, twin_groups(fitted), replicates, rng):
        parts.append(_losses(law, fitted, table, rng))
        parts.append(_costs(law, fitted, table[~plain], rng))
    widths = pd.DataFrame({"post_bits": range(POST_BITS[0], POST_BITS[1] + 1)})
    wide = table[plain].drop(columns="post_bits").merge(widths, how="cross")
    for method in METHODS:
        rounded = law_roundings(ptq, POST_BITS, method)
        if rounded.empty:
            continue
        for law in _laws("delta", rounded, rounded["run_id"], replicates, rng):
            parts.append(_deltas(law, rounded, wide.assign(method=method), rng))
    return pd.concat(parts, ignore_index=True)[list(SCHEMA.columns)]


def measured_beside(
    predictions: pd.DataFrame, runs: pd.DataFrame, ptq: pd.DataFrame
) -> pd.DataFrame:
    """Predictions of the runs that have since been trained, beside what they came to.

    Returns the rows of `predictions` whose run is in `runs`, with columns ``measured``,
    ``miss``, its natural logarithm over the predicted value (NaN where rounding cost
    nothing), and ``inside``, whether the interval holds it.

    >>> from precision_lib.runs.run_table import load_ptq, load_runs
    >>> measured_beside(load_predictions(), load_runs(), load_ptq())  # doctest: +SKIP
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
    rounded = ptq.assign(quantity="delta", measured=ptq["delta"])
    table = predictions.merge(pd.concat([trained, rounded])[[*ROW, "measured"]], on=ROW)
    ratio = (table["measured"] / table["predicted"]).where(table["measured"] > 0)
    return table.assign(
        miss=np.log(ratio),
        inside=table["measured"].between(table["low"], table["high"]),
    )


def _columns(config: RunConfig) -> dict[str, object]:
    return {
        "run_id": config.run_id,
        "N": config.model.n_non_embedding,
        "D": config.steps * config.tokens_per_step,
        **config.precision.bits,
        "weight_format": config.precision.weights,
        "activation_format": config.precision.activations,
        "kv_format": config.precision.kv_cache,
        "method": "none",
        "post_bits": NOT_ROUNDED,
    }


def _laws(
    quantity: str,
    fitted: pd.DataFrame,
    groups: pd.Series,
    replicates: int,
    rng: np.random.Generator,
) -> list[Fit]:
    """The paper's law and its rivals, each with its bootstrap over the groups."""
    laws = []
    for name in LAWS[quantity]:
        law = fit(fitted, name, seed=int(rng.integers(2**31)))
        start = int(rng.integers(2**31))
        spread = bootstrap(law, "cluster", replicates, start, by=groups.to_numpy())
        laws.append(law.with_bootstrap(spread))
    return laws


def _losses(
    law: Fit, fitted: pd.DataFrame, table: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    draws = law.predict_replicates(table)
    misses = np.log(fitted["loss"] / law.predict(fitted))
    noise = _scatter(misses, fitted[BITS], table[BITS], len(draws), rng)
    draws = draws * np.exp(noise)
    return _rows("loss", law, fitted, table, law.predict(table), draws)


def _costs(
    law: Fit, fitted: pd.DataFrame, table: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    plain = table.assign(**UNQUANTIZED)
    predicted = law.predict(table) - law.predict(plain)
    draws = law.predict_replicates(table) - law.predict_replicates(plain)
    pairs = with_twins(fitted)
    by_law = law.predict(pairs) - law.predict(pairs.assign(**UNQUANTIZED))
    misses = pairs["cost"] - by_law
    draws = draws + _scatter(misses, pairs[BITS], table[BITS], len(draws), rng)
    return _rows("cost", law, fitted, table, predicted, draws)


def _deltas(
    law: Fit, fitted: pd.DataFrame, table: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    draws = law.predict_replicates(table)
    ratio = fitted["delta"] / law.predict(fitted)
    misses = np.log(ratio[ratio > 0])  # noise makes some costs of rounding negative
    seen = fitted.loc[misses.index, ["post_bits"]]
    draws = draws * np.exp(
        _scatter(misses, seen, table[["post_bits"]], len(draws), rng)
    )
    return _rows("delta", law, fitted, table, law.predict(table), draws)


def _scatter(
    misses: pd.Series,
    seen: pd.DataFrame,
    asked: pd.DataFrame,
    draws: int,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Misses of fitted rows, drawn from those at the bits asked for; draws x rows."""
    at_bits = misses.groupby([seen[name] for name in seen])
    columns = [
        rng.choice(at_bits.get_group(bits).to_numpy(), size=draws)
        for bits in asked.itertuples(index=False, name=None)
    ]
    return np.reshape(columns, (len(asked), draws)).T


def _rows(
    quantity: str,
    law: Fit,
    fitted: pd.DataFrame,
    table: pd.DataFrame,
    predicted: npt.NDArray[np.float64],
    draws: npt.NDArray[np.float64],
) -> pd.DataFrame:
    """`table` with what the law says of each row; draws: replicates x rows."""
    low, high = np.nanpercentile(draws, [2.5, 97.5], axis=0)
    return table.assign(
        quantity=quantity,
        law=law.law.name,
        predicted=predicted,
        low=low,
        high=high,
        fitted_runs=fitted["run_id"].nunique(),
    )
