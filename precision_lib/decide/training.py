r"""Questions before training: how many parameters, tokens and bits.

Cost is counted by a rule of :mod:`precision_lib.decide.cost`, unless told otherwise as
the paper does (section 4.3): training N parameters on D tokens in P bits costs
``C = (6/16) N D P``, that is 6ND at 16 bits.

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

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from precision_lib.decide.choices import choices
from precision_lib.decide.cost import FLOP_AT_16_BITS, PLAIN, rule_widths, tokens_for
from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.precision import (
    at_bits,
    best_bits,
    by_bits,
    require_precision,
)
from precision_lib.decide.search import (
    INNER,
    Array,
    Index,
    Minimum,
    falling_root,
    minimum,
)
from precision_lib.decide.surface import Answer, Numbers, Surface, require_positive
from precision_lib.decide.widths import HARDWARE_WIDTHS, WidthTable, widths_of

Tokens = Callable[[Any, Any], Any]  # of N and bits
SIZES = (np.log(1e2), np.log(1e18))  # parameters or tokens that are searched


def training_cost(N: Numbers, D: Numbers, bits: Numbers) -> Numbers:
    """Cost of a training run in FLOP at 16 bits, section 4.3 of the paper.

    >>> training_cost(1e9, 2e10, 16), training_cost(1e9, 2e10, 8)
    (1.2e+20, 6e+19)
    """
    return FLOP_AT_16_BITS / PLAIN * N * D * bits


def allocation(
    surface: Surface,
    budget: float,
    bits: float = 16.0,
    rule: str = "all",
    level: float = 0.95,
) -> Decision:
    """Best N and D for a training budget at a given precision.

    Returns N, D, tokens_per_parameter and loss.

    `budget`: FLOP, counted at 16 bits; `bits`: of every part in training; `rule`: of
    the cost, see :mod:`precision_lib.decide.cost`.

    >>> from precision_lib.decide import paper_fit, surface
    >>> s = surface(paper_fit())
    >>> allocation(s, 1e20, 4).values["N"] > 4 * allocation(s, 1e20, 16).values["N"]
    True
    """
    require_positive(budget=budget, bits=bits)
    held, tokens = at_bits(surface, bits), _tokens(surface, budget, rule)

    def solve(index: Index) -> Answer:
        each = np.full(index.shape, bits)
        return _split(_best_size(held, tokens, each, index), tokens, each)

    return surface.answer(
        f"N and D for {budget:.4g} FLOP in {bits:g} bits", solve, level=level
    )


def optimal_precision(
    surface: Surface,
    budget: float,
    bits_range: tuple[float, float] | None = None,
    rule: str = "all",
    level: float = 0.95,
) -> Decision:
    """Best N, D and P for a training budget, all three free.

    Returns P, N, D, tokens_per_parameter and loss.

    `budget`: FLOP, counted at 16 bits; `bits_range`: bits that are considered, without
    it :func:`.precision.considered`; all of them or, with an accelerator as the `rule`
    of the cost, those that it computes in.

    >>> from precision_lib.decide import paper_fit, surface
    >>> round(optimal_precision(surface(paper_fit()), 1e21).values["P"], 2)
    7.0
    >>> without = surface(paper_fit(offsets=False))
    >>> round(optimal_precision(without, 1e21).values["P"], 1)
    3.5
    """
    require_positive(budget=budget)
    tokens = _tokens(surface, budget, rule)

    def height(held: Surface, bits: Array, index: Index) -> Array:
        return _best_size(held, tokens, bits, index).value

    def solve(index: Index) -> Answer:
        best = best_bits(surface, height, index, bits_range, rule_widths(rule))
        sizes = np.empty(index.shape)
        for held, mask in by_bits(surface, best["P"]):
            sizes[mask] = _best_size(held, tokens, best["P"][mask], index[mask]).x
        found = Minimum(sizes, best["loss"], best["edge"])
        return {"P": best["P"], **_split(found, tokens, best["P"])}

    return surface.answer(f"N, D and P for {budget:.4g} FLOP", solve, level=level)


def precision_at_size(
    surface: Surface,
    budget: float,
    N: float,
    bits_range: tuple[float, float] | None = None,
    rule: str = "all",
    level: float = 0.95,
) -> Decision:
    """Best P for a training budget when N is fixed and D takes the rest.

    Returns P, D, tokens_per_parameter and loss.

    `budget`: FLOP, counted at 16 bits; `N`: parameters; `bits_range`: bits that are
    considered, as in :func:`optimal_precision`.

    >>> from precision_lib.decide import paper_fit, surface
    >>> s = surface(paper_fit())
    >>> [round(precision_at_size(s, c, 1e9).values["P"], 1) for c in (1e20, 1e22)]
    [8.0, 13.6]
    """
    require_positive(budget=budget, N=N)
    tokens = _tokens(surface, budget, rule)

    def height(held: Surface, bits: Array, index: Index) -> Array:
        return held.loss(index, N, tokens(N, bits), bits)

    def solve(index: Index) -> Answer:
        best = best_bits(surface, height, index, bits_range, rule_widths(rule))
        D = tokens(N, best["P"])
        return {**best, "D": D, "tokens_per_parameter": D / N}

    return surface.answer(
        f"P for {budget:.4g} FLOP and {brief(N)} parameters", solve, level=level
    )


def training_widths(
    surface: Surface,
    budget: float,
    within: float | None = None,
    widths: Sequence[float] = HARDWARE_WIDTHS,
    rule: str = "all",
    level: float = 0.95,
) -> WidthTable:
    """Best N and D for a training budget in each width, and what is nearly as good.

    Raises UserError if the laws do not depend on the bits of training.

    With `within`, also all models of the width that lose at most so many nats to the
    best of all widths: from N_from parameters on D_from tokens to N_to on D_to (NaN
    where there are none).

    `budget`: FLOP, counted at 16 bits; `widths`: bits of every part in training;
    `rule`: of the cost, see :mod:`precision_lib.decide.cost`.

    >>> from precision_lib.decide import paper_fit, surface
    >>> found = training_widths(surface(paper_fit()), 1e20, within=0.01)
    >>> found.above.round(3).tolist()
    [0.056, 0.001, 0.0, 0.036]
    >>> bool(found.more["N_from"][2] < found.N[2] < found.more["N_to"][2])
    True
    """
    require_positive(budget=budget)
    require_precision(surface)
    tokens = _tokens(surface, budget, rule)
    known = choices(surface)
    if known:
        widths = [w for w in widths if w in known] or list(known)
    index = np.arange(surface.size)
    held = {p: known.get(p, surface) for p in widths}
    best = [
        _best_size(held[p], tokens, np.full(index.shape, float(p)), index)
        for p in widths
    ]
    losses = np.array([each.value for each in best])
    N = np.exp([each.x[0] for each in best])
    D = np.array([tokens(n, p) for n, p in zip(N, widths, strict=True)])
    more: dict[str, Array] = {}
    if within is not None:
        require_positive(within=within)
        goal = np.nanmin(losses[:, 0]) + within
        ends = [
            _within(held[p], tokens, p, float(each.x[0]), goal)
            for p, each in zip(widths, best, strict=True)
        ]
        more["N_from"], more["N_to"] = np.exp(np.array(ends)).T
        more |= {f"D_{end}": tokens(more[f"N_{end}"], np.array(widths))
                 for end in ("from", "to")}  # fmt: skip
    what = f"N and D for {budget:.4g} FLOP in each width"
    bits = np.asarray(widths, dtype=float)
    return widths_of(surface, what, "P", bits, N, D, losses, level, more)


def _within(
    surface: Surface, tokens: Tokens, bits: float, best: float, goal: float
) -> tuple[float, float]:
    """Least and greatest log N at which the loss is no higher than `goal`."""
    first = np.zeros(1, dtype=np.intp)

    def excess(x: Array, i: Index) -> Array:
        N = np.exp(x)
        return surface.loss(i, N, tokens(N, bits), bits) - goal

    if not excess(np.array([best]), first)[0] <= 0:
        return np.nan, np.nan
    low = falling_root(excess, SIZES[0], best, first)[0]
    high = -falling_root(lambda x, i: excess(-x, i), -SIZES[1], -best, first)[0]
    return float(low), float(high)


def _tokens(surface: Surface, budget: float, rule: str) -> Tokens:
    return lambda N, bits: tokens_for(surface, budget, N, bits, rule)


def _best_size(surface: Surface, tokens: Tokens, bits: Array, index: Index) -> Minimum:
    """Best log N at given bits, for each entry of `index` and `bits`."""

    def height(x: Array, i: Index) -> Array:
        N = np.exp(x)
        return surface.loss(index[i], N, tokens(N, bits[i]), bits[i])

    return minimum(height, *SIZES, np.arange(index.size), points=INNER)


def _split(found: Minimum, tokens: Tokens, bits: Array) -> Answer:
    N = np.exp(found.x)
    D = tokens(N, bits)
    answer = {"N": N, "D": D, "tokens_per_parameter": D / N, "loss": found.value}
    return {**answer, "edge": 1.0 * found.edge}
