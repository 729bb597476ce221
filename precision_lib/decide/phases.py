"""When to begin training in low precision, after a phase in full precision."""

from __future__ import annotations

import numpy as np

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.search import Array, Index, minimum
from precision_lib.decide.surface import Answer, Surface, require_positive
from precision_lib.errors import UserError

LOGIT = 9.0  # the share lies between one part in 8,000 and all but that


def quantization_start(
    surface: Surface, N: float, D: float, bits: float, level: float = 0.95
) -> Decision:
    """The share of the tokens that should be trained in low precision.

    Returns qat_share, D_start (tokens before quantization sets in) and loss. Raises
    UserError if no law of the surface knows of two phases.

    `surface`: of a law such as ``two-phases``, which reads the column ``qat_share``;
    `N`, `D`: parameters and all tokens; `bits`: of the second phase.

    >>> from precision_lib.decide import surface
    >>> from precision_lib.laws import fit, planted_table
    >>> s = surface(fit(planted_table("two-phases"), "two-phases", starts=4))
    >>> found = quantization_start(s, 1e8, 2e10, 4).values
    >>> 0 < found["qat_share"] < 1, found["D_start"] < 2e10
    (True, True)
    """
    require_positive(N=N, D=D, bits=bits)
    if not surface.reads("qat_share"):
        raise UserError(
            f"Law {surface.base.law.name!r} does not know when quantized training "
            "started; fit 'two-phases' to runs with a column qat_share."
        )

    def share(x: Array) -> Array:
        part: Array = 1 / (1 + np.exp(-x))
        return part

    def height(x: Array, i: Index) -> Array:
        return surface.holding(columns={"qat_share": share(x)}).loss(i, N, D, bits)

    def solve(index: Index) -> Answer:
        found = minimum(height, -LOGIT, LOGIT, index)
        part = share(found.x)
        answer = {"qat_share": part, "D_start": (1 - part) * D, "loss": found.value}
        return {**answer, "edge": 1.0 * found.edge}

    return surface.answer(
        f"start of training in {bits:g} bits: {brief(N)} parameters, {brief(D)} tokens",
        solve,
        level=level,
        given={"N": N, "D": D, "P": bits},
    )
