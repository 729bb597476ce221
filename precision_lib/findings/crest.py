"""Whether blocks of weights are better in integers or in floats, by their crest factor.

Chen et al. ("INT v.s. FP", arXiv 2510.25602): with a scale a block, 4-bit integers have
the smaller error where the largest magnitude is at most some multiple of the root mean
square: 2.04 for blocks of 32 whose scale is a power of two, 2.39 for blocks of 16 with
a fine one (by a secondary source).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from precision_lib.findings.group_bootstrap import Array
from precision_lib.formats import Element, Int
from precision_lib.formats.floating import Float
from precision_lib.formats.gaussian import grid_values
from precision_lib.ptq.layers import used_weight
from precision_lib.ptq.targets import linear_layers
from precision_lib.training.checkpoints import load_model

KINDS = {"MX": (32, True, 2.04), "NV": (16, False, 2.39)}
RIVALS: dict[str, Element] = {"int": Int(4), "float": Float(2, 1)}
WIDTH = 0.05  # of a bin of crest factors
FEWEST = 50  # blocks in a bin


def block_errors(blocks: Array, fmt: Element, power_of_two: bool) -> Array:
    """Squared error of each block, relative to its squares, at the scale that fits it.

    `blocks`: shape (blocks, size); `power_of_two`: the scale is the smallest power of
    two that clips nothing.

    >>> block_errors(np.array([[7.0, 1.0, 0.2]]), Int(4), False).round(4)
    array([0.0008])
    """
    grid = grid_values(fmt)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / grid.max()
    if power_of_two:
        scale = 2 ** np.ceil(np.log2(scale))
    middles = (grid[1:] + grid[:-1]) / 2
    near = grid[np.searchsorted(middles, blocks / scale)] * scale
    squares = (blocks**2).sum(axis=1)
    return np.asarray(((near - blocks) ** 2).sum(axis=1) / squares)


def linear_weights(paths: Sequence[Path]) -> list[Array]:
    """The matrices of stored models, shape (out, in), those that rounding touches.

    >>> from precision_lib.training.checkpoints import unquantized_models
    >>> len(linear_weights(unquantized_models()["path"][:1]))
    8
    """
    return [
        used_weight(layer).detach().numpy().astype(float)
        for path in paths
        for layer in linear_layers(load_model(path)).values()
    ]


def crossings(matrices: Sequence[Array], seed: int = 0) -> pd.DataFrame:
    """`crossing` for each kind of scale, beside what is claimed.

    >>> noise = np.random.default_rng(0).standard_normal((20, 40, 160))
    >>> crossings(list(noise))["claimed"].tolist()
    [2.04, 2.39]
    """
    rows = {
        kind: {**crossing(crest_table(matrices, kind), seed=seed), "claimed": claimed}
        for kind, (_, _, claimed) in KINDS.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def crest_table(matrices: Sequence[Array], kind: str) -> pd.DataFrame:
    """Crest factor and both errors of every block of some matrices.

    `matrices`: shape (out, in); what is left of a row after whole blocks is not used.
    `kind`: "MX" or "NV".

    >>> found = crest_table([np.arange(1.0, 65.0).reshape(1, 64)], "MX")
    >>> found["crest"].round(2).tolist()
    [1.69, 1.3]
    """
    size, power, _ = KINDS[kind]
    rows = []
    for number, matrix in enumerate(matrices):
        whole = matrix.shape[1] // size * size
        blocks = np.asarray(matrix[:, :whole], float).reshape(-1, size)
        blocks = blocks[np.abs(blocks).max(axis=1) > 0]
        crest = np.abs(blocks).max(axis=1) / np.sqrt((blocks**2).mean(axis=1))
        errors = {
            name: block_errors(blocks, fmt, power) for name, fmt in RIVALS.items()
        }
        rows.append(pd.DataFrame({"matrix": number, "crest": crest, **errors}))
    return pd.concat(rows, ignore_index=True)


def crossing(table: pd.DataFrame, draws: int = 300, seed: int = 0) -> dict[str, float]:
    """The crest factor at which both have the same error, with a 95% interval.

    Blocks are binned by crest factor; the place is where the ratio of the bins' mean
    errors passes one, between bins by a straight line. Matrices are drawn.

    Returns estimate, low, high, blocks, matrices.

    >>> noise = np.random.default_rng(0).standard_normal((20, 40, 160))
    >>> found = crossing(crest_table(list(noise), "NV"), draws=20)
    >>> 2.0 < found["low"] < found["estimate"] < found["high"] < 2.6
    True
    """
    bins = (table["crest"] / WIDTH).round().astype(int)
    first = int(bins.min())
    shape = (int(table["matrix"].max()) + 1, int(bins.max()) - first + 1)
    place = np.ravel_multi_index((table["matrix"], bins - first), shape)
    sums = {
        name: np.bincount(place, weight, minlength=shape[0] * shape[1]).reshape(shape)
        for name, weight in (
            ("count", np.ones(len(table))), ("int", table["int"]),
            ("float", table["float"]),
        )
    }  # fmt: skip
    middles = (first + np.arange(shape[1])) * WIDTH
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(shape[0], np.full(shape[0], 1 / shape[0]), draws)
    places = [
        _zero(middles, *(np.asarray(weights @ sums[name]) for name in sums))
        for weights in np.vstack([np.ones(shape[0]), drawn])
    ]
    low, high = np.nanpercentile(places[1:], [2.5, 97.5])
    return {"estimate": places[0], "low": float(low), "high": float(high),
            "blocks": len(table), "matrices": shape[0]}  # fmt: skip


def _zero(middles: Any, count: Any, whole: Any, floating: Any) -> float:
    """Where integers begin to lose; NaN if they do not."""
    enough = count >= FEWEST
    ratio = np.log(whole[enough] / floating[enough])
    at = middles[enough]
    below = np.flatnonzero((ratio[:-1] < 0) & (ratio[1:] >= 0))
    if not len(below):
        return float("nan")
    k = below[0]
    step = ratio[k] / (ratio[k] - ratio[k + 1])
    return float(at[k] + step * (at[k + 1] - at[k]))
