"""Loss of unquantized runs as a function of size and data."""

from __future__ import annotations

from typing import Any

from precision_lib.laws.law import Law, asymptote, coefficient, exponent

SIZE = (
    coefficient("A", "size term", lambda N, alpha: N**-alpha),
    exponent("alpha", "how fast size helps"),
)
DATA = (
    coefficient("B", "data term", lambda D, beta: D**-beta),
    exponent("beta", "how fast data helps"),
)
FLOOR = (asymptote("E", "irreducible loss"),)


class Chinchilla(Law):
    """Loss falls as a power of size and a power of data, to a floor.

    ``L = E + A N^-alpha + B D^-beta``. Hoffmann et al., arXiv 2203.15556, Eq. 2.

    Examples
    --------
    >>> given = dict(E=1.8, A=480, alpha=0.35, B=2000, beta=0.37)
    >>> round(Chinchilla.predict(1e9, 2e10, **given), 3)
    2.449
    """

    name = "chinchilla"
    formula = "L = E + A N^-alpha + B D^-beta"
    source = "Hoffmann et al. 2022, arXiv 2203.15556, Eq. 2"
    parameters = (*FLOOR, *SIZE, *DATA)

    @staticmethod
    def predict(
        N: Any, D: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any
    ) -> Any:
        return E + A * N**-alpha + B * D**-beta


class ChinchillaTied(Law):
    """Size and data help with one exponent, as the paper fits it.

    ``L = E + A N^-alpha + B D^-alpha``. arXiv 2411.04330, Table 2.

    Examples
    --------
    >>> round(ChinchillaTied.predict(1e8, 1e9, E=2.7, A=4299, alpha=0.5, B=18060), 3)
    3.701
    """

    name = "chinchilla-tied"
    formula = "L = E + A N^-alpha + B D^-alpha"
    source = "Kumar et al. 2024, arXiv 2411.04330, App. K"
    parameters = (
        *FLOOR,
        *SIZE,
        coefficient("B", "data term", lambda D, alpha: D**-alpha),
    )

    @staticmethod
    def predict(N: Any, D: Any, *, E: Any, A: Any, alpha: Any, B: Any) -> Any:
        return E + A * N**-alpha + B * D**-alpha
