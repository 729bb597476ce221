"""Training in full precision first and in low precision for a share of the tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from precision_lib.laws.forms.share import BASE
from precision_lib.laws.law import Law, Parameter, coefficient, exponent

BEST_SHARE = 6.7297  # Dremov et al., 757 runs; in two secondary sources that agree


def tokens_per_byte(N: Any, tokens: Any, bits: Any) -> Any:
    """Tokens for each byte of the quantized parameters, ``S = D / (N bits / 8)``.

    >>> tokens_per_byte(1e8, 2e9, 4)
    40.0
    """
    return tokens / (N * bits / 8)


def best_share(N: Any, D: Any, bits: Any) -> Any:
    """Share of the tokens that training in low precision should have, at best.

    ``exp(-6.7297 / ln S)``, S the tokens for each byte of the quantized parameters; for
    S above 1. Dremov et al., arXiv 2509.22935, https://arxiv.org/abs/2509.22935.

    >>> [round(float(best_share(23_936, D, 4)), 2) for D in (0.4e6, 3.2e6, 12.8e6)]
    [0.15, 0.3, 0.38]
    """
    return np.exp(-BEST_SHARE / np.log(tokens_per_byte(N, D, bits)))


def _phases(N, D, weight_bits, qat_share):
    low = tokens_per_byte(N, qat_share * D, weight_bits)
    return low, tokens_per_byte(N, (1 - qat_share) * D, weight_bits)


def _floor_term(weight_bits, kappa):
    return 2 ** (-kappa * weight_bits)


def _low_term(N, D, weight_bits, qat_share, chi, psi, omega):
    low, _ = _phases(N, D, weight_bits, qat_share)
    return 2 ** (-chi * weight_bits) * N**-psi * low**-omega


def _both_term(N, D, weight_bits, qat_share, mu, nu, xi, rho):
    low, full = _phases(N, D, weight_bits, qat_share)
    return 2 ** (-mu * weight_bits) * N**-nu * full**-xi * low**-rho


def _per_bit(name: str, meaning: str) -> Parameter:
    known = replace(exponent(name, meaning), unit="1/bits", start=(0.2, 1.5))
    return replace(known, bounds=(1e-3, 10.0))


class TwoPhases(Law):
    """Full precision first, then low precision; both phases may be too short.

    S are the tokens of each phase for each byte of the quantized parameters.
    `qat_share`, the share of the tokens in low precision, lies between 0 and 1; at
    either end the law is not defined. Section 5 of the paper; its 16 constants could
    not be had, the form is that of three secondary sources.
    """

    name = "two-phases"
    formula = (
        "L = E + A N^-alpha + B D^-beta + theta 2^(-kappa P_w)"
        " + phi 2^(-chi P_w) N^-psi S_low^-omega"
        " + lam 2^(-mu P_w) N^-nu S_full^-xi S_low^-rho,"
        " S_low = qat_share D / (N P_w / 8), S_full = (1 - qat_share) D / (N P_w / 8)"
    )
    source = "Dremov et al. 2025, arXiv 2509.22935 (by secondary sources)"
    parameters = (
        *BASE,
        coefficient("theta", "error that no training removes", _floor_term),
        _per_bit("kappa", "how fast bits lower that error"),
        coefficient("phi", "error of a short phase in low precision", _low_term),
        _per_bit("chi", "how fast bits lower it"),
        exponent("psi", "how fast size lowers it"),
        exponent("omega", "how fast tokens in low precision lower it"),
        coefficient("lam", "error of two phases that are both short", _both_term),
        _per_bit("mu", "how fast bits lower it"),
        exponent("nu", "how fast size lowers it"),
        exponent("xi", "how fast tokens in full precision lower it"),
        exponent("rho", "how fast tokens in low precision lower it"),
    )

    @staticmethod
    def predict(
        N, D, weight_bits, qat_share, *, E, A, alpha, B, beta,
        theta, kappa, phi, chi, psi, omega, lam, mu, nu, xi, rho,
    ):  # fmt: skip
        low = _low_term(N, D, weight_bits, qat_share, chi, psi, omega)
        both = _both_term(N, D, weight_bits, qat_share, mu, nu, xi, rho)
        error = theta * _floor_term(weight_bits, kappa) + phi * low + lam * both
        return E + A * N**-alpha + B * D**-beta + error
