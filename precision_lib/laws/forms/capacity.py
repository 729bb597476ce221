"""What is kept of a model by how well its format fits Gaussian numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from precision_lib.laws.forms.share import BASE
from precision_lib.laws.law import Law, Parameter


def capacity(gmse: Any, L: Any, F: Any, C: Any) -> Any:
    """Share of the parameters kept, ``L tanh(F log_(1/4) gmse)^C``; 1 at no error.

    `gmse`: mean squared error of the format on numbers of variance 1, from 0 to 1
    (`precision_lib.formats.gaussian`). An ideal b bits have an error near ``4^-b``, so
    the logarithm counts bits. Panferov et al., Eq. 3.

    >>> errors = np.array([0.3634, 0.1188, 0.0374, 0.0115, 0.0])
    >>> capacity(errors, 1.0, 0.6, 2.5).round(2).tolist()
    [0.11, 0.45, 0.75, 0.9, 1.0]
    """
    exact = gmse <= 0
    bits = -np.log(np.where(exact, 0.25, gmse)) / np.log(4.0)
    return np.where(exact, 1.0, L * np.tanh(F * bits) ** C)


class Capacity(Law):
    """A format keeps the parameters by its error on Gaussian numbers.

    Three constants for all formats of a kind, and a format that nobody trained has a
    place among them. L is 1 unless freed. Table 1 of the paper prints no F and C, but
    rho of weights in 1 to 4 bits: .21, .45, .74, .90 (Fig. 6).
    """

    name = "capacity"
    formula = (
        "L = E + A [N rho]^-alpha + B D^-beta, rho = L tanh(F log_(1/4) gmse)^C,"
        " rho = 1 at gmse 0"
    )
    source = "Panferov et al. 2025, arXiv 2506.01863, Eq. 3"
    parameters = (
        *BASE,
        Parameter(
            "L", "share kept by formats of no error of this kind", "",
            (0.5, 1.0), (1e-3, 10.0), "log", fixed=1.0,
        ),
        Parameter("F", "how fast bits help", "1/bits", (0.1, 1.5), (1e-3, 50.0), "log"),
        Parameter("C", "how steep the first bits are", "", (0.5, 4), (0.01, 50), "log"),
    )  # fmt: skip

    @staticmethod
    def predict(N, D, gmse, *, E, A, alpha, B, beta, L, F, C):
        return E + A * (N * capacity(gmse, L, F, C)) ** -alpha + B * D**-beta
