"""The ways to leave rows out of a fit that is then asked for them.

One definition for all chapters that hold a law against what it was not shown.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings.twins import cells

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


def turns(
    rows: pd.DataFrame, folds: int = FOLDS, seed: int = 0
) -> npt.NDArray[np.int_]:
    """Which fold each row is left out in: cells of N and D in turn, drawn by a seed.

    Rows of one N and D go together, so that no law has seen a row's neighbours.

    >>> turns(pd.DataFrame({"N": [1, 1, 2], "D": 9}), folds=2).tolist()
    [0, 0, 1]
    """
    code, names = pd.factorize(cells(rows), sort=True)
    order = np.random.default_rng(seed).permutation(len(names))
    return np.asarray((order % folds)[code])


def splits(rows: pd.DataFrame) -> list[Split]:
    """Ways of leaving rows out, each by itself.

    A fifth of the cells of N and D, drawn evenly; all models above a size; all runs
    above a length; a width between others; the fewest bits.

    `rows`: labelled runs, or roundings of runs with ``post_bits``.

    >>> rows = pd.DataFrame({"N": [1, 2, 3, 4], "D": 9, "tokens": 9, "post_bits": 4})
    >>> [s.way for s in splits(rows) if s.way != CELL]
    ['larger models']
    """
    fold = turns(rows)
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


def furthest(rows: pd.DataFrame, *leave: str) -> dict[str, Mask | None]:
    """What is asked for in each way, by the first of its splits; None: cells in turn.

    The first has the fewest sizes, or lengths, to be fitted to. Of widths between
    others it is the one of fewest bits. `leave`: ways that are not asked for.

    >>> rows = pd.DataFrame({"N": [1, 2, 3, 4, 5], "D": 9, "tokens": 9})
    >>> furthest(rows)[SIZE]
    array([False, False, False,  True,  True])
    """
    found: dict[str, Mask | None] = {CELL: None}
    for split in splits(rows):
        if split.way not in (CELL, *leave):
            found.setdefault(split.way, split.asked)
    return found
