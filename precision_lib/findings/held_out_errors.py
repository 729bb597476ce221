"""How far laws miss rows that they were not shown, in the ways that people use them.

Rows are taken out of those that laws are fitted to; the law is fitted to the others and
asked for these, with its interval. Runs of held-out plans are in neither part. The ways
to take rows out are those of `precision_lib.findings.leaving_out`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.findings.leaving_out import DATA, SIZE, splits
from precision_lib.findings.measured import labelled
from precision_lib.findings.predicted_laws import Fitter, Spoken
from precision_lib.findings.predictions import SAY
from precision_lib.findings.twins import pooled_deviation
from precision_lib.formats import HIGH_PRECISION_BITS


def misses(
    rows: pd.DataFrame, law: str, quantity: str, replicates: int = 200, seed: int = 0
) -> pd.DataFrame:
    """What a law says of the rows of each split, beside what they were measured to be.

    Returns the rows asked for with law, way, beyond (N or D over the largest that was
    fitted), measured, predicted, low and high, nats (measured less predicted), miss
    (the logarithm of the ratio, missing where the measured value is not positive) and
    inside.

    `rows`: unquantized runs to fit, or their roundings by one method; `quantity`:
    "loss" or "delta"; `replicates`, `seed`: of the bootstrap over models.

    >>> from precision_lib.findings.twins import law_runs
    >>> from precision_lib.runs.run_table import load_runs
    >>> found = misses(law_runs(load_runs()), "chinchilla", "loss", replicates=2)
    >>> found["way"].unique().tolist()
    ['another N and D', 'larger models', 'more data']
    """
    rows = labelled(rows)
    fitter, rng = Fitter(replicates, seed), np.random.default_rng(seed)
    whole = {} if "post_bits" in rows else {"post_bits": HIGH_PRECISION_BITS}
    parts = []
    for split in splits(rows):
        fitted = rows[split.fitted].reset_index(drop=True)
        asked = rows[split.asked].assign(**whole).reset_index(drop=True)
        asked["measured"] = asked[quantity]
        said = SAY[quantity](
            Spoken(fitter.fit(fitted, law), quantity, fitted, asked), rng
        )
        column = {SIZE: "N", DATA: "tokens"}.get(split.way)
        beyond = said[column] / fitted[column].max() if column else 1.0
        parts.append(said.assign(way=split.way, beyond=beyond))
    table = pd.concat(parts, ignore_index=True)
    ratio = (table["measured"] / table["predicted"]).where(table["measured"] > 0)
    return table.assign(
        nats=table["measured"] - table["predicted"],
        miss=np.log(ratio),
        inside=table["measured"].between(table["low"], table["high"]),
    )


def errors(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """How large the misses of a group are, and how many intervals hold.

    Returns, index `by`. Columns: rows; models, how many of N and seed; too high, by
    which factor predictions are above what was measured (geometric mean); factor, the
    typical one either way (from the root mean square of the logarithm); nats, the root
    mean square of the difference; inside, the share of intervals that hold.

    >>> made = pd.DataFrame({"way": ["a", "a"], "model": ["1", "2"], "inside": True})
    >>> made = made.assign(miss=[0.1, -0.1], nats=[0.01, -0.01])
    >>> errors(made, ["way"]).round(2).loc["a"].tolist()
    [2.0, 2.0, 1.0, 1.11, 0.01, 1.0]
    """
    groups = table.groupby(by, sort=False)
    return pd.DataFrame(
        {
            "rows": groups.size(),
            "models": groups["model"].nunique(),
            "too high": np.exp(-groups["miss"].mean()),
            "factor": np.exp(groups["miss"].apply(_root_mean_square)),
            "nats": groups["nats"].apply(_root_mean_square),
            "inside": groups["inside"].mean(),
        }
    )


def seed_noise_of(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """What seeds of one N and D differ by at each width: relative, and in nats.

    Standard deviations, pooled over N and D; costs that are not positive have no
    relative one.

    >>> rows = pd.DataFrame({"N": 9, "D": [1, 1], "post_bits": 3, "delta": [0.1, 0.2]})
    >>> seed_noise_of(rows, "delta").round(2).loc[3].tolist()
    [0.49, 0.07]
    """
    found = {}
    for bits, here in rows.groupby("post_bits"):
        positive = here[here[column] > 0]
        relative = pooled_deviation(np.log(positive[column]), positive[["N", "D"]])
        nats = pooled_deviation(here[column], here[["N", "D"]])
        found[bits] = {"relative": relative, "nats": nats}
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("post_bits")


def _root_mean_square(values: pd.Series) -> float:
    return float(np.sqrt((values.dropna() ** 2).mean()))
