"""What a precision does to the size of a model: N_eff and contours of one loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.precision import at_bits, require_precision
from precision_lib.decide.search import Array, Index, falling_root
from precision_lib.decide.surface import UNQUANTIZED, Answer, Surface, require_positive
from precision_lib.errors import UserError

SPAN = 60.0  # how far from N, in powers of e, an equal model is looked for
SIZES = (np.log(1e-6), np.log(1e24))


def effective_size(
    surface: Surface,
    N: float,
    D: float,
    bits: float | Mapping[str, float | str] = UNQUANTIZED,
    level: float = 0.95,
) -> Decision:
    """Parameters of the unquantized model that reaches the same loss on D tokens.

    For the effective-parameter laws this is N f(P) at any D; for another law it
    is what the word can mean there.

    Returns N_eff, share (= N_eff / N), factor (= N / N_eff) and loss; NaN where the law
    has no loss, as with the offsets below about 3 bits.

    `N`, `D`: parameters and tokens; `bits`: of all parts, or of each, as columns of the
    law: ``{"weight_bits": 4, "kv_bits": 8}``, ``{"weight_format": "int4"}``.

    >>> from precision_lib.decide import paper_fit, surface
    >>> answer = effective_size(surface(paper_fit()), 1e8, 1e10, 4)
    >>> round(answer.values["factor"], 1)
    5.2
    """
    require_positive(N=N, D=D)
    quantized, common = _in_bits(surface, bits)

    def solve(index: Index) -> Answer:
        goal = quantized.loss(index, N, D, common)
        position = np.arange(index.size)
        root = falling_root(
            lambda x, i: surface.loss(index[i], np.exp(x), D) - goal[i],
            np.log(N) - SPAN,
            np.log(N) + SPAN,
            position,
        )
        size = np.exp(root)
        return {"N_eff": size, "share": size / N, "factor": N / size, "loss": goal}

    return surface.answer(
        f"N_eff of {brief(N)} parameters", solve, level=level, given={"N": N, "D": D}
    )


def _in_bits(
    surface: Surface, bits: float | Mapping[str, float | str]
) -> tuple[Surface, float]:
    """The surface in these bits, and the bits of the parts it does not hold."""
    if not isinstance(bits, Mapping):
        require_precision(surface)
        require_positive(bits=bits)
        return at_bits(surface, bits), bits
    levels = {k: v for k, v in bits.items() if isinstance(v, str)}
    columns = {k: v for k, v in bits.items() if not isinstance(v, str)}
    require_positive(**columns)
    for name in bits:
        if not surface.reads(name):
            raise UserError(
                f"Law {surface.base.law.name!r} does not read {name!r}; it reads "
                f"{', '.join(surface.base.law.columns())}."
            )
    return surface.holding(levels, columns), UNQUANTIZED


@dataclass(frozen=True)
class Contour:
    """Models of one loss: the size that each precision needs."""

    #: loss, D: nats per token, and tokens
    loss: float
    D: float
    #: bits, N, low, high: bits, parameters needed there, and the interval (infinite
    #: where none suffice in a replicate); NaN where none suffice, or without replicates
    bits: Array
    N: Array
    low: Array
    high: Array
    #: What of each model lies outside the runs that were fitted, "N and D"
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  #: what to distrust, in sentences

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON, a record a number of bits."""
        names = ("bits", "N", "low", "high")
        columns = (getattr(self, name).tolist() for name in names)
        rows = [
            dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)
        ]
        pairs = zip(rows, self.outside or [""] * len(rows), strict=True)
        rows = [row | {"outside": where} for row, where in pairs]
        notes = list(self.notes)
        return {"loss": self.loss, "D": self.D, "contour": rows, "notes": notes}


def iso_loss(
    surface: Surface,
    loss: float,
    D: float,
    bits: Array | list[float],
    level: float = 0.95,
) -> Contour:
    """Sizes that reach a loss on D tokens, one for each precision (Fig. 3).

    Raises UserError if a number is not positive or the law does not depend on bits.

    `loss`: nats per token to be reached; `D`: tokens; `bits`: precisions, of every part
    that the surface does not hold.

    >>> from precision_lib.decide import paper_fit, surface
    >>> contour = iso_loss(surface(paper_fit()), 3.5, 2e10, [4, 8, 16])
    >>> (contour.N / contour.N[-1]).round(2).tolist()
    [5.2, 1.2, 1.0]
    """
    require_positive(loss=loss, D=D)
    require_precision(surface)
    rows = []
    for each in np.asarray(bits, dtype=float):
        require_positive(bits=each)
        held = at_bits(surface, each)
        index = np.arange(surface.size)

        def excess(x: Array, i: Index, held: Surface = held, p: float = each) -> Array:
            return held.loss(i, np.exp(x), D, p) - loss

        rows.append(np.exp(falling_root(excess, *SIZES, index)))
    sizes = np.array(rows)
    tail = 50 * (1 - level)
    low = high = np.full(len(sizes), np.nan)
    if surface.size > 1:
        draws = np.where(np.isnan(sizes), np.inf, sizes)[:, 1:]
        low, high = np.percentile(draws, [tail, 100 - tail], axis=1, method="nearest")
    widths, N = np.asarray(bits, dtype=float), sizes[:, 0]
    models = [{"N": n, "D": D, "P": p} for n, p in zip(N, widths, strict=True)]
    outside = tuple(" and ".join(surface.outside(each)) for each in models)
    notes = (*surface.range_notes({"D": D}), *surface.doubts)
    return Contour(loss, D, widths, N, low, high, outside, notes)
