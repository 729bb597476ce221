r"""Questions about models in use: after PTQ, or short of memory.

The critical data size is where ``L(D) = B D^-beta + delta(D)`` is smallest, with
``delta = C_T D^gamma_D N^-gamma_N e^(b - P_post/gamma_post)``. Setting the slope
to zero, ``beta B D^-beta = gamma_D delta``, gives
``D_crit = [beta B N^gamma_N e^(P_post/gamma_post - b) / (gamma_D C_T)]^(1/(gamma_D
+ beta))``; the tests hold the search against it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.precision import at_bits, best_bits, considered, smooth_bits
from precision_lib.decide.search import INNER, Array, Index, minimum
from precision_lib.decide.surface import UNQUANTIZED, Answer, Surface, require_positive
from precision_lib.errors import UserError

TOKENS = (np.log(1e3), np.log(1e30))
MOST_TOKENS, MOST_A_PARAMETER = 1e15, 2e5  # beyond them nobody has data, or would


def critical_data(
    surface: Surface,
    N: float,
    post_bits: float,
    bits: float = UNQUANTIZED,
    level: float = 0.95,
) -> Decision:
    """Tokens beyond which more training raises the loss after rounding (App. E.1).

    Returns D, tokens_per_parameter and the loss there; beyond 1e15 tokens or 2e5 a
    parameter the decision calls D beyond any data. Raises UserError if no law of
    the surface knows of PTQ.

    `surface`: a law of the loss and one of the degradation, or one law of both; `N`:
    parameters; `post_bits`: bits to which the weights are rounded after training;
    `bits`: bits in training.

    >>> from precision_lib.decide import paper_degradation, paper_fit, surface
    >>> s = surface(paper_fit(), paper_degradation())
    >>> [f"{critical_data(s, 30e6, p).values['D']:.1e}" for p in (3, 4, 5)]
    ['5.3e+09', '2.9e+10', '1.6e+11']
    """
    require_positive(N=N, post_bits=post_bits, bits=bits)
    require_rounding(surface)
    held = at_bits(surface, bits) if bits != UNQUANTIZED else surface

    def solve(index: Index) -> Answer:
        found = minimum(
            lambda x, i: held.loss(i, N, np.exp(x), bits, post_bits), *TOKENS, index
        )
        D = np.exp(found.x)
        answer = {"D": D, "tokens_per_parameter": D / N, "loss": found.value}
        return {**answer, "edge": 1.0 * found.edge}

    return _with_end_of_data(surface.answer(
        f"D_crit of {brief(N)} parameters rounded to {post_bits:g} bits",
        solve,
        level=level,
        given={"N": N, "post_bits": post_bits},
    ))  # fmt: skip


def serving_memory(
    surface: Surface,
    memory: float,
    D: float,
    rounded: bool = False,
    bits_range: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Decision:
    """Best split of N P bits of weights, trained on D tokens (Fig. 1 right).

    Returns P (or P_post), N and loss.

    `memory`: bits that the weights may take, N times P; `D`: tokens; `rounded`: whether
    P is reached by PTQ instead of in training; `bits_range`: bits
    that are considered, from the fewest of the runs on without it.

    >>> from precision_lib.decide import paper_fit, surface
    >>> round(serving_memory(surface(paper_fit()), 1.6e9, 2e10).values["P"], 2)
    7.0
    """
    require_positive(memory=memory, D=D)
    if rounded:
        require_rounding(surface)
    limits = bits_range or considered(surface, rounded)

    def height(held: Surface, bits: Array, index: Index) -> Array:
        if rounded:
            return held.loss(index, memory / bits, D, UNQUANTIZED, bits)
        return held.loss(index, memory / bits, D, bits)

    def solve(index: Index) -> Answer:
        if rounded:
            found = smooth_bits(lambda x, i: height(surface, x, i), index, limits)
            best = {"P_post": found.x, "N": memory / found.x, "loss": found.value}
            return {**best, "edge": 1.0 * found.edge}
        best = best_bits(surface, height, index, limits)
        return {**best, "N": memory / best["P"]}

    how = "by PTQ" if rounded else "in training"
    return surface.answer(
        f"P {how} for {memory:.4g} bits of weights and {brief(D)} tokens",
        solve,
        level=level,
        given={"D": D},
    )


def inference_cost(
    surface: Surface,
    cost: float,
    bits_range: tuple[float, float] | None = None,
    level: float = 0.95,
) -> Decision:
    """Best N, D and P_post when only use is paid for, at cost N P_post (App. E.3).

    Data are free, and yet D is finite: beyond the critical size more of them
    hurt. P_post grows like the logarithm of the cost.

    Returns P_post, N, D, tokens_per_parameter and loss.

    `surface`: a law of the loss and one of the degradation, or one law of both; `cost`:
    N times P_post, in bits moved for one token; `bits_range`: bits that are considered,
    from the fewest of the runs on without it.

    >>> from precision_lib.decide import paper_degradation, paper_fit, surface
    >>> s = surface(paper_fit(), paper_degradation())
    >>> costs = (1e9, 1e11, 1e13)
    >>> [round(inference_cost(s, cost).values["P_post"], 2) for cost in costs]
    [5.82, 7.87, 9.85]
    """
    require_positive(cost=cost)
    require_rounding(surface)
    limits = bits_range or considered(surface, rounded=True)

    def best_data(bits: Array, index: Index) -> tuple[Array, Array]:
        def height(x: Array, i: Index) -> Array:
            N = cost / bits[i]
            return surface.loss(index[i], N, np.exp(x), UNQUANTIZED, bits[i])

        found = minimum(height, *TOKENS, np.arange(index.size), points=INNER)
        return np.exp(found.x), found.value

    def solve(index: Index) -> Answer:
        found = smooth_bits(lambda x, i: best_data(x, i)[1], index, limits)
        D, loss = best_data(found.x, index)
        N = cost / found.x
        answer = {"P_post": found.x, "N": N, "D": D, "tokens_per_parameter": D / N}
        return {**answer, "loss": loss, "edge": 1.0 * found.edge}

    return _with_end_of_data(
        surface.answer(f"N, D and P_post for N P_post = {cost:.4g}", solve, level=level)
    )


def _with_end_of_data(found: Decision) -> Decision:
    """Mark tokens that no training will ever see."""
    D, ratio = found.values["D"], found.values["tokens_per_parameter"]
    absurd = D > MOST_TOKENS or ratio > MOST_A_PARAMETER
    return replace(found, beyond="D") if absurd else found


def require_rounding(surface: Surface) -> None:
    """Refuse a surface whose loss does not depend on bits after training.

    Raises UserError if no law of the surface reads them.

    >>> from precision_lib.decide import paper_degradation, paper_fit, surface
    >>> require_rounding(surface(paper_fit(), paper_degradation()))
    """
    if not surface.reads("post_bits"):
        raise UserError(
            f"Law {surface.base.law.name!r} does not know of PTQ; "
            "runs with post_bits and post_loss would tell, or a fit of 'ptq' beside it "
            "with --degradation."
        )
