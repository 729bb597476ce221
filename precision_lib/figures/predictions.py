"""Figures of predictions beside what was measured later."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from precision_lib.decide.training import training_cost
from precision_lib.figures.style import DASHES, bits_label, bits_style
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION_BITS

COLORS = ("black", "#0072b2", "#009e73")  # red is the paper's in other figures
APART = 0.2  # of two laws at one place
Array = npt.NDArray[np.float64]


def predicted_losses(table: pd.DataFrame) -> Figure:
    """The loss of each run, as predicted by each law and as measured.

    `table`: rows of quantity "loss" of
    `precision_lib.findings.predictions.measured_beside`.

    >>> row = {"run_id": "a", "N": 9, "D": 9, "law": "effective", "predicted": 2.5}
    >>> row |= {"low": 2.4, "high": 2.6, "measured": 2.5}
    >>> row |= {"weight_bits": 4, "activation_bits": 32, "kv_bits": 32}
    >>> figure = predicted_losses(pd.DataFrame([row]))
    """
    runs = table.drop_duplicates("run_id")
    figure, axes = plt.subplots(figsize=(6.6, 1.4 + 0.7 * len(runs)))
    for place, (_, run) in enumerate(runs.iterrows()):
        here = table[table["run_id"] == run["run_id"]]
        *shifts, below = _shifts(len(here) + 1)
        for shift, color, dash, (_, row) in zip(
            shifts, COLORS, DASHES, here.iterrows(), strict=False
        ):
            axes.plot(
                row[["low", "predicted", "high"]], [place + shift] * 3, dash,
                marker="o", markevery=[1], color=color, lw=2,
                label=row["law"] if place == 0 else None,
            )  # fmt: skip
        bits = min(run[list(PARTS.values())])
        measured = run["measured"]
        axes.plot(
            measured, place + below, ls="none", ms=9, zorder=5, **bits_style(bits)
        )
    axes.set_yticks(range(len(runs)), [run_name(run) for _, run in runs.iterrows()])
    axes.set(xlabel="loss (nats a token)", ylim=(len(runs) - 0.5, -0.5))
    axes.plot([], [], "D", color="0.5", label="measured, color and marker by bits")
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def run_name(run: pd.Series) -> str:
    """A run in two short lines: its size and tokens, and what was quantized.

    >>> bits = {"weight_bits": 4, "activation_bits": 32, "kv_bits": 32}
    >>> run_name(pd.Series({"N": 887_000, "D": 12.8e6} | bits))
    'N = 887k, D = 12.8M\\nweights 4 bits'
    """
    size = f"N = {run['N'] / 1e3:,.0f}k, D = {run['D'] / 1e6:.1f}M"
    low = {
        part: int(run[column])
        for part, column in PARTS.items()
        if run[column] != HIGH_PRECISION_BITS
    }
    if not low:
        return f"{size}\nunquantized"
    if len(low) == len(PARTS) and len(set(low.values())) == 1:
        return f"{size}\nall parts {min(low.values())} bits"
    return f"{size}\n" + ", ".join(f"{part} {bits} bits" for part, bits in low.items())


def predicted_costs(table: pd.DataFrame) -> Figure:
    """What rounding each unquantized run costs by each method, a panel a pair.

    `table`: rows of quantity "delta" of
    `precision_lib.findings.predictions.measured_beside`.

    >>> row = {"run_id": "a", "N": 9, "D": 9, "law": "ptq", "predicted": 0.5}
    >>> row |= {"low": 0.4, "high": 0.6, "measured": 0.5, "post_bits": 4}
    >>> figure = predicted_costs(pd.DataFrame([row | {"method": "rtn"}]))
    """
    runs, methods = table["run_id"].unique(), table["method"].unique()
    figure, axes = plt.subplots(
        len(runs), len(methods), sharex=True, sharey=True, squeeze=False,
        figsize=(7.2, 1.2 + 2.1 * len(runs)),
    )  # fmt: skip
    for line, run in zip(axes, runs, strict=True):
        for axis, method in zip(line, methods, strict=True):
            here = table[(table["run_id"] == run) & (table["method"] == method)]
            _costs(axis, here)
            size = f"N = {here['N'].iloc[0] / 1e3:,.0f}k, {method.upper()}"
            axis.set_title(size, fontsize="medium")
    widths = sorted(table["post_bits"].unique())
    axes[0][0].set(
        yscale="log", xticks=widths, xlim=(widths[0] - 0.5, widths[-1] + 0.5)
    )
    figure.supxlabel("bits after training", fontsize="medium")
    figure.supylabel("δ (nats a token)", fontsize="medium")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def _costs(axis: Axes, rows: pd.DataFrame) -> None:
    laws = rows["law"].unique()
    for shift, color, law in zip(_shifts(len(laws)), COLORS, laws, strict=False):
        one = rows[rows["law"] == law]
        x = one["post_bits"] + shift
        axis.vlines(x, one["low"], one["high"], color=color, lw=2, label=law)
        axis.plot(x, one["predicted"], "_", ms=7, color=color)
    for _, row in rows[rows["law"] == laws[0]].iterrows():
        bits = row["post_bits"]
        style = bits_style(bits) | {"label": f"measured, {bits_label(bits)}"}
        axis.plot(bits, row["measured"], ls="none", ms=7, zorder=5, **style)


def misses_against_compute(
    fitted: pd.DataFrame, misses: Mapping[str, Array], later: pd.DataFrame
) -> Figure:
    """Measured over predicted loss against compute, a panel a law.

    `fitted`: with N, D and the bits of the three parts; `misses`: by law, of the fitted
    runs: measured over predicted, in percent. `later`: rows of
    `precision_lib.findings.predictions.measured_beside` for these laws, with ``miss``;
    drawn large.

    >>> bits = {"weight_bits": 4, "activation_bits": 32, "kv_bits": 32}
    >>> one = pd.DataFrame([{"N": 9e4, "D": 9e6, "miss": 0.01, "law": "ours"} | bits])
    >>> figure = misses_against_compute(one, {"ours": np.array([0.5])}, one)
    """
    figure, panels = plt.subplots(
        len(misses), 1, sharex=True, sharey=True, squeeze=False,
        figsize=(6.6, 1.0 + 2.4 * len(misses)),
    )  # fmt: skip
    for axis, (law, values) in zip(panels[:, 0], misses.items(), strict=True):
        _misses(axis, fitted, values, later[later["law"] == law])
        axis.set_title(law, fontsize="medium")
    panels[-1, 0].set(xscale="log", xlabel="training compute 6 N D (FLOP)")
    figure.supylabel("measured over predicted (%)", fontsize="medium")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def _misses(
    axis: Axes, fitted: pd.DataFrame, misses: Array, later: pd.DataFrame
) -> None:
    compute = _compute(fitted)
    bits = fitted[list(PARTS.values())].min(axis=1)
    for width in sorted(bits.unique()):
        here = (bits == width).to_numpy()
        axis.plot(
            compute[here], misses[here], ls="none", ms=4, alpha=0.6,
            label=bits_label(width), **bits_style(width),
        )  # fmt: skip
    widths = later[list(PARTS.values())].min(axis=1)
    for x, miss, width in zip(_compute(later), later["miss"], widths, strict=True):
        axis.plot(x, 100 * miss, ls="none", ms=11, mec="black", **bits_style(width))
    axis.axvline(compute.max(), color="0.5", ls=":", lw=1)
    axis.axhline(0, color="0.4", lw=1)


def _shifts(count: int) -> Array:
    """Places of so many laws around one place."""
    return np.asarray(APART * (np.arange(count) - (count - 1) / 2), float)


def _compute(table: pd.DataFrame) -> Array:
    cost = training_cost(table["N"].to_numpy(), table["D"].to_numpy(), 16)
    return np.asarray(cost, float)
