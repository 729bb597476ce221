"""Loss of unquantized runs as a function of size and data."""

from __future__ import annotations

from typing import Any

from precision_lib.laws.law import Law, Parameter, asymptote, coefficient, exponent

SIZE = (
    coefficient("A", "size term", lambda N, alpha: N**-alpha),
    exponent("alpha", "how fast size helps"),
)
DATA = (
    coefficient("B", "data term", lambda D, beta: D**-beta),
    exponent("beta", "how fast data helps"),
)
FLOOR = (asymptote("E", "irreducible loss"),)
COUPLING = (
    Parameter(
        "gamma", "coupling of size and data; 1 is none", "", (0.2, 1.2), (0.02, 20),
        coordinate="log",
    ),
)  # fmt: skip


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


class Coupled(Law):
    """Size helps the more, the more data there is, and data the larger the model.

    ``L = E + (A N^-alpha + B D^-beta)^gamma``. Busbridge et al., arXiv 2502.08606,
    for training without a teacher; with gamma = 1 it is `Chinchilla`, with E = 0 and
    beta = 1 the law of Kaplan et al., arXiv 2001.08361, Eq. 1.5.

    Examples
    --------
    >>> given = dict(E=1.2, A=300, alpha=0.4, B=20000, beta=0.5, gamma=0.6)
    >>> round(Coupled.predict(1e8, 1e9, **given), 3)
    2.089
    """

    name = "coupled"
    formula = "L = E + (A N^-alpha + B D^-beta)^gamma"
    source = "Busbridge et al. 2025, arXiv 2502.08606"
    parameters = (*FLOOR, *SIZE, *DATA, *COUPLING)

    @staticmethod
    def predict(
        N: Any, D: Any, *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, gamma: Any
    ) -> Any:
        return E + (A * N**-alpha + B * D**-beta) ** gamma
