"""Nats of each scored text, before and after each rounding, and intervals from them.

A row a scoring, a column a text. Whatever is compared is compared on the same texts, so
that most of what tells texts apart falls out of an interval.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.runs.run_table import write_table

KEY = ["model", "method", "granularity", "calibration", "post_bits"]
BEFORE, TOKENS = "before", "tokens"  # in place of a method
BLOCK = 8  # texts that follow one another, most of them of one or two documents


def texts_path(table: Path) -> Path:
    """Where the nats by text lie that belong to a table of roundings.

    >>> texts_path(Path("data/pretrained.csv")).name
    'pretrained_texts.csv'
    """
    return table.with_name(f"{table.stem}_texts.csv")


def load_texts(path: Path) -> pd.DataFrame:
    """Nats by setting (rows, the columns of `KEY`) and text; empty without a file.

    >>> load_texts(Path("none.csv")).empty
    True
    """
    if not path.exists():
        return pd.DataFrame(index=pd.MultiIndex.from_arrays([[]] * len(KEY), names=KEY))
    table = pd.read_csv(path, keep_default_na=False).set_index(KEY)
    return table.set_axis(range(table.shape[1]), axis=1).astype(float)


def add_texts(path: Path, key: dict[str, Any], values: tuple[float, ...]) -> None:
    """Write one row more, or anew.

    Raises UserError if the rows of the file are of another number of texts.
    """
    table = load_texts(path)
    if len(table) and table.shape[1] != len(values):
        raise UserError(
            f"{path} holds {table.shape[1]} texts, not {len(values)}; give as many "
            "windows, or another table."
        )
    where = pd.MultiIndex.from_tuples([tuple(key[name] for name in KEY)], names=KEY)
    row = pd.DataFrame([np.round(values, 4)], where)
    others = table[~table.index.isin(where)]
    whole = pd.concat([others, row]) if len(others) else row
    write_table(whole.copy().reset_index(), path)


def resampled_losses(
    texts: pd.DataFrame, draws: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Nats per token of each setting, then the same in redrawn blocks of texts.

    Returns a DataFrame: row 0 is of all texts, then a row a draw; its columns are the
    rows of `texts` but for the counts.

    `texts`: as of `load_texts`, of one model.

    >>> keys = [("m", kind, "", "", 0) for kind in (TOKENS, BEFORE, "rtn")]
    >>> index = pd.MultiIndex.from_tuples(keys, names=KEY)
    >>> made = pd.DataFrame([[2.0] * 16, [6.0] * 16, range(8, 24)], index=index)
    >>> losses = resampled_losses(made)
    >>> losses.iloc[:, 0].unique().tolist(), float(losses.iloc[:, 1].mean().round())
    ([3.0], 8.0)
    """
    blocks = texts.T.groupby(np.arange(texts.shape[1]) // BLOCK).sum().T
    counts = blocks.xs(TOKENS, level="method").to_numpy()[0]
    nats = blocks.drop(TOKENS, level="method")
    chance = np.full(len(counts), 1 / len(counts))
    drawn = np.random.default_rng(seed).multinomial(len(counts), chance, draws)
    times = np.vstack([np.ones_like(drawn[:1]), drawn])
    losses = times @ nats.to_numpy().T / (times @ counts)[:, None]
    return pd.DataFrame(losses, columns=nats.index)


def costs(texts: pd.DataFrame, draws: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Delta of each rounding, and its ratio to nearest at that width, with intervals.

    Returns index (method, calibration, post_bits); delta and ratio, each with its 95%
    interval over blocks of texts in columns of its name and ``_low``, ``_high``. The
    ratio is NaN where that width was not rounded to nearest.

    `texts`: as of `load_texts`, of one model and granularity.

    >>> keys = [("m", kind, "", "", 0) for kind in (TOKENS, BEFORE, "rtn")]
    >>> index = pd.MultiIndex.from_tuples(keys, names=KEY)
    >>> made = pd.DataFrame([[2.0] * 16, [6.0] * 16, [7.0] * 16], index=index)
    >>> costs(made)[["delta", "delta_low", "ratio"]].to_numpy().tolist()
    [[0.5, 0.5, 1.0]]
    """
    losses = resampled_losses(texts, draws, seed)
    before: Any = losses.xs(BEFORE, level="method", axis=1)
    after = losses.drop(columns=BEFORE, level="method")
    delta: Any = after.sub(before.iloc[:, 0], axis=0).droplevel(
        ["model", "granularity"], axis=1
    )
    found = {}
    for setting in delta.columns.tolist():
        nearest = ("rtn", "", setting[-1])
        own = delta[setting]
        ratio = own / delta[nearest] if nearest in delta.columns else own * np.nan
        found[setting] = [
            number
            for draw in (own, ratio)
            for number in (draw.iloc[0], *draw.iloc[1:].quantile([0.025, 0.975]))
        ]
    ends = [
        f"{name}{end}" for name in ("delta", "ratio") for end in ("", "_low", "_high")
    ]
    table = pd.DataFrame.from_dict(found, "index", columns=ends)
    names = ["method", "calibration", "post_bits"]
    return table.set_axis(pd.MultiIndex.from_tuples(table.index, names=names))
