r"""Questions before training: how many parameters, tokens and bits.

Cost is counted as the paper does (section 4.3): training N parameters on D
tokens in P bits costs ``C = (6/16) N D P``, that is 6ND at 16 bits.

For every law of the form ``L = A (N f(P))^-alpha + B D^-beta + E`` put
``M = N f(P)``. Then ``D = (16 C / 6) / M * f(P)/P``: at a given M, the more
``f(P)/P`` the more data. So with N, D and P free the best P is the argmax of
``f(P)/P``, whatever C, alpha and beta. At a given P, minimizing over M gives
``M* ~ (C f/P)^(beta/(alpha+beta))``, hence against 16 bits, where f is about 1,
``N* ~ f^(-alpha/(alpha+beta)) (P/16)^(-beta/(alpha+beta))`` and
``D* ~ f^(alpha/(alpha+beta)) (P/16)^(-alpha/(alpha+beta))``: fewer bits ask for
more parameters before more data. With N fixed, ``d/dP`` of
``A (N f)^-alpha + B (6NP/16C)^beta`` is zero where the error of few bits has
fallen to the order of ``C^-beta``, so P* grows like ``beta gamma ln C``. The
printed equations 6, 7, 17 and 28 do not agree with each other; these follow
from the law and hold against a numeric optimum in the tests. No function here
relies on them: every answer is searched for, so that any law will do.
"""

from __future__ import annotations

import numpy as np

from precision_lib.decide.decision import Decision
from precision_lib.decide.precision import BITS_RANGE, at_bits, best_bits, by_bits
from precision_lib.decide.search import Array, Index, Minimum, minimum
from precision_lib.decide.surface import Answer, Numbers, Surface, require_positive

FLOP_AT_16_BITS = 6.0
SIZES = (np.log(1e2), np.log(1e18))  # parameters or tokens that are searched


def training_cost(N: Numbers, D: Numbers, bits: Numbers) -> Numbers:
    """Cost of a training run in FLOP at 16 bits, section 4.3 of the paper.

    >>> training_cost(1e9, 2e10, 16), training_cost(1e9, 2e10, 8)
    (1.2e+20, 6e+19)
    """
    return FLOP_AT_16_BITS / 16 * N * D * bits


def tokens_for(budget: float, N: Numbers, bits: Numbers) -> Numbers:
    """Tokens that a budget pays for.

    >>> tokens_for(1.2e20, 1e9, 16)
    20000000000.0
    """
    return budget * 16 / FLOP_AT_16_BITS / (N * bits)


def allocation(
    surface: Surface, budget: float, bits: float = 16.0, level: float = 0.95
) -> Decision:
    """Best N and D for a training budget at a given precision.

    Returns N, D, tokens_per_parameter and loss.

    `budget`: FLOP, counted at 16 bits; `bits`: of every part in training.

    >>> from precision_lib.decide import paper_fit, surface
    >>> s = surface(paper_fit())
    >>> allocation(s, 1e20, 4).values["N"] > 4 * allocation(s, 1e20, 16).values["N"]
    True
    """
    require_positive(budget=budget, bits=bits)
    held = at_bits(surface, bits)

    def solve(index: Index) -> Answer:
        found = _best_size(held, budget, np.full(index.shape, bits), index)
        return _split(found, budget, np.full(index.shape, bits))

    return surface.answer(
        f"N and D for {budget:.4g} FLOP in {bits:g} bits", solve, level=level
    )


def optimal_precision(
    surface: Surface,
    budget: float,
    bits_range: tuple[float, float] = BITS_RANGE,
    level: float = 0.95,
) -> Decision:
    """Best N, D and P for a training budget, all three free.

    Returns P, N, D, tokens_per_parameter and loss.

    `budget`: FLOP, counted at 16 bits; `bits_range`: bits that are considered.

    >>> from precision_lib.decide import paper_fit, surface
    >>> round(optimal_precision(surface(paper_fit()), 1e21).values["P"], 2)
    7.0
    >>> without = surface(paper_fit(offsets=False))
    >>> round(optimal_precision(without, 1e21).values["P"], 1)
    3.5
    """
    require_positive(budget=budget)

    def height(held: Surface, bits: Array, index: Index) -> Array:
        return _best_size(held, budget, bits, index).value

    def solve(index: Index) -> Answer:
        best = best_bits(surface, height, index, bits_range)
        sizes = np.empty(index.shape)
        for held, mask in by_bits(surface, best["P"]):
            sizes[mask] = _best_size(held, budget, best["P"][mask], index[mask]).x
        found = Minimum(sizes, best["loss"], best["edge"])
        return {"P": best["P"], **_split(found, budget, best["P"])}

    return surface.answer(f"N, D and P for {budget:.4g} FLOP", solve, level=level)


def precision_at_size(
    surface: Surface,
    budget: float,
    N: float,
    bits_range: tuple[float, float] = BITS_RANGE,
    level: float = 0.95,
) -> Decision:
    """Best P for a training budget when N is fixed and D takes the rest.

    Returns P, D, tokens_per_parameter and loss.

    `budget`: FLOP, counted at 16 bits; `N`: parameters; `bits_range`: bits that are
    considered.

    >>> from precision_lib.decide import paper_fit, surface
    >>> s = surface(paper_fit())
    >>> [round(precision_at_size(s, c, 1e9).values["P"], 1) for c in (1e20, 1e22)]
    [8.0, 13.6]
    """
    require_positive(budget=budget, N=N)

    def height(held: Surface, bits: Array, index: Index) -> Array:
        return held.loss(index, N, tokens_for(budget, N, bits), bits)

    def solve(index: Index) -> Answer:
        best = best_bits(surface, height, index, bits_range)
        D = tokens_for(budget, N, best["P"])
        return {**best, "D": D, "tokens_per_parameter": D / N}

    return surface.answer(
        f"P for {budget:.4g} FLOP and {N:.4g} parameters", solve, level=level
    )


def _best_size(surface: Surface, budget: float, bits: Array, index: Index) -> Minimum:
    """Best log N at given bits, for each entry of `index` and `bits`."""

    def height(x: Array, i: Index) -> Array:
        N = np.exp(x)
        return surface.loss(index[i], N, tokens_for(budget, N, bits[i]), bits[i])

    return minimum(height, *SIZES, np.arange(index.size))


def _split(found: Minimum, budget: float, bits: Array) -> Answer:
    N = np.exp(found.x)
    D = tokens_for(budget, N, bits)
    answer = {"N": N, "D": D, "tokens_per_parameter": D / N, "loss": found.value}
    return {**answer, "edge": 1.0 * found.edge}
