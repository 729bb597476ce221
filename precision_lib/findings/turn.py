"""Whether the loss after rounding turns up with more training data (F1b)."""

from __future__ import annotations

import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured, labelled, near_size, unquantized
from precision_lib.findings.noise_model import Array, fit_mean


def rise(
    measured: Measured,
    N: float,
    first: float,
    last: float,
    bits: int = 3,
    method: str = "gptq",
) -> Estimate:
    """Loss after rounding of unquantized runs of `last` tokens less that of `first`.

    Both numbers of tokens are fixed beforehand: a minimum that is looked for in the
    data lies too low. The noise is pooled over all cells of the sizes up to 60k; that
    of rounding is a share of what rounding costs.

    `N`: size, within a tenth; `first`, `last`: tokens; `bits`, `method`: of the
    rounding.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base"], "short")
    >>> rise(short, 24e3, 3.5e6, 14e6, bits=2).value > 0
    True
    """
    rows = labelled(unquantized(measured.ptq))
    rows = rows[(rows["method"] == method) & (rows["post_bits"] == bits)]
    rows = rows[rows["N"] < 60e3].reset_index(drop=True)
    size = near_size(rows, N)
    wanted = [f"{size['N'].iloc[0]}-{round(tokens)}" for tokens in (first, last)]
    if missing := [name for name in wanted if name not in set(rows["cell"])]:
        N, tokens = map(int, missing[0].split("-"))
        raise Undetermined(
            f"no model of {N:,} parameters and {tokens:,} tokens is rounded to "
            f"{bits} bits by {method}."
        )
    cells, names = pd.factorize(rows["cell"], sort=True)
    means = rows.groupby("cell")[["post_loss", "delta"]].mean()
    cost = means["delta"].to_numpy()[cells]
    fitted = fit_mean(
        rows["post_loss"], lambda p: p[cells], means["post_loss"].to_numpy(),
        {"model": rows["model"]}, {"rounding": cost**2},
    )  # fmt: skip
    places = [list(names).index(name) for name in wanted]

    def difference(p: Array) -> float:
        return float(p[places[1]] - p[places[0]])

    return fitted.estimate(difference, size["model"].nunique())
