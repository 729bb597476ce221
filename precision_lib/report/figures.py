"""The figures of a report: the runs, the errors, the bits and the decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from precision_lib.decide import Surface, effective_size, surface
from precision_lib.decide.decision import brief
from precision_lib.intake.cells import TRAINING_BITS
from precision_lib.laws.solver.dual import Array
from precision_lib.report.choice import PART, PLAIN
from precision_lib.report.decisions import Advice
from precision_lib.report.fitted_laws import Fitted
from precision_lib.report.svg import COLORS, INK, MARKERS, Picture, picture

MOST_POINTS = 1500
MOST_LINES = 6


def runs_and_law(found: Fitted, name: str) -> Picture:
    """Measured values against tokens (or size), with the fitted law.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> found = example_fitted()
    >>> "tokens" in runs_and_law(found, "runs").svg
    True
    """
    table, target = found.choice.table, found.fit.law.target
    across = "D" if table["D"].nunique() > 1 else "N"
    other = "N" if across == "D" else "D"
    by = other if target == "loss" else "post_bits"
    shown, held = _one_curve_each(table, by, across)
    groups = _spread(sorted(shown[by].unique()))

    def draw(axes: Axes) -> None:
        for value, color, mark in zip(groups, COLORS, MARKERS, strict=False):
            part = shown[shown[by] == value]
            label = f"{by} = {brief(value)}"
            label = f"{value:g} bits" if by == "post_bits" else label
            axes.plot(part[across], part[target], mark, color=color, ms=5, label=label)
            line = _line(part, across)
            axes.plot(line[across], found.fit.predict(line), color=color, lw=1.2)
        _log(axes, across)
        axes.set_ylabel(f"{target}, nats per token")
        if target == "delta":
            axes.set_yscale("log", nonpositive="mask")
        axes.legend(fontsize="small")

    words = "tokens" if across == "D" else "parameters"
    what = "Loss" if target == "loss" else "What rounding adds to the loss"
    left = f", {len(groups)} of {shown[by].nunique()} values of {by}"
    few = left if len(groups) < shown[by].nunique() else ""
    caption = f"{what} against {words}{few}. Points: runs. Lines: the fitted law.{held}"
    alt = f"{what} against {words}, one line for each {by}, on logarithmic axes."
    return picture(draw, alt, caption, name)


def _one_curve_each(
    table: pd.DataFrame, by: str, across: str
) -> tuple[pd.DataFrame, str]:
    """Rows that lie on one curve for each group: the other columns at one value."""
    held = []
    columns = [n for n in ("N", "D", *TRAINING_BITS, "post_bits") if n in table]
    shown = table
    for name in columns:
        if name in (by, across) or shown[name].nunique() <= 1:
            continue
        counts = shown[name].value_counts()
        most = counts[counts >= 0.5 * counts.max()].index.max()
        shown = shown[shown[name] == most]
        held.append(f"{name} = {brief(float(most))}")
    words = f" Shown are the runs with {' and '.join(held)}." if held else ""
    return shown, words


def _spread(values: Sequence[float]) -> list[float]:
    at = np.linspace(0, len(values) - 1, min(len(values), MOST_LINES))
    return [values[int(round(i))] for i in at]


def _line(part: pd.DataFrame, across: str) -> pd.DataFrame:
    low, high = part[across].min(), part[across].max()
    line = pd.concat([part.iloc[:1]] * 60, ignore_index=True)
    line[across] = np.geomspace(low, high, 60)
    return line


def _log(axes: Axes, *names: str, also_y: bool = False) -> None:
    words = {"D": "D, tokens", "N": "N, parameters"}
    for which, name in zip(("x", "y") if also_y else ("x",), names, strict=False):
        axis = axes.xaxis if which == "x" else axes.yaxis
        getattr(axes, f"set_{which}scale")("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda value, _: brief(value)))
        axis.set_minor_formatter(NullFormatter())
        getattr(axes, f"set_{which}label")(words.get(name, name))


def residuals(found: Fitted, name: str) -> Picture:
    """Errors of the law against the compute of each run; relative ones for a loss.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> found = example_fitted()
    >>> "error" in residuals(found, "error").svg
    True
    """
    table, fit = found.choice.table, found.fit
    assert fit.problem is not None and fit.z is not None
    error = fit.problem.residuals(fit.z)
    label_y = "residual of asinh(delta / floor)"
    if fit.settings.scale == "log":
        error, label_y = 100 * np.expm1(error), "error of the law, %"
    shown = np.arange(len(table))
    if len(table) > MOST_POINTS:
        shown = np.random.default_rng(0).choice(shown, MOST_POINTS, replace=False)
    by = _varying_bits(table)
    groups = _spread(sorted(table[by].unique())) if by else [0.0]

    def draw(axes: Axes) -> None:
        for value, color, mark in zip(groups, COLORS, MARKERS, strict=False):
            part = shown[table[by].to_numpy()[shown] == value] if by else shown
            compute = (6 * table["N"] * table["D"]).to_numpy()[part]
            label = f"{value:g} bits" if by else None
            axes.plot(compute, error[part], mark, color=color, ms=4, label=label)
        axes.axhline(0, color=INK, lw=0.8)
        _log(axes, "6 N D, operations")
        axes.set_ylabel(label_y)
        if by:
            axes.legend(fontsize="small")

    few = f" {MOST_POINTS} of {len(table)} rows." if len(table) > MOST_POINTS else ""
    caption = (
        f"Measured against predicted, run by run: a trend means a wrong form.{few}"
    )
    alt = "Error of the law for each run against 6 N D, around zero."
    return picture(draw, alt, caption, name)


def _varying_bits(table: pd.DataFrame) -> str:
    names = [n for n in ("post_bits", *TRAINING_BITS) if n in table]
    return next((n for n in names if table[n].nunique() > 1), "")


def shares(found: Fitted, name: str) -> list[Picture]:
    """Share of the parameters that each part keeps at each width, with its band.

    Nothing for a law that reads no bits as a number, or more than N, D and bits.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> shares(example_fitted(), "share")
    []
    """
    fit = found.fit
    parts = [each for each in TRAINING_BITS if each in fit.law.columns()]
    parts = [each for each in parts if fit.ranges[each][0] < fit.ranges[each][1]]
    if not parts or set(fit.law.columns()) - {"N", "D", "post_bits", *TRAINING_BITS}:
        return []
    law = surface(fit, columns={"post_bits": np.inf})
    curves = {part: _share(law, part, found.choice.table) for part in parts}

    def draw(axes: Axes) -> None:
        for (part, curve), color in zip(curves.items(), COLORS, strict=False):
            bits, share, low, high = curve
            axes.plot(bits, share, color=color, label=PART[part])
            axes.fill_between(bits, low, high, color=color, alpha=0.2, lw=0)
        axes.set(xlabel="bits in training", ylabel="share of N that counts")
        axes.set_ylim(0, 1.05)
        axes.legend()

    caption = "What training in few bits leaves of the parameters, with 95% bands."
    alt = "Effective parameters as a share of N against bits in training, by part."
    return [picture(draw, alt, caption, name)]


def _share(law: Surface, part: str, table: pd.DataFrame) -> tuple[Array, ...]:
    low, high = law.base.ranges[part]
    bits = np.linspace(low, min(high, PLAIN), 25)
    N, D = float(table["N"].median()), float(table["D"].median())
    rows = []
    for each in bits:
        answer = effective_size(law, N, D, {part: float(each)})
        value = answer.values["share"]
        rows.append((value, *answer.intervals.get("share", (value, value))))
    share, below, above = np.array(rows).T
    return bits, share, below, above


def among_the_runs(found: Fitted, advice: Advice, name: str) -> Picture:
    """Runs and answers in the plane of size and tokens: how far they are apart.

    >>> from precision_lib.report.decisions import advise
    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> found = example_fitted()
    >>> made = among_the_runs(found, advise([found])[0], "plane")
    >>> "parameters" in made.svg
    True
    """
    table = found.choice.table[["N", "D"]].drop_duplicates()

    def draw(axes: Axes) -> None:
        axes.plot(table["N"], table["D"], "o", color=COLORS[0], ms=4, label="runs")
        for number, answer in enumerate(advice.answers):
            N, D = answer.values["N"], answer.values["D"]
            errors = {
                "xerr": _arms(N, answer.intervals.get("N")),
                "yerr": _arms(D, answer.intervals.get("D")),
            }
            label = "best, with 95% interval" if not number else None
            axes.errorbar(
                N, D, fmt="D", color=COLORS[1], ms=6, capsize=3, label=label, **errors
            )
        _log(axes, "N", "D", also_y=True)
        axes.legend(fontsize="small")

    caption = "The answers among the runs: far from them is extrapolation."
    alt = "Runs and best choices in the plane of parameters and tokens."
    return picture(draw, alt, caption, name)


def _arms(value: float, interval: tuple[float, float] | None) -> Any:
    if interval is None or not np.isfinite([value, *interval]).all():
        return None
    return [[max(value - interval[0], 0.0)], [max(interval[1] - value, 0.0)]]


def rounded_loss(law: Surface, advice: Advice, N: float, name: str) -> Picture:
    """Loss after rounding against tokens, one line a width, its lowest point marked.

    >>> from precision_lib.decide import critical_data, paper_degradation, paper_fit
    >>> law = surface(paper_fit(), paper_degradation())
    >>> answers = (critical_data(law, 3e7, 3.0),)
    >>> advice = Advice("", "", ("3 bits",), answers, ("D", np.array([])))
    >>> "3 bits" in rounded_loss(law, advice, 3e7, "rounded").svg
    True
    """
    ends = [answer.values["D"] for answer in advice.answers]
    low, high = law.base.ranges.get("D", (min(ends) / 30, max(ends)))
    high = max([high, *(3 * end for end in ends if end < 100 * high)])
    D = np.geomspace(low, high, 120)
    index = np.zeros(D.size, dtype=np.intp)

    def draw(axes: Axes) -> None:
        plain = law.loss(index, N, D)
        axes.plot(D, plain, color=INK, lw=1.2, label="not rounded")
        for text, color, mark, end in zip(
            advice.given, COLORS, MARKERS, ends, strict=False
        ):
            bits = float(text.split()[0])
            axes.plot(D, law.loss(index, N, D, post_bits=bits), color=color, label=text)
            if low <= end <= high:
                lowest = law.loss(index[:1], N, end, post_bits=bits)[0]
                axes.plot(end, lowest, mark, color=color, ms=7)
        axes.set_ylim(plain[-1] - 0.1, plain[0] + 0.6 * (plain[0] - plain[-1]))
        _log(axes, "D")
        axes.set_ylabel("loss, nats per token")
        axes.legend(fontsize="small")

    caption = (
        f"Loss of {brief(N)} parameters after rounding the weights, by the law; the "
        "mark is where more data begin to hurt."
    )
    alt = "Loss after rounding against tokens, one line a width, with its minimum."
    return picture(draw, alt, caption, name)
