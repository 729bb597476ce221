"""What the fitted laws say of runs that nobody has trained yet.

Written down before the runs start, a prediction cannot be tuned to them. The
published ones are ``data/predictions.csv``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from precision_lib.config import RunConfig
from precision_lib.corpus import DATA
from precision_lib.empirical import PARTS, law_roundings, law_runs, twin_groups
from precision_lib.errors import UserError
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit, bootstrap, fit
from precision_lib.runs import load_checked

METHODS = ("rtn", "gptq", "awq")
NOT_ROUNDED = 0  # in the column post_bits
POST_BITS = (3, 6)  # first and last: where the law of rounding is fitted
BITS = list(PARTS.values())

_POSITIVE = pa.Check.gt(0)
SCHEMA = pa.DataFrameSchema(
    {
        "run_id": pa.Column(str),
        "N": pa.Column(int, _POSITIVE),
        "D": pa.Column(int, _POSITIVE),
        **{name: pa.Column(int, _POSITIVE) for name in BITS},
        "quantity": pa.Column(str, pa.Check.isin(["loss", "delta"])),
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

    Raises
    ------
    UserError
        If the file is missing or breaks a rule of its columns.

    Examples
    --------
    >>> load_predictions()["quantity"].unique().tolist()  # doctest: +SKIP
    ['loss', 'delta']
    """
    return load_checked(path or DATA / "predictions.csv", SCHEMA)


def predict_runs(
    configs: Sequence[RunConfig],
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    *,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Loss of each run, and for unquantized ones what rounding will cost.

    The loss comes from the base law with effective parameters, fitted to the runs of
    role "fit" with every precision, the cost of rounding to 3 to 6 bits from the law
    of each method, fitted to the unquantized ones. An interval of 95% holds the
    uncertainty of the constants, by a bootstrap over groups of twins, and the scatter
    of single runs around the law.

    Parameters
    ----------
    configs : sequence of RunConfig
        The runs to predict; integer formats only.
    runs, ptq : DataFrame
        The tables that are fitted.

    Raises
    ------
    UserError
        If one of the runs is among those that would be fitted.

    Examples
    --------
    >>> predict_runs([], load_runs(), load_ptq())  # doctest: +SKIP
    """
    table = pd.DataFrame([_columns(config) for config in configs])
    fitted = law_runs(runs, "any").assign(post_bits=NOT_ROUNDED)
    if known := sorted(set(table["run_id"]) & set(fitted["run_id"])):
        raise UserError(
            f"run {known[0]} is one of those that the laws are fitted to; predict "
            "only runs that are held out."
        )
    rng = np.random.default_rng(seed)
    twins = twin_groups(fitted)
    law = fit(fitted, "effective", seed=seed)
    parts = [_predicted(law, fitted, twins, table, "loss", replicates, rng)]
    plain = table[(table[BITS] == HIGH_PRECISION_BITS).all(axis=1)]
    for method in METHODS:
        rounded = law_roundings(ptq, POST_BITS, method)
        if rounded.empty or plain.empty:
            continue
        law = fit(rounded, "ptq", seed=seed)
        widths = pd.DataFrame({"post_bits": range(POST_BITS[0], POST_BITS[1] + 1)})
        wide = plain.drop(columns="post_bits").merge(widths, how="cross")
        wide["method"] = method
        groups = rounded["run_id"]
        parts.append(_predicted(law, rounded, groups, wide, "delta", replicates, rng))
    columns = list(SCHEMA.columns)
    return pd.concat(parts, ignore_index=True)[columns]


def _columns(config: RunConfig) -> dict[str, object]:
    return {
        "run_id": config.run_id,
        "N": config.model.n_non_embedding,
        "D": config.steps * config.tokens_per_step,
        **config.precision.bits,
        "method": "none",
        "post_bits": NOT_ROUNDED,
    }


def _predicted(
    law: Fit,
    fitted: pd.DataFrame,
    groups: pd.Series,
    table: pd.DataFrame,
    quantity: str,
    replicates: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The rows of `table` with the law's value and interval."""
    spread = bootstrap(
        law, "cluster", replicates, int(rng.integers(2**31)), by=groups.to_numpy()
    )
    draws = law.with_bootstrap(spread).predict_replicates(table)
    ratio = fitted[quantity] / law.predict(fitted)
    scatter = np.log(
        ratio.where(ratio > 0)
    ).dropna()  # noise makes some deltas negative
    at = fitted.loc[scatter.index, "post_bits"]
    noise = np.column_stack(
        [
            rng.choice(scatter[at == bits].to_numpy(), size=len(draws))
            for bits in table["post_bits"]
        ]
    )
    low, high = np.nanpercentile(draws * np.exp(noise), [2.5, 97.5], axis=0)
    return table.assign(
        quantity=quantity,
        law=law.law.name,
        predicted=law.predict(table),
        low=low,
        high=high,
        fitted_runs=fitted["run_id"].nunique(),
    )
