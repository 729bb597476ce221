"""How far laws miss rows that they were not shown, in the ways that people use them.

Rows are taken out of those that laws are fitted to; the law is fitted to the others and
asked for these, with its interval. Runs of held-out plans are in neither part.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings.measured import labelled
from precision_lib.findings.predicted_laws import Fitter, Spoken
from precision_lib.findings.predictions import SAY
from precision_lib.findings.twins import pooled_deviation
from precision_lib.formats import HIGH_PRECISION_BITS

CELL, SIZE, DATA = "another N and D", "larger models", "more data"
BETWEEN, FEWER = "a width between", "fewer bits"
FOLDS = 5
FEWEST = 3  # sizes, lengths or widths that a law is fitted to

Mask = npt.NDArray[np.bool_]


class Split(NamedTuple):
    """Rows that a law is fitted to, and rows that it is then asked for.

    >>> Split("more data", np.array([True]), np.array([False])).way
    'more data'
    """

    way: str
    fitted: Mask
    asked: Mask


def splits(rows: pd.DataFrame) -> list[Split]:
    """Ways of leaving rows out, each by itself.

    A fifth of the cells of N and D, drawn evenly; all models above a size; all runs
    above a length; a width between others; the fewest bits.

    `rows`: labelled runs, or roundings of runs with ``post_bits``.

    >>> rows = pd.DataFrame({"N": [1, 2, 3, 4], "tokens": 9, "post_bits": 4})
    >>> [s.way for s in splits(rows.assign(cell=[*"abcd"])) if s.way != CELL]
    ['larger models']
    """
    fold = pd.factorize(rows["cell"], sort=True)[0] % FOLDS
    found = [Split(CELL, fold != k, fold == k) for k in sorted(set(fold))]
    for way, column in ((SIZE, "N"), (DATA, "tokens")):
        values = rows[column].to_numpy(float)
        for last in sorted(set(values))[FEWEST - 1 : -1]:
            found.append(Split(way, values <= last, values > last))
    if "post_bits" in rows:
        bits = rows["post_bits"].to_numpy()
        widths = sorted(set(bits))
        if len(widths) > FEWEST:
            for width in widths[1:-1]:
                found.append(Split(BETWEEN, bits != width, bits == width))
            found.append(Split(FEWER, bits != widths[0], bits == widths[0]))
    return found


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
