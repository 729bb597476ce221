"""Whether the parts of a model combine alike after any amount of data, at any size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings.cost_growth import LADDER, SIZE
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, finished
from precision_lib.findings.noise_model import Array, fit_mean
from precision_lib.findings.size_slope import MIDDLE
from precision_lib.findings.twins import with_part, with_twins


class LadderShare(NamedTuple):
    """All parts at 4 bits over the sum of three parts alone, one bit fewer in two.

    `rows`: N, tokens, model and share, a row a model and length. `level`, `in_data`,
    `in_size`: ln of the share at 98k parameters and 7M tokens; its exponents in D and
    N. `scatter`, `freedom`: standard deviation of ln share around these, from so many
    degrees of freedom.

    >>> LadderShare._fields[1:4]
    ('level', 'in_data', 'in_size')
    """

    rows: pd.DataFrame
    level: Estimate
    in_data: Estimate
    in_size: Estimate
    scatter: float
    freedom: int

    def at(self, N: float, tokens: npt.ArrayLike) -> Array:
        """The fitted share of a size after so many tokens."""
        data = np.log(np.asarray(tokens, float) / MIDDLE)
        size = np.log(N / SIZE)
        powers = self.in_data.value * data + self.in_size.value * size
        return np.asarray(np.exp(self.level.value + powers))


def ladder_share(measured: Measured) -> LadderShare:
    """Whether the parts combine alike at every N and D, from the ladder of the table.

    The ladder has weights and KV cache alone at 3 bits, activations at 4 and all three
    at 4: the share of their sum is no test of a rule; that it stays as it is at other N
    and D says that what is found at one length holds at others.

    Raises Undetermined if too few models have all four.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "joint"], "short")
    >>> ladder_share(short).in_data.units
    4
    """
    rows = with_part(with_twins(finished(measured.runs)))
    rows = rows[rows["part"].map(LADDER) == rows["bits"]]
    wide = rows.pivot_table("cost", ["N", "tokens", "model"], "part").reindex(
        columns=list(LADDER)
    )
    whole = wide.drop(columns="tied").sum(axis=1, skipna=False)
    rows = (wide["tied"] / whole).dropna().rename("share").reset_index()
    data = np.log(rows["tokens"].to_numpy(float) / MIDDLE)
    size = np.log(rows["N"].to_numpy(float) / SIZE)
    design = np.column_stack([np.ones_like(data), data, size])
    y = np.log(rows["share"].to_numpy(float))
    fitted = fit_mean(
        y, lambda p: design @ p, [0.0, 0.0, 0.0], {"model": rows["model"]}
    )
    units = rows["model"].nunique()
    level, in_data, in_size = (fitted.parameter(i, units) for i in range(3))
    scatter = float(np.linalg.norm(list(fitted.spread.values())))
    return LadderShare(rows, level, in_data, in_size, scatter, len(rows) - 3)
