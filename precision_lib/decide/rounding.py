"""What rounding a trained model costs, in units that people pay in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from precision_lib.decide.decision import Decision
from precision_lib.decide.precision import at_bits
from precision_lib.decide.search import Array, Index, falling_root
from precision_lib.decide.serving import require_rounding
from precision_lib.decide.surface import UNQUANTIZED, Answer, Surface, require_positive
from precision_lib.errors import UserError

HARDWARE_WIDTHS = (4.0, 6.0, 8.0, 16.0)  # that accelerators compute or load in
SPAN = 60.0  # how far below N or D, in powers of e, an equal model is looked for


def rounding_cost(
    surface: Surface,
    N: float,
    D: float,
    post_bits: float,
    bits: float = UNQUANTIZED,
    measured: float | None = None,
    level: float = 0.95,
) -> Decision:
    """What rounding the weights of a trained model costs, by the laws of a surface.

    Returns delta (nats per token), perplexity_ratio (= e^delta), and what the rounded
    model is as good as: an unrounded one on token_share of the tokens, or with
    size_share of the parameters (NaN where no such model is as bad). With `measured`
    also measured_over_predicted. Raises UserError if no law of the surface knows of
    rounding after training.

    `N`, `D`: parameters and tokens; `post_bits`: bits to which the weights are rounded
    after training; `bits`: bits in training; `measured`: a delta that was measured.

    >>> from precision_lib.decide import paper_degradation, paper_fit, surface
    >>> s = surface(paper_fit(), paper_degradation())
    >>> cost = rounding_cost(s, 30e6, 26e9, 4)
    >>> [round(cost.values[name], 3) for name in ("delta", "token_share", "size_share")]
    [0.108, 0.279, 0.783]
    """
    require_positive(N=N, D=D, post_bits=post_bits, bits=bits)
    require_rounding(surface)
    if measured is not None:
        require_positive(measured=measured)
    held = at_bits(surface, bits) if bits != UNQUANTIZED else surface

    def share(index: Index, rounded: Array, tokens: float, size: float) -> Array:
        def excess(x: Array, i: Index) -> Array:
            less = np.exp(x)
            one = held.loss(index[i], N * less**size, D * less**tokens, bits)
            return one - rounded[i]

        return np.exp(falling_root(excess, -SPAN, 0.0, np.arange(index.size)))

    def solve(index: Index) -> Answer:
        rounded = held.loss(index, N, D, bits, post_bits)
        delta = rounded - held.loss(index, N, D, bits)
        found = {"delta": delta, "perplexity_ratio": np.exp(delta)}
        found["token_share"] = share(index, rounded, 1, 0)
        found["size_share"] = share(index, rounded, 0, 1)
        more = {} if measured is None else {"measured_over_predicted": measured / delta}
        return found | more

    what = f"cost of {post_bits:g} bits for {N:.4g} parameters and {D:.4g} tokens"
    given = {"N": N, "D": D, "post_bits": post_bits}
    return surface.answer(what, solve, level=level, given=given)


@dataclass(frozen=True)
class Widths:
    """Models in use, one for each width of their rounded weights.

    Attributes
    ----------
    question : str
        In one line.
    bits, N, delta, loss : Array
        Bits of the weights, parameters, and in nats per token what rounding adds and
        the loss after it, each of shape (W,).
    above : Array
        Loss above that of the best width (W,).
    low, high : Array
        Interval of `above` over the replicates, in each of which the best is searched
        for anew; NaN without any.
    notes : tuple of str
        What to distrust, in sentences.
    """

    question: str
    bits: Array
    N: Array
    delta: Array
    loss: Array
    above: Array
    low: Array
    high: Array
    notes: tuple[str, ...]


def serving_widths(
    surface: Surface,
    D: float,
    N: float | None = None,
    memory: float | None = None,
    widths: Sequence[float] = HARDWARE_WIDTHS,
    level: float = 0.95,
) -> Widths:
    """The same model rounded to each width, or the model of each width in one memory.

    Raises UserError if not one of `N` and `memory` is given, or no law of the surface
    knows of rounding after training.

    `D`: tokens of training; `N`: parameters of a model that is there; `memory`: bits
    that weights may take, so that a model has memory / P of them; `widths`: bits P.

    >>> from precision_lib.decide import paper_degradation, paper_fit, surface
    >>> s = surface(paper_fit(), paper_degradation())
    >>> found = serving_widths(s, 26e9, memory=8 * 110e6)
    >>> found.N.round(-6).tolist(), found.above.round(3).tolist()
    ([220000000.0, 147000000.0, 110000000.0, 55000000.0], [0.0, 0.017, 0.073, 0.253])
    """
    if (N is None) == (memory is None):
        raise UserError("give N for one model, or memory for one of each width.")
    require_rounding(surface)
    bits = np.asarray(widths, dtype=float)
    given = {"D": D, "N": N, "memory": memory}
    require_positive(**{k: v for k, v in given.items() if v is not None})
    for one in bits:
        require_positive(bits=one)
    sizes = memory / bits if memory is not None else np.full(bits.shape, N)
    index = np.arange(surface.size)
    each = [
        (surface.loss(index, n, D, post_bits=p), surface.loss(index, n, D))
        for n, p in zip(sizes, bits, strict=True)
    ]
    loss, plain = (np.array(values) for values in zip(*each, strict=True))
    above = loss - loss.min(axis=0)
    low = high = np.full(bits.shape, np.nan)
    if surface.size > 1:
        tail = 50 * (1 - level)
        low, high = np.percentile(above[:, 1:], [tail, 100 - tail], axis=1)
    what = f"{N:.4g} parameters" if N is not None else f"{memory:.4g} bits of weights"
    notes = [
        note
        for k in (bits.argmin(), bits.argmax())
        for note in surface.range_notes({"N": sizes[k], "D": D, "post_bits": bits[k]})
    ]
    return Widths(
        f"{what}, trained on {D:.4g} tokens, rounded to each width",
        bits, sizes, (loss - plain)[:, 0], loss[:, 0], above[:, 0], low, high,
        (*dict.fromkeys(notes), *surface.doubts),
    )  # fmt: skip
