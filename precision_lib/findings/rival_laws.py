"""Forms of rivals with a free number for each format, which only contests need."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from precision_lib.laws import Law, exponent
from precision_lib.laws.forms.base import COUPLING, DATA, FLOOR, SIZE
from precision_lib.laws.forms.formats import multiplier


class QATLoss(Law):
    """Chinchilla plus an error of training in low precision that grows with data.

    ``L = E + A N^-alpha + B D^-beta + (1 / eff - 1) D^gamma_D N^-gamma_N``, eff a
    number for each weight format and 1 without quantization. The form of Chen et al.,
    arXiv 2505.14302, for one group size, with a free factor for each width.

    >>> QATLoss.categories()
    ('weight_format',)
    """

    name = "qat-loss"
    formula = (
        "L = E + A N^-alpha + B D^-beta"
        " + (1 / eff[weight_format] - 1) D^gamma_D N^-gamma_N"
    )
    source = "Chen et al. 2025, arXiv 2505.14302, with a factor for each format"
    parameters = (
        *FLOOR,
        *SIZE,
        *DATA,
        replace(exponent("gamma_N", "how fast more size lowers the error")),
        replace(
            exponent("gamma_D", "how fast more data raises the error"),
            start=(0.02, 1.0),
        ),
        multiplier("eff", "1 / (1 + error at N = D = 1)", "weight_format"),
    )

    @staticmethod
    def predict(
        N: Any, D: Any, weight_format: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_N: Any, gamma_D: Any, eff: Any,
    ) -> Any:  # fmt: skip
        error = (1 / eff - 1) * D**gamma_D * N**-gamma_N
        return E + A * N**-alpha + B * D**-beta + error


class CoupledShare(Law):
    """A share of the parameters for each weight format, size and data coupled.

    ``L = E + (A (N eff)^-alpha + B D^-beta)^gamma``: the law "quartet" with all of the
    data kept, so that the cost of few bits moves with D through the coupling alone.

    >>> CoupledShare.categories()
    ('weight_format',)
    """

    name = "coupled-share"
    formula = "L = E + (A (N eff[weight_format])^-alpha + B D^-beta)^gamma"
    source = "Castro et al. 2025 (Quartet), arXiv 2505.14669, with eff_D = 1"
    parameters = (
        *FLOOR,
        *SIZE,
        *DATA,
        *COUPLING,
        multiplier("eff", "share of the size kept", "weight_format"),
    )

    @staticmethod
    def predict(
        N: Any, D: Any, weight_format: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, gamma: Any, eff: Any,
    ) -> Any:  # fmt: skip
        return E + (A * (N * eff) ** -alpha + B * D**-beta) ** gamma


class DataShare(Law):
    """A share of the data for each weight format: few bits act like less text.

    ``L = E + A N^-alpha + B (D eff)^-beta``: what the paper's law says of N, said of
    D, as in its Table 1.

    >>> DataShare.categories()
    ('weight_format',)
    """

    name = "data-share"
    formula = "L = E + A N^-alpha + B (D eff[weight_format])^-beta"
    source = "Kumar et al. 2024, arXiv 2411.04330, Table 1, a share for each format"
    parameters = (
        *FLOOR,
        *SIZE,
        *DATA,
        multiplier("eff", "share of the data kept", "weight_format"),
    )

    @staticmethod
    def predict(
        N: Any, D: Any, weight_format: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, eff: Any,
    ) -> Any:  # fmt: skip
        return E + A * N**-alpha + B * (D * eff) ** -beta
