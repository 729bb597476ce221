"""Other places for precision in the law: the alternatives of the paper's Table 1."""

from __future__ import annotations

import numpy as np

from precision_lib.laws.forms.share import BASE, SOURCE, WEIGHTS, kept
from precision_lib.laws.law import Law, bits_scale, coefficient, exponent, offset

TABLE_1 = f"{SOURCE}, Table 1 and App. C"


class EffectiveData(Law):
    """Weights in few bits act like less data."""

    name = "effective-data"
    formula = "L = E + A N^-alpha + B [D (1 - exp(-P_w/gamma_w + n_w))]^-beta"
    source = TABLE_1
    parameters = (*BASE, *WEIGHTS)

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, gamma_weights, n_weights):
        effective = D * kept(weight_bits, gamma_weights, n_weights)
        return E + A * N**-alpha + B * effective**-beta


class EffectiveBoth(Law):
    """Weights in few bits act like fewer parameters and less data."""

    name = "effective-both"
    formula = (
        "L = E + A [N (1 - exp(-P_w/gamma_size + n_size))]^-alpha"
        " + B [D (1 - exp(-P_w/gamma_data + n_data))]^-beta"
    )
    source = TABLE_1
    parameters = (
        *BASE,
        bits_scale("gamma_size", "bits per e-fold of the share of size lost"),
        offset(
            "n_size", "offset of the size",
            lambda lowest_weight_bits, gamma_size: np.exp(
                -lowest_weight_bits / gamma_size
            ),
        ),
        bits_scale("gamma_data", "bits per e-fold of the share of data lost"),
        offset(
            "n_data", "offset of the data",
            lambda lowest_weight_bits, gamma_data: np.exp(
                -lowest_weight_bits / gamma_data
            ),
        ),
    )  # fmt: skip

    @staticmethod
    def predict(
        N, D, weight_bits, *,
        E, A, alpha, B, beta, gamma_size, n_size, gamma_data, n_data,
    ):  # fmt: skip
        size = N * kept(weight_bits, gamma_size, n_size)
        data = D * kept(weight_bits, gamma_data, n_data)
        return E + A * size**-alpha + B * data**-beta


class EffectiveBothTied(Law):
    """The same share of parameters and of data is lost."""

    name = "effective-both-tied"
    formula = "L = E + A (N f)^-alpha + B (D f)^-beta, f = 1 - exp(-P_w/gamma_w + n_w)"
    source = TABLE_1
    parameters = (*BASE, *WEIGHTS)

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, gamma_weights, n_weights):
        share = kept(weight_bits, gamma_weights, n_weights)
        return E + A * (N * share) ** -alpha + B * (D * share) ** -beta


class PowerAdditive(Law):
    """A power of the bits is added to the loss."""

    name = "power-additive"
    formula = "L = E + A N^-alpha + B D^-beta + C P_w^-gamma"
    source = TABLE_1
    parameters = (
        *BASE,
        coefficient(
            "C", "precision term", lambda weight_bits, gamma: weight_bits**-gamma
        ),
        exponent("gamma", "how fast bits help"),
    )

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, C, gamma):
        return E + A * N**-alpha + B * D**-beta + C * weight_bits**-gamma


class PowerMultiplicative(Law):
    """The reducible loss is multiplied by a power of the bits."""

    name = "power-multiplicative"
    formula = "L = E + (A N^-alpha + B D^-beta) (1 + C P_w^-gamma)"
    source = TABLE_1
    parameters = PowerAdditive.parameters

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, C, gamma):
        reducible = A * N**-alpha + B * D**-beta
        return E + reducible * (1 + C * weight_bits**-gamma)


def _grown(N, D, weight_bits, gamma_N, gamma_D, gamma):
    return D**gamma_D * N**-gamma_N * np.exp(-weight_bits / gamma)


class GrowingError(Law):
    """The cost of few bits in training grows with the tokens and falls with the size.

    The form of the paper's equation 3 for rounding after training, read as a law of the
    error of quantized training, whose powers Chen et al. fit.
    """

    name = "growing-error"
    formula = "L = E + A N^-alpha + B D^-beta + C D^gamma_D N^-gamma_N exp(-P_w/gamma)"
    source = "Kumar et al. 2024, arXiv 2411.04330, eq. 3; Chen et al. 2025, 2505.14302"
    parameters = (
        *BASE,
        coefficient("C", "error of few bits", _grown),
        exponent("gamma_N", "how fast size lowers that error"),
        exponent("gamma_D", "how fast tokens raise it"),
        bits_scale("gamma", "bits per e-fold of it"),
    )

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, C, gamma_N, gamma_D, gamma):
        error = C * _grown(N, D, weight_bits, gamma_N, gamma_D, gamma)
        return E + A * N**-alpha + B * D**-beta + error
