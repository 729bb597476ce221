"""What low precision of one part or format costs at one number of tokens, in nats.

Every size and every set of formats has its own mean loss. The noise of a run is pooled
over all of them; what a run shares with the others of its model is estimated too, so a
cost is as exact as its twins are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.intervals import share
from precision_lib.findings.measured import Measured, at_tokens, finished, near_size
from precision_lib.findings.noise_model import Array, MeanFit, fit_mean
from precision_lib.findings.twins import TWIN, with_part
from precision_lib.formats import HIGH_PRECISION

FORMATS = ["weight_format", "activation_format", "kv_format"]
USUAL: dict[str, Any] = {
    "weight_format": HIGH_PRECISION,
    "activation_format": HIGH_PRECISION,
    "kv_format": HIGH_PRECISION,
    "weight_granularity": "channel",
    "activation_granularity": "tensor",
    "kv_granularity": "token",
    "rotation": 0,
}
FEW = 4  # bits, up to which runs have more noise
BROKEN = 1.0  # nats above the twin


@dataclass(frozen=True)
class Cells:
    """A mean for every size and set of formats.

    `names`: size and label of the formats, in the order of the parameters. `runs`: the
    rows; ``formats`` is the label.

    >>> Cells(None, [(9, "a")], pd.DataFrame()).place(9, "a")
    0
    """

    fitted: MeanFit
    names: list[tuple[int, str]]
    runs: pd.DataFrame

    def place(self, size: int, formats: str) -> int:
        """Which parameter."""
        return self.names.index((size, formats))

    def cost(self, p: Array, size: int, formats: str) -> float:
        """Loss above that of the unquantized runs of the size."""
        high = self.place(size, label({}))
        return float(p[self.place(size, formats)] - p[high])

    def models(self, size: int, formats: str) -> int:
        """How many models of the size have these formats."""
        rows = self.runs[(self.runs["N"] == size) & (self.runs["formats"] == formats)]
        return int(rows["model"].nunique())

    def cost_estimate(self, size: int, formats: str) -> Estimate:
        """`cost` of one size with its error."""
        cost = partial(self.cost, size=size, formats=formats)
        return self.fitted.estimate(cost, self.models(size, formats))

    def sizes(self, *formats: str) -> list[int]:
        """The sizes that have all of these.

        Raises Undetermined if there is none.
        """
        wanted = {label({}), *formats}
        here = self.runs[self.runs["formats"].isin(wanted)]
        count = here.groupby("N")["formats"].nunique()
        if not (count == len(wanted)).any():
            raise Undetermined(f"no size has runs of all of: {'; '.join(formats)}.")
        return [int(size) for size in count.index[count == len(wanted)]]

    def noise_is_known(self, bits: float) -> bool:
        """Whether runs of as few bits are repeated, so that their noise is measured."""
        few = self.runs[(self.runs["bits"] <= FEW)]
        return bits > FEW or bool(few.duplicated(["N", "formats"]).any())

    def as_known(self, found: Estimate, bits: float) -> Estimate:
        """Without an interval where the noise of runs of as few bits is not known."""
        unknown = (float("nan"), float("nan"))
        return found if self.noise_is_known(bits) else replace(found, ends=unknown)

    def mean(self, of: Callable[[Array, int], float], *formats: str) -> Estimate:
        """Mean of a number over the models that have all of these formats."""
        sizes = self.sizes(*formats)
        here = self.runs[self.runs["N"].isin(sizes)]
        low = here[here["formats"].isin(formats)] if formats else here
        models = low.groupby("N")["model"].nunique().reindex(sizes)

        def average(p: Array) -> float:
            return float(np.average([of(p, size) for size in sizes], weights=models))

        return self.fitted.estimate(average, int(models.sum()))


def label(part: Mapping[str, Any]) -> str:
    """A name for a set of formats; bits stand for integers, what is left out is usual.

    >>> label({"weight_bits": 4})
    'int4 float32 float32 channel tensor token 0'
    """
    given = {
        name.replace("_bits", "_format"): f"int{value}"
        if name.endswith("_bits")
        else value
        for name, value in part.items()
    }
    return " ".join(str((USUAL | given)[name]) for name in USUAL)


def fit_cells(measured: Measured, D: float) -> Cells:
    """The mean loss of each size and set of formats after D tokens.

    >>> from precision_lib.findings.measured import load_measured
    >>> cells = fit_cells(load_measured(["base", "joint"], "short"), 1.75e6)
    >>> len(cells.names) > 20
    True
    """
    rows = at_tokens(with_part(finished(measured.runs)), D)
    rows["formats"] = rows[list(USUAL)].astype(str).agg(" ".join, axis=1)
    keys = list(zip(rows["N"].astype(int), rows["formats"], strict=True))
    codes, names = pd.factorize(pd.Series(keys), sort=True)
    low = rows["part"] != "none"
    rough = {"low precision": low, "few bits": low & (rows["bits"] <= FEW)}
    start = rows["loss"].groupby(codes).mean().to_numpy()
    fitted = fit_mean(
        rows["loss"], lambda p: p[codes], start, {"model": rows["model"]}, rough
    )
    return Cells(fitted, list(names), rows)


def cost(measured: Measured, part: Mapping[str, Any], D: float) -> Estimate:
    """Cost of a set of formats at D, mean over models.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts"], "short")
    >>> cost(short, {"weight_bits": 2}, 1.75e6).interval()[0] > 0.1
    True
    """
    cells, wanted = fit_cells(measured, D), label(part)
    return cells.mean(lambda p, size: cells.cost(p, size, wanted), wanted)


def cost_difference(
    measured: Measured, first: Mapping[str, Any], second: Mapping[str, Any], D: float
) -> Estimate:
    """Cost of one set of formats less that of another, over models that have both.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts"], "short")
    >>> parts = {"activation_bits": 4}, {"weight_bits": 4}
    >>> cost_difference(short, *parts, 1.75e6).interval()[0] > 0.1
    True
    """
    cells, one, two = fit_cells(measured, D), label(first), label(second)

    def difference(p: Array, size: int) -> float:
        return cells.cost(p, size, one) - cells.cost(p, size, two)

    return cells.mean(difference, one, two)


def share_saved(
    measured: Measured, part: Mapping[str, Any], finer: Mapping[str, Any], D: float
) -> Estimate:
    """Of the cost of a set of formats, the share that another one does not have.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts"], "short")
    >>> parts = {"weight_bits": 2}, {"weight_bits": 4}
    >>> 0.5 < share_saved(short, *parts, 1.75e6).value < 1
    True
    """
    cells, coarse, fine = fit_cells(measured, D), label(part), label(finer)

    def saved(p: Array, size: int) -> float:
        return 1 - cells.cost(p, size, fine) / cells.cost(p, size, coarse)

    return cells.mean(saved, coarse, fine)


def granularity_gap(measured: Measured, bits: int, D: float) -> Estimate:
    """What a finer scale saves activations less what it saves weights.

    Activations: a scale a token instead of a tensor; weights: a scale a channel
    instead of a tensor.
    """
    cells = fit_cells(measured, D)
    coarse, fine = (
        label({"activation_bits": bits, "activation_granularity": kind})
        for kind in ("tensor", "token")
    )
    whole, row = (
        label({"weight_bits": bits, "weight_granularity": kind})
        for kind in ("tensor", "channel")
    )

    def gap(p: Array, size: int) -> float:
        saved = cells.cost(p, size, coarse) - cells.cost(p, size, fine)
        return saved - cells.cost(p, size, whole) + cells.cost(p, size, row)

    return cells.mean(gap, coarse, fine, whole, row)


def equal_memory_gain(
    measured: Measured, small: float, large: float, bits: int, D: float
) -> Estimate:
    """Loss of a small model unquantized less that of a large one in low-bit weights.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts"], "short")
    >>> equal_memory_gain(short, 24e3, 98e3, 4, 1.75e6).value > 0
    True
    """
    cells, low = fit_cells(measured, D), label({"weight_bits": bits})
    few, many = (int(near_size(cells.runs, n)["N"].iloc[0]) for n in (small, large))
    if many not in cells.sizes(low):
        raise Undetermined(f"size {many:,} has no run with {bits}-bit weights.")
    places = cells.place(few, label({})), cells.place(many, low)
    models = cells.runs.loc[cells.runs["N"].isin([few, many]), "model"].nunique()
    return cells.fitted.estimate(lambda p: float(p[places[0]] - p[places[1]]), models)


def share_broken(measured: Measured) -> Estimate:
    """Share of the models with 3-bit activations or KV cache that broke.

    Broken is who diverged or ended more than `BROKEN` above the unquantized twin.

    >>> from precision_lib.findings.measured import load_measured
    >>> share_broken(load_measured(["base", "parts"], "short")).units > 20
    True
    """
    runs = measured.runs
    high = (runs[FORMATS] == HIGH_PRECISION).all(axis=1)
    twins = runs[high].groupby(TWIN)["loss"].mean().rename("twin_loss")
    low = runs[(runs["activation_bits"] == 3) | (runs["kv_bits"] == 3)]
    rows = low.merge(twins, left_on=TWIN, right_index=True)
    if rows.empty:
        raise Undetermined("no run with 3-bit activations or KV cache has its twin.")
    broke = (rows["status"] == "diverged") | (rows["loss"] > rows["twin_loss"] + BROKEN)
    value, ends = share(int(broke.sum()), len(rows))
    return Estimate(value, float("nan"), len(rows), ends=ends)
