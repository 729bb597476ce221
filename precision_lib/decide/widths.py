"""The same decision at each width that hardware has, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
