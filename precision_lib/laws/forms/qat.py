"""What training in low precision costs: as one error, and by part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from precision_lib.laws.law import Law, Parameter, Term, coefficient, exponent

# Form, constants and .906: Eq. 5, Table 1 and Fig. 6, read in a copy of the paper.
CHEN = "Chen et al. 2025, arXiv 2505.14302, Eq. 5 and Table 1"
PARTS_OF_4_BITS = {
    "k_weights": 0.2522, "gamma_N_weights": 0.3589,
    "gamma_D_weights": 0.1610, "gamma_G_weights": 0.3533,
    "k_activations": 0.1004, "gamma_N_activations": 0.1816,
    "gamma_D_activations": 0.0331, "gamma_G_activations": 0.9812,
    "share_of_sum": 0.906,
}  # fmt: skip
UNQUANTIZED = 16  # bits from which on a part counts as not quantized


def _group_term(N, D, group_size, gamma_N, gamma_D, gamma_G):
    return D**gamma_D * N**-gamma_N * np.log2(group_size) ** gamma_G


class QATError(Law):
    """Training in low precision costs more with more data and coarser groups.

    `group_size`: how many values share a scale. The constants for W4A4, of 80 runs with
    74M to 595M parameters:

    >>> w4a4 = dict(k=0.1582, gamma_D=0.0745, gamma_G=0.7779, gamma_N=0.2186)
    >>> round(float(QATError.predict(1e8, 1e10, 128.0, **w4a4)), 3)
    0.071
    """

    name = "qat-error"
    formula = "delta = k D^gamma_D (log2 group_size)^gamma_G N^-gamma_N"
    source = CHEN
    target = "delta"
    parameters = (
        coefficient("k", "degradation term", _group_term),
        exponent("gamma_N", "how fast more size lowers the error"),
        replace(exponent("gamma_D", "how fast more data raises the error"),
                start=(0.02, 1.0)),
        exponent("gamma_G", "how fast larger groups raise the error"),
    )  # fmt: skip

    @staticmethod
    def predict(N, D, group_size, *, k, gamma_N, gamma_D, gamma_G):
        return k * _group_term(N, D, group_size, gamma_N, gamma_D, gamma_G)


def _part(part: str, group_term: Term) -> tuple[Parameter, ...]:
    """The four constants of `QATError` for one part."""
    renamed = (replace(p, name=f"{p.name}_{part}") for p in QATError.parameters)
    k, *powers = (replace(p, meaning=f"{p.meaning}, {part}") for p in renamed)
    return (replace(k, term=group_term), *powers)


def _weights_term(N, D, group_size, gamma_N_weights, gamma_D_weights, gamma_G_weights):
    powers = gamma_N_weights, gamma_D_weights, gamma_G_weights
    return _group_term(N, D, group_size, *powers)


def _activations_term(
    N, D, group_size, gamma_N_activations, gamma_D_activations, gamma_G_activations
):
    powers = gamma_N_activations, gamma_D_activations, gamma_G_activations
    return _group_term(N, D, group_size, *powers)


class QATErrorParts(Law):
    """Weights and activations each cost an error of their own; together less.

    Where both are quantized they cost a share of the sum: .906 in Chen et al., who find
    gamma_D .161 for weights and .033 for activations at 4 bits, all in
    `PARTS_OF_4_BITS`. One width a fit, as theirs. By parts, the example of `QATError`:

    >>> of_parts = QATErrorParts.predict(1e8, 1e10, 128.0, 4, 4, **PARTS_OF_4_BITS)
    >>> round(float(of_parts), 3)
    0.071
    """

    name = "qat-error-parts"
    formula = (
        "delta = share_of_sum^[both] sum_x [P_x < 16] k_x D^gamma_D_x"
        " (log2 group_size)^gamma_G_x N^-gamma_N_x, x of weights and activations"
    )
    source = CHEN
    target = "delta"
    parameters = (
        *_part("weights", _weights_term),
        *_part("activations", _activations_term),
        Parameter(
            "share_of_sum", "what both parts cost together, of the sum", "",
            (0.5, 1.2), (0.01, 10.0), coordinate="log",
        ),
    )  # fmt: skip

    @staticmethod
    def predict(
        N, D, group_size, weight_bits, activation_bits, *,
        k_weights, gamma_N_weights, gamma_D_weights, gamma_G_weights,
        k_activations, gamma_N_activations, gamma_D_activations, gamma_G_activations,
        share_of_sum,
    ):  # fmt: skip
        weights = k_weights * _weights_term(
            N, D, group_size, gamma_N_weights, gamma_D_weights, gamma_G_weights
        )
        activations = k_activations * _activations_term(
            N, D, group_size,
            gamma_N_activations, gamma_D_activations, gamma_G_activations,
        )  # fmt: skip
        low_w = 1.0 * (weight_bits < UNQUANTIZED)
        low_a = 1.0 * (activation_bits < UNQUANTIZED)
        return (low_w * weights + low_a * activations) * share_of_sum ** (low_w * low_a)
