"""The figures of a report that compare widths of numbers."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from precision_lib.decide import WidthTable
from precision_lib.report.decisions import Advice
from precision_lib.report.fitted_laws import Fitted
from precision_lib.report.svg import COLORS, Picture, picture

POINTS = 80


def by_width(widths: WidthTable, name: str) -> Picture:
    """Loss above that of the best width, with its interval.

    >>> from precision_lib.decide import paper_fit, surface, training_widths
    >>> found = training_widths(surface(paper_fit()), 1e18)
    >>> "above the best" in by_width(found, "widths").svg
    True
    """
    known = np.isfinite(widths.above)
    arms = np.array([widths.above - widths.low, widths.high - widths.above])
    arms = np.clip(np.nan_to_num(arms), 0, None)

    def draw(axes: Axes) -> None:
        at = np.arange(known.sum())
        axes.errorbar(
            at, widths.above[known], yerr=arms[:, known], fmt="D", color=COLORS[1],
            ms=6, capsize=3,
        )  # fmt: skip
        axes.set_xticks(at, [f"{bits:g}" for bits in widths.bits[known]])
        axes.set(xlabel="bits", ylabel="loss above the best, nats per token")
        axes.set_ylim(bottom=min(0, *axes.get_ylim()))

    caption = (
        "What each width loses to the best of them, by the law; bars: 95% over "
        "resampled tables, in each of which the best is searched for anew."
    )
    said = ", ".join(
        f"{bits:g} bits {above:.2g}"
        for bits, above in zip(widths.bits[known], widths.above[known], strict=True)
    )
    return picture(draw, f"Loss above the best width: {said}.", caption, name)


def cost_by_width(advice: Advice, name: str) -> Picture:
    """What rounding adds at each width: the law's interval, and where runs lie.

    >>> from precision_lib.decide import Decision
    >>> values = {"delta": 0.1, "normal_from": 0.05, "normal_to": 0.2}
    >>> one = Decision("", values, {"delta": (0.08, 0.12)})
    >>> made = cost_by_width(Advice("", "", ("4 bits",), (one,), ("", [])), "costs")
    >>> "rounding adds" in made.svg
    True
    """
    delta = np.array([answer.values["delta"] for answer in advice.answers])
    ends = np.array([a.intervals.get("delta", (np.nan,) * 2) for a in advice.answers])
    arms = np.nan_to_num(np.abs(ends.T - delta), posinf=0)  # none into infinity
    normal = [(a.values.get("normal_from"), a.values.get("normal_to"))
              for a in advice.answers]  # fmt: skip

    def draw(axes: Axes) -> None:
        at = np.arange(len(delta))
        for place, (low, high) in zip(at, normal, strict=True):
            if low is not None and high is not None:
                axes.plot([place] * 2, [low, high], color=COLORS[0], lw=7, alpha=0.3)
        axes.errorbar(at, delta, yerr=arms, fmt="D", color=COLORS[1], ms=6, capsize=3)
        axes.set_xticks(at, advice.given)
        axes.set_yscale("log", nonpositive="mask")
        axes.set_ylabel("rounding adds, nats per token")

    wide = " Wide bars: where 95% of models like those fitted lie."
    caption = "What rounding adds to the loss, by the law; thin bars: 95% of its curve."
    said = ", ".join(f"{g} {d:.2g}" for g, d in zip(advice.given, delta, strict=True))
    return picture(
        draw, f"Nats that rounding adds: {said}.",
        caption + wide * (normal[0][0] is not None), name,
    )  # fmt: skip


def over_the_start(found: Fitted, advice: Advice, name: str) -> Picture:
    """Loss against the share of tokens in few bits, the best share marked.

    `found`: of a law that reads ``qat_share``; `advice`: its answers, by width.
    """
    table, law = found.choice.table, found.fit
    share = np.linspace(0.02, 0.98, POINTS)

    def draw(axes: Axes) -> None:
        for text, answer, color in zip(
            advice.given, advice.answers, COLORS, strict=False
        ):
            rows = {"N": table["N"].max(), "D": table["D"].max(), "qat_share": share}
            rows["weight_bits"] = float(text.split()[0])
            line = {key: np.broadcast_to(x, share.shape) for key, x in rows.items()}
            axes.plot(share, law.predict(line), color=color, label=text)
            best = answer.values
            axes.plot(best["qat_share"], best["loss"], "D", color=color, ms=6)
        axes.set(xlabel="share of the tokens trained in few bits")
        axes.set_ylabel("loss, nats per token")
        axes.legend(fontsize="small")

    caption = "Loss by the law; the mark is the best share of the tokens in few bits."
    alt = "Loss against the share of tokens in few bits, one line a width."
    return picture(draw, alt, caption, name)
