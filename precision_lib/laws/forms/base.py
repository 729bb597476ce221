"""Loss of unquantized runs as a function of size and data."""

from __future__ import annotations

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

    >>> given = dict(E=1.8, A=480, alpha=0.35, B=2000, beta=0.37)
    >>> round(Chinchilla.predict(1e9, 2e10, **given), 3)
    2.449
    """

    name = "chinchilla"
    formula = "L = E + A N^-alpha + B D^-beta"
    source = "Hoffmann et al. 2022, arXiv 2203.15556, Eq. 2"
    parameters = (*FLOOR, *SIZE, *DATA)

    @staticmethod
    def predict(N, D, *, E, A, alpha, B, beta):
        return E + A * N**-alpha + B * D**-beta


class ChinchillaTied(Law):
    """Size and data help with one exponent, as the paper fits it."""

    name = "chinchilla-tied"
    formula = "L = E + A N^-alpha + B D^-alpha"
    source = "Kumar et al. 2024, arXiv 2411.04330, App. K"
    parameters = (
        *FLOOR,
        *SIZE,
        coefficient("B", "data term", lambda D, alpha: D**-alpha),
    )

    @staticmethod
    def predict(N, D, *, E, A, alpha, B):
        return E + A * N**-alpha + B * D**-alpha


class Coupled(Law):
    """Size helps the more, the more data there is, and data the larger the model.

    Fitted to training without a teacher; with gamma = 1 it is `Chinchilla`, with E = 0
    and beta = 1 the law of Kaplan et al., arXiv 2001.08361, Eq. 1.5.
    """

    name = "coupled"
    formula = "L = E + (A N^-alpha + B D^-beta)^gamma"
    source = "Busbridge et al. 2025, arXiv 2502.08606"
    parameters = (*FLOOR, *SIZE, *DATA, *COUPLING)

    @staticmethod
    def predict(N, D, *, E, A, alpha, B, beta, gamma):
        return E + (A * N**-alpha + B * D**-beta) ** gamma
