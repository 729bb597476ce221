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


def _cost_term(
    N: Any, D: Any, post_bits: Any, gamma_D: Any, gamma_N: Any, gamma_post: Any
) -> Any:
    return D**gamma_D * N**-gamma_N * np.exp(-post_bits / gamma_post)


COST = (
    coefficient("C_T", "degradation term", _cost_term),
    exponent("gamma_D", "how fast more data raises the degradation"),
    exponent("gamma_N", "how fast more size lowers the degradation"),
    Parameter(
        "gamma_post",
        "bits per e-fold of the degradation",
        "bits",
        (0.2, 2.0),
        (0.02, 60.0),
        coordinate="log",
    ),  # fmt: skip
    replace(
        offset("b", "offset in the exponent; C_T exp(b) is one number to the data"),
        bounds=(1e-9, 1e9),
        fixed=0.0,
    ),
)


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

    Examples
    --------
    >>> float(gap_share(np.float64(4), 4.0, 1.0))
    0.0
    """
    return -np.expm1(-rate * np.maximum(bits - post_bits, 0.0))


def _after_gaps(full: Any, post_bits: Any, *parts: tuple[Any, Any]) -> Any:
    """The degradation left after training; each part is its bits and its rate."""
    for bits, rate in parts:
        full = full * gap_share(bits, post_bits, rate)
    return full


class PTQ(Law):
    """Rounding the weights of a trained model costs more the more data it saw.

    ``delta = C_T D^gamma_D N^-gamma_N exp(-P_post / gamma_post + b)``. Eq. 2 and
    App. K. C_T and b are one number to the data, so b is held at 0 unless freed.

    Examples
    --------
    >>> paper = dict(C_T=0.0598, gamma_D=0.5068, gamma_N=0.3439, gamma_post=0.5907)
    >>> round(float(PTQ.predict(30e6, 26e9, 3.0, **paper, b=1.1277)), 3)
    0.586
    """

    name = "ptq"
    formula = "delta = C_T D^gamma_D N^-gamma_N exp(-P_post/gamma_post + b)"
    source = SOURCE
    target = "delta"
    parameters = COST

    @staticmethod
    def predict(
        N: Any, D: Any, post_bits: Any,
        *, C_T: Any, gamma_D: Any, gamma_N: Any, gamma_post: Any, b: Any,
    ) -> Any:  # fmt: skip
        return C_T * D**gamma_D * N**-gamma_N * np.exp(b - post_bits / gamma_post)


class PTQTrainedLow(Law):
    """A model trained in low precision has less to lose when it is rounded.

    ``delta = C_T D^gamma_D N_eff^-gamma_N exp(-P_post/gamma_post + b)
    * product over the parts of [1 - exp(-C_x (P_x - P_post))]``; no degradation
    where a part was trained in `post_bits` or less. Eq. 8.

    Examples
    --------
    >>> PTQTrainedLow.columns()[-1]
    'post_bits'
    """

    name = "ptq-trained-low"
    formula = (
        "delta = C_T D^gamma_D N_eff^-gamma_N exp(-P_post/gamma_post + b)"
        " prod_x[1 - exp(-C_x (P_x - P_post))],"
        " N_eff = N prod_x(1 - exp(-P_x/gamma_x + n_x))"
    )
    source = SOURCE
    target = "delta"
    parameters = (*COST, *WEIGHTS, *ACTIVATIONS, *KV, *ROBUST)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any, activation_bits: Any, kv_bits: Any,
        post_bits: Any,
        *, C_T: Any, gamma_D: Any, gamma_N: Any, gamma_post: Any, b: Any,
        gamma_weights: Any, n_weights: Any, gamma_activations: Any,
        n_activations: Any, gamma_kv: Any, n_kv: Any,
        C_weights: Any, C_activations: Any, C_kv: Any,
    ) -> Any:  # fmt: skip
        effective = shrunk(
            N,
            (weight_bits, gamma_weights, n_weights),
            (activation_bits, gamma_activations, n_activations),
            (kv_bits, gamma_kv, n_kv),
        )
        full = (
            C_T * D**gamma_D * effective**-gamma_N * np.exp(b - post_bits / gamma_post)
        )
        return _after_gaps(
            full,
            post_bits,
            (weight_bits, C_weights),
            (activation_bits, C_activations),
            (kv_bits, C_kv),
        )


class Unified(Law):
    """One law for training precision and rounding after training.

    ``L = E + A N_eff^-alpha + B D^-beta + delta``, with the degradation of
    `PTQTrainedLow`. A run that is not rounded has ``post_bits`` 32. Eq. 9.

    Examples
    --------
    >>> len(Unified.parameters)
    19
    """

    name = "unified"
    formula = (
        "L = E + A N_eff^-alpha + B D^-beta"
        " + C_T D^gamma_D N_eff^-gamma_N exp(-P_post/gamma_post + b)"
        " prod_x[1 - exp(-C_x (P_x - P_post))],"
        " N_eff = N prod_x(1 - exp(-P_x/gamma_x + n_x))"
    )
    source = SOURCE
    parameters = (*BASE, *WEIGHTS, *ACTIVATIONS, *KV, *COST, *ROBUST)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any, activation_bits: Any, kv_bits: Any,
        post_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_weights: Any, n_weights: Any, gamma_activations: Any,
        n_activations: Any, gamma_kv: Any, n_kv: Any,
        C_T: Any, gamma_D: Any, gamma_N: Any, gamma_post: Any, b: Any,
        C_weights: Any, C_activations: Any, C_kv: Any,
    ) -> Any:  # fmt: skip
        effective = shrunk(
            N,
            (weight_bits, gamma_weights, n_weights),
            (activation_bits, gamma_activations, n_activations),
            (kv_bits, gamma_kv, n_kv),
        )
        full = (
            C_T * D**gamma_D * effective**-gamma_N * np.exp(b - post_bits / gamma_post)
        )
        full = _after_gaps(
            full,
            post_bits,
            (weight_bits, C_weights),
            (activation_bits, C_activations),
            (kv_bits, C_kv),
        )
        return E + A * effective**-alpha + B * D**-beta + full


class Ouyang(Law):
    """Degradation as a power law in the bits.

    ``delta = k D^beta / (N^alpha P^gamma)``. Ouyang et al., arXiv 2411.17691; its
    constants (Pythia, GPTQ) are .017, .5251, .2261, 5.4967 by a secondary source.

    Examples
    --------
    >>> Ouyang.target
    'delta'
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
        ),  # fmt: skip
        exponent("beta", "how fast more data raises the degradation"),
        exponent("alpha", "how fast more size lowers the degradation"),
        replace(exponent("gamma", "how fast bits help"), start=(1.0, 8.0)),
    )

    @staticmethod
    def predict(
        N: Any, D: Any, post_bits: Any, *, k: Any, beta: Any, alpha: Any, gamma: Any
    ) -> Any:
        return k * D**beta * N**-alpha * post_bits**-gamma
