"""The same decision at each width that hardware has, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from precision_lib.decide.decision import brief
from precision_lib.decide.search import Array
from precision_lib.decide.surface import Surface

HARDWARE_WIDTHS = (4.0, 6.0, 8.0, 16.0)  # that accelerators compute or load in


@dataclass(frozen=True)
class WidthTable:
    """Models to choose from, one for each width.

    >>> from precision_lib.decide import paper_fit, surface, training_widths
    >>> found = training_widths(surface(paper_fit()), 1e18, widths=(4, 8))
    >>> found.above.round(2).tolist(), found.outside
    ([0.17, 0.0], ('N', ''))
    """

    question: str  #: in one line
    #: bits, N, D, loss: bits, parameters, tokens, and the loss in nats per token, each
    #: of shape (W,)
    bits: Array
    N: Array
    D: Array
    loss: Array
    above: Array  #: loss above that of the best width (W,)
    #: low, high: interval of `above` over the replicates, in each of which the best is
    #: searched for anew; NaN without any
    low: Array
    high: Array
    #: What of each model lies outside the runs that were fitted, "N and D"; empty where
    #: nothing does
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  #: what to distrust, in sentences
    #: What else a question says of each width, by name
    more: dict[str, Array] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        """The answer in a sentence: which width is best, and what the others lose.

        >>> from precision_lib.decide import paper_fit, surface, training_widths
        >>> training_widths(surface(paper_fit()), 1e18, widths=(4, 8)).headline
        '8 bits, the most compared, are best (loss 3.5897); 4 bits lose 0.175 nats.'
        """
        if np.isnan(self.above).all():
            return "The law has no loss at any of these widths."
        best = int(np.nanargmin(self.above))
        ends = {self.bits.min(): ", the fewest compared,"}
        ends |= {self.bits.max(): ", the most compared,"}
        where = ends.get(self.bits[best], "") if len(self.bits) > 1 else ""
        said = f"{self.bits[best]:g} bits{where} are best (loss {self.loss[best]:.5g})"
        lose = [
            f"{p:g} bits lose {brief(above)}" + _ends(low, high)
            for p, above, low, high in zip(
                self.bits, self.above, self.low, self.high, strict=True
            )
            if p != self.bits[best] and not np.isnan(above)
        ]
        return f"{'; '.join([said, ', '.join(lose)] if lose else [said])}" + (
            " nats." if lose else "."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON, a record a width."""
        record = {"question": self.question, "answer": self.headline}
        return {**record, "widths": self.rows(), "notes": list(self.notes)}

    def rows(self) -> list[dict[str, Any]]:
        """One record a width.

        >>> from precision_lib.decide import paper_fit, surface, training_widths
        >>> found = training_widths(surface(paper_fit()), 1e18, widths=(4, 8))
        >>> found.rows()[1]["bits"], found.rows()[0]["outside"]
        (8.0, 'N')
        """
        names = ("bits", "N", "D", "loss", "above", "low", "high")
        columns = {name: getattr(self, name) for name in names} | self.more
        rows: list[dict[str, Any]] = [
            {name: float(values[k]) for name, values in columns.items()}
            for k in range(len(self.bits))
        ]
        pairs = zip(rows, self.outside, strict=True)
        return [row | {"outside": where} for row, where in pairs]


def _ends(low: float, high: float) -> str:
    """An interval behind its number; nothing for none."""
    return f" ({brief(low)} to {brief(high)})" if low < high else ""


def widths_of(
    surface: Surface,
    question: str,
    by: str,
    bits: Array,
    N: Array,
    D: Array,
    losses: Array,
    level: float = 0.95,
    more: dict[str, Array] | None = None,
) -> WidthTable:
    """Compare the losses of each width, under the fit and under each replicate.

    `by`: what the bits are, P or post_bits; `losses`: shape (W, 1 + R), the fit first.
    """
    losses = np.where(np.isinf(losses), np.nan, losses)  # no model has such a loss
    above = losses - np.where(np.isnan(losses), np.inf, losses).min(axis=0)
    low, high = np.full((2, len(losses)), np.nan)
    known = np.isfinite(above).all(axis=1)
    if losses.shape[1] > 1 and known.any():
        tails = [50 * (1 - level), 50 * (1 + level)]
        low[known], high[known] = np.percentile(above[known, 1:], tails, axis=1)
    models = [
        {"N": n, "D": d, by: p} for n, d, p in zip(N, D, bits, strict=True)
    ]  # fmt: skip
    outside = tuple(" and ".join(surface.outside(each)) for each in models)
    best = models[int(np.nanargmin(losses[:, 0]))] if known.any() else {}
    notes = (*surface.range_notes(best), *surface.doubts)
    return WidthTable(
        question, bits, N, D, losses[:, 0], above[:, 0], low, high, outside, notes,
        more or {},
    )  # fmt: skip
