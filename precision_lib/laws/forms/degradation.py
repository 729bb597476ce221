"""What quantizing after training costs, alone and within one law for all runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from precision_lib.laws.forms.share import (
    ACTIVATIONS,
    BASE,
    KV,
    SOURCE,
    WEIGHTS,
    shrunk,
)
from precision_lib.laws.law import Law, Parameter, coefficient, exponent, offset


def _cost_term(N, D, post_bits, gamma_D, gamma_N, gamma_post):
    return D**gamma_D * N**-gamma_N * np.exp(-post_bits / gamma_post)


COST = (
    coefficient("C_T", "degradation term", _cost_term),
    exponent("gamma_D", "how fast more data raises the degradation"),
    exponent("gamma_N", "how fast more size lowers the degradation"),
    Parameter(
        "gamma_post", "bits per e-fold of the degradation", "bits",
        (0.2, 2.0), (0.02, 60.0), coordinate="log",
    ),
    replace(
        offset("b", "offset in the exponent; C_T exp(b) is one number to the data"),
        bounds=(1e-9, 1e9),
        fixed=0.0,
    ),
)  # fmt: skip


def _robust(name: str, part: str) -> Parameter:
    meaning = f"how fast a gap in bits of the {part} brings the full degradation"
    unit, start, bounds = "1/bits", (0.05, 0.9), (1e-6, 1 - 1e-4)
    return Parameter(name, meaning, unit, start, bounds, coordinate="exp-minus")


ROBUST = (
    _robust("C_weights", "weights"),
    _robust("C_activations", "activations"),
    _robust("C_kv", "KV cache"),
)


def gap_share(bits: Any, post_bits: Any, rate: Any) -> Any:
    """Share of the degradation left after training in `bits`; 0 without a gap.

    >>> float(gap_share(np.float64(4), 4.0, 1.0))
    0.0
    """
    return -np.expm1(-rate * np.maximum(bits - post_bits, 0.0))


def _shrunk_and_rounded(N, D, post_bits, C_T, gamma_D, gamma_N, gamma_post, b, parts):
    """Effective parameters, and what rounding costs a model that has them.

    `parts`: of each its bits in training, gamma, offset and rate.
    """
    effective = shrunk(N, *(part[:3] for part in parts))
    delta = C_T * D**gamma_D * effective**-gamma_N * np.exp(b - post_bits / gamma_post)
    for bits, _, _, rate in parts:
        delta = delta * gap_share(bits, post_bits, rate)
    return effective, delta


class PTQ(Law):
    """Rounding the weights of a trained model costs more the more data it saw.

    C_T and b are one number to the data, so b is held at 0 unless freed.

    >>> paper = dict(C_T=0.0598, gamma_D=0.5068, gamma_N=0.3439, gamma_post=0.5907)
    >>> round(float(PTQ.predict(30e6, 26e9, 3.0, **paper, b=1.1277)), 3)
    0.586
    """

    name = "ptq"
    formula = "delta = C_T D^gamma_D N^-gamma_N exp(-P_post/gamma_post + b)"
    source = f"{SOURCE}, Eq. 2 and App. K"
    target = "delta"
    parameters = COST

    @staticmethod
    def predict(N, D, post_bits, *, C_T, gamma_D, gamma_N, gamma_post, b):
        return C_T * D**gamma_D * N**-gamma_N * np.exp(b - post_bits / gamma_post)


class PTQTrainedLow(Law):
    """A model trained in low precision has less to lose when it is rounded.

    No degradation where a part was trained in `post_bits` or less.
    """

    name = "ptq-trained-low"
    formula = (
        "delta = C_T D^gamma_D N_eff^-gamma_N exp(-P_post/gamma_post + b)"
        " prod_x[1 - exp(-C_x (P_x - P_post))],"
        " N_eff = N prod_x(1 - exp(-P_x/gamma_x + n_x))"
    )
    source = f"{SOURCE}, Eq. 8"
    target = "delta"
    parameters = (*COST, *WEIGHTS, *ACTIVATIONS, *KV, *ROBUST)

    @staticmethod
    def predict(
        N, D, weight_bits, activation_bits, kv_bits, post_bits, *,
        C_T, gamma_D, gamma_N, gamma_post, b,
        gamma_weights, n_weights, gamma_activations, n_activations, gamma_kv, n_kv,
        C_weights, C_activations, C_kv,
    ):  # fmt: skip
        parts = (
            (weight_bits, gamma_weights, n_weights, C_weights),
            (activation_bits, gamma_activations, n_activations, C_activations),
            (kv_bits, gamma_kv, n_kv, C_kv),
        )
        cost = C_T, gamma_D, gamma_N, gamma_post, b
        return _shrunk_and_rounded(N, D, post_bits, *cost, parts)[1]


class Unified(Law):
    """One law for training precision and rounding after training.

    With the degradation of `PTQTrainedLow`; a run that is not rounded has ``post_bits``
    32.
    """

    name = "unified"
    formula = (
        "L = E + A N_eff^-alpha + B D^-beta"
        " + C_T D^gamma_D N_eff^-gamma_N exp(-P_post/gamma_post + b)"
        " prod_x[1 - exp(-C_x (P_x - P_post))],"
        " N_eff = N prod_x(1 - exp(-P_x/gamma_x + n_x))"
    )
    source = f"{SOURCE}, Eq. 9"
    parameters = (*BASE, *WEIGHTS, *ACTIVATIONS, *KV, *COST, *ROBUST)

    @staticmethod
    def predict(
        N, D, weight_bits, activation_bits, kv_bits, post_bits, *,
        E, A, alpha, B, beta,
        gamma_weights, n_weights, gamma_activations, n_activations, gamma_kv, n_kv,
        C_T, gamma_D, gamma_N, gamma_post, b, C_weights, C_activations, C_kv,
    ):  # fmt: skip
        parts = (
            (weight_bits, gamma_weights, n_weights, C_weights),
            (activation_bits, gamma_activations, n_activations, C_activations),
            (kv_bits, gamma_kv, n_kv, C_kv),
        )
        cost = C_T, gamma_D, gamma_N, gamma_post, b
        effective, delta = _shrunk_and_rounded(N, D, post_bits, *cost, parts)
        return E + A * effective**-alpha + B * D**-beta + delta


class Ouyang(Law):
    """Degradation as a power law in the bits.

    Its constants (Pythia, GPTQ) are .017, .5251, .2261, 5.4967 by a secondary source.
    """

    name = "ouyang"
    formula = "delta = k D^beta / (N^alpha P_post^gamma)"
    source = "Ouyang et al. 2024, arXiv 2411.17691 (by a secondary source)"
    target = "delta"
    parameters = (
        coefficient(
            "k",
            "degradation term",
            lambda N, D, post_bits, beta, alpha, gamma: (
                D**beta * N**-alpha * post_bits**-gamma
            ),
        ),
        exponent("beta", "how fast more data raises the degradation"),
        exponent("alpha", "how fast more size lowers the degradation"),
        replace(exponent("gamma", "how fast bits help"), start=(1.0, 8.0)),
    )

    @staticmethod
    def predict(N, D, post_bits, *, k, beta, alpha, gamma):
        return k * D**beta * N**-alpha * post_bits**-gamma
