"""What rounding a trained model costs, in units that people pay in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import erfc, sqrt
from statistics import NormalDist

import numpy as np

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.precision import at_bits
from precision_lib.decide.search import Array, Index, falling_root
from precision_lib.decide.serving import require_rounding
from precision_lib.decide.surface import UNQUANTIZED, Answer, Surface, require_positive
from precision_lib.decide.widths import HARDWARE_WIDTHS, WidthTable, widths_of
from precision_lib.errors import UserError

MOST = 700.0  # nats of delta: beyond them the ratio of perplexities is no number
NOTHING = 1e-290  # nats: a ratio to less is no number either
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
    size_share of the parameters (NaN where no such model is as bad). Where the fit
    knows how far runs scatter also the range normal_from to normal_to in which such a
    model's delta lies, at the level asked for. With `measured` also
    measured_over_predicted, and the chance of one that is as far off. A law of delta
    alone says nothing of shares. Raises UserError
    if no law of the surface knows of rounding after training.

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
        delta = held.rounding(index, N, D, bits, post_bits)
        ratio = np.where(delta > MOST, np.inf, np.exp(np.minimum(delta, MOST)))
        found = {"delta": delta, "perplexity_ratio": ratio}
        if held.knows_loss:
            rounded = held.loss(index, N, D, bits) + delta
            found["token_share"] = share(index, rounded, 1, 0)
            found["size_share"] = share(index, rounded, 0, 1)
        if measured is not None:
            some = np.where(np.abs(delta) > NOTHING, delta, np.nan)
            found["measured_over_predicted"] = measured / some
        return found

    what = f"cost of {post_bits:g} bits for {brief(N)} parameters and {brief(D)} tokens"
    given = {"N": N, "D": D, "post_bits": post_bits}
    answer = surface.answer(what, solve, level=level, given=given)
    return _judged(surface, answer, measured, level)


def _judged(
    surface: Surface, answer: Decision, measured: float | None, level: float
) -> Decision:
    """With the range of delta that runs like those fitted have, and a measured one.

    Of the law's curve and of a run around it, both as normal on the fit's own scale.
    """
    fit = surface.degradation
    value, draws = answer.values["delta"], answer.draws.get("delta", np.array([]))
    if fit is None or not np.isfinite(fit.scatter) or np.isinf([value, *draws]).any():
        said = (
            "How far runs scatter around the law is not known: only the ratio is said."
        )
        return answer if measured is None else answer.noting(said)
    scale = fit.settings
    middle = float(scale.transform(value))
    curve = float(np.nanstd(scale.transform(draws))) if len(draws) else 0.0
    around = NormalDist(middle, float(np.hypot(curve, fit.scatter)))
    ends = [around.inv_cdf(0.5 + side * level / 2) for side in (-1, 1)]
    low, high = (float(end) for end in scale.inverse(np.array(ends)))
    values = {**answer.values, "normal_from": low, "normal_to": high}
    if measured is None:
        return replace(answer, values=values)
    away = abs(around.zscore(float(scale.transform(measured))))
    word = "normal" if low <= measured <= high else "not normal"
    said = (
        f"A delta of {measured:.4g} is {word}: {level:.0%} of models like those fitted "
        f"have {low:.3g} to {high:.3g}."
    )
    values["chance"] = erfc(away / sqrt(2))
    return replace(answer, values=values).noting(said)


def serving_widths(
    surface: Surface,
    D: float,
    N: float | None = None,
    memory: float | None = None,
    widths: Sequence[float] = HARDWARE_WIDTHS,
    level: float = 0.95,
) -> WidthTable:
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
    pairs = list(zip(sizes, bits, strict=True))
    delta = np.array([surface.rounding(index, n, D, UNQUANTIZED, p) for n, p in pairs])
    losses = delta + [surface.loss(index, n, D) for n in sizes]
    what = (
        f"{brief(N)} parameters" if N is not None else f"{memory:.4g} bits of weights"
    )
    return widths_of(
        surface, f"{what}, trained on {brief(D)} tokens, rounded to each width",
        "post_bits", bits, sizes, np.full(bits.shape, D), losses, level,
        {"GB": bits * sizes / 8e9, "delta": delta[:, 0]},
    )  # fmt: skip
