"""Training precision as a loss of effective parameters or effective data.

Appendix K of arXiv 2411.04330 fits an offset n in every exponent that its main
text drops; the laws here carry it, and each ``-no-offset`` twin holds it at 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from precision_lib.laws.forms.base import COUPLING, DATA, FLOOR, SIZE
from precision_lib.laws.law import Law, Parameter, bits_scale, offset

SOURCE = "Kumar et al. 2024, arXiv 2411.04330"
BASE: tuple[Parameter, ...] = (*FLOOR, *SIZE, *DATA)
WEIGHTS = (
    bits_scale("gamma_weights", "bits per e-fold of the weights' share lost"),
    offset(
        "n_weights",
        "offset of the weights",
        lambda lowest_weight_bits, gamma_weights: np.exp(
            -lowest_weight_bits / gamma_weights
        ),
    ),
)
ACTIVATIONS = (
    bits_scale("gamma_activations", "bits per e-fold of the activations' share lost"),
    offset(
        "n_activations",
        "offset of the activations",
        lambda lowest_activation_bits, gamma_activations: np.exp(
            -lowest_activation_bits / gamma_activations
        ),
    ),
)
KV = (
    bits_scale("gamma_kv", "bits per e-fold of the KV cache's share lost"),
    offset(
        "n_kv",
        "offset of the KV cache",
        lambda lowest_kv_bits, gamma_kv: np.exp(-lowest_kv_bits / gamma_kv),
    ),
)


def _lowest_of_all(
    lowest_weight_bits: Any,
    lowest_activation_bits: Any,
    lowest_kv_bits: Any,
    gamma: Any,
) -> Any:
    lowest = min(lowest_weight_bits, lowest_activation_bits, lowest_kv_bits)
    return np.exp(-lowest / gamma)


TIED = (
    bits_scale("gamma", "bits per e-fold of the share lost, of every part"),
    offset("n", "offset of every part", _lowest_of_all),
)


def kept(bits: Any, gamma: Any, n: Any) -> Any:
    """Share of the parameters that a precision keeps, ``1 - exp(-bits / gamma + n)``.

    Not a number where that is not positive: with an offset the law is not defined
    in ``gamma * n`` bits or fewer.

    Examples
    --------
    >>> round(float(kept(4.0, 2.6745, 0.3037)), 3)
    0.696
    """
    share = -np.expm1(n - bits / gamma)
    return np.where(share > 0, share, np.nan)


def without_offset(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The same parameters with every offset held at zero.

    Examples
    --------
    >>> [p.fixed for p in without_offset(WEIGHTS)]
    [None, 0.0]
    """
    offsets = ("n", "n_weights", "n_activations", "n_kv")
    return tuple(replace(p, fixed=0.0) if p.name in offsets else p for p in parameters)


class EffectiveWeights(Law):
    """Weights in few bits act like fewer parameters.

    ``N_eff = N (1 - exp(-P_w / gamma_w + n_w))``. Eq. 3 and App. K.

    Examples
    --------
    >>> EffectiveWeights.columns()
    ('N', 'D', 'weight_bits')
    """

    name = "effective-weights"
    formula = "L = E + A [N (1 - exp(-P_w/gamma_w + n_w))]^-alpha + B D^-beta"
    source = SOURCE
    parameters = (*BASE, *WEIGHTS)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_weights: Any, n_weights: Any,
    ) -> Any:  # fmt: skip
        effective = N * kept(weight_bits, gamma_weights, n_weights)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveWeightsNoOffset(EffectiveWeights):
    """Effective parameters of the weights without the offset, as printed."""

    name = "effective-weights-no-offset"
    formula = "L = E + A [N (1 - exp(-P_w/gamma_w))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveWeights.parameters)


class EffectiveActivations(Law):
    """Activations in few bits act like fewer parameters.

    ``N_eff = N (1 - exp(-P_a / gamma_a + n_a))``. Eq. 4 and App. K.

    Examples
    --------
    >>> EffectiveActivations.columns()
    ('N', 'D', 'activation_bits')
    """

    name = "effective-activations"
    formula = "L = E + A [N (1 - exp(-P_a/gamma_a + n_a))]^-alpha + B D^-beta"
    source = SOURCE
    parameters = (*BASE, *ACTIVATIONS)

    @staticmethod
    def predict(
        N: Any, D: Any, activation_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_activations: Any, n_activations: Any,
    ) -> Any:  # fmt: skip
        effective = N * kept(activation_bits, gamma_activations, n_activations)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveActivationsNoOffset(EffectiveActivations):
    """Effective parameters of the activations without the offset."""

    name = "effective-activations-no-offset"
    formula = "L = E + A [N (1 - exp(-P_a/gamma_a))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveActivations.parameters)


class EffectiveKV(Law):
    """A KV cache in few bits acts like fewer parameters.

    ``N_eff = N (1 - exp(-P_kv / gamma_kv + n_kv))``. Eq. 4 and App. K.

    Examples
    --------
    >>> EffectiveKV.columns()
    ('N', 'D', 'kv_bits')
    """

    name = "effective-kv"
    formula = "L = E + A [N (1 - exp(-P_kv/gamma_kv + n_kv))]^-alpha + B D^-beta"
    source = SOURCE
    parameters = (*BASE, *KV)

    @staticmethod
    def predict(
        N: Any, D: Any, kv_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, gamma_kv: Any, n_kv: Any,
    ) -> Any:  # fmt: skip
        effective = N * kept(kv_bits, gamma_kv, n_kv)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveKVNoOffset(EffectiveKV):
    """Effective parameters of the KV cache without the offset."""

    name = "effective-kv-no-offset"
    formula = "L = E + A [N (1 - exp(-P_kv/gamma_kv))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveKV.parameters)


class Effective(Law):
    """Weights, activations and KV cache each cost effective parameters.

    ``N_eff = N * product over the parts of (1 - exp(-P / gamma + n))``, with a
    gamma and an n for each part. Eq. 4 and App. K.

    Examples
    --------
    >>> Effective.columns()
    ('N', 'D', 'weight_bits', 'activation_bits', 'kv_bits')
    """

    name = "effective"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma_x + n_x))]^-alpha + B D^-beta"
    source = SOURCE
    parameters = (*BASE, *WEIGHTS, *ACTIVATIONS, *KV)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any, activation_bits: Any, kv_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_weights: Any, n_weights: Any, gamma_activations: Any,
        n_activations: Any, gamma_kv: Any, n_kv: Any,
    ) -> Any:  # fmt: skip
        effective = N * kept(weight_bits, gamma_weights, n_weights)
        effective = effective * kept(activation_bits, gamma_activations, n_activations)
        effective = effective * kept(kv_bits, gamma_kv, n_kv)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveNoOffset(Effective):
    """Effective parameters of all three parts without the offsets, as printed."""

    name = "effective-no-offset"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma_x))]^-alpha + B D^-beta"
    parameters = without_offset(Effective.parameters)


class EffectiveCoupled(Law):
    """Effective parameters of all three parts where size and data are coupled.

    `Effective` inside `precision_lib.laws.forms.base.Coupled`: what low precision
    costs then grows with data, since size does. A form of our own.

    Examples
    --------
    >>> EffectiveCoupled.columns() == Effective.columns()
    True
    """

    name = "effective-coupled"
    formula = (
        "L = E + (A [N prod_x(1 - exp(-P_x/gamma_x + n_x))]^-alpha + B D^-beta)^gamma"
    )
    source = "this library: Eq. 4 of the paper in the law of arXiv 2502.08606"
    parameters = (*Effective.parameters, *COUPLING)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any, activation_bits: Any, kv_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_weights: Any, n_weights: Any, gamma_activations: Any,
        n_activations: Any, gamma_kv: Any, n_kv: Any, gamma: Any,
    ) -> Any:  # fmt: skip
        reducible = Effective.predict(
            N, D, weight_bits, activation_bits, kv_bits,
            E=0.0, A=A, alpha=alpha, B=B, beta=beta,
            gamma_weights=gamma_weights, n_weights=n_weights,
            gamma_activations=gamma_activations, n_activations=n_activations,
            gamma_kv=gamma_kv, n_kv=n_kv,
        )  # fmt: skip
        return E + reducible**gamma


class EffectiveTied(Law):
    """One gamma and one offset for weights, activations and KV cache.

    ``N_eff = N * product over the parts of (1 - exp(-P / gamma + n))``. Section 4.3.

    Examples
    --------
    >>> EffectiveTied.columns()
    ('N', 'D', 'weight_bits', 'activation_bits', 'kv_bits')
    """

    name = "effective-tied"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma + n))]^-alpha + B D^-beta"
    source = SOURCE
    parameters = (*BASE, *TIED)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any, activation_bits: Any, kv_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any, gamma: Any, n: Any,
    ) -> Any:  # fmt: skip
        effective = N * kept(weight_bits, gamma, n)
        effective = (
            effective * kept(activation_bits, gamma, n) * kept(kv_bits, gamma, n)
        )
        return E + A * effective**-alpha + B * D**-beta


class EffectiveTiedNoOffset(EffectiveTied):
    """One gamma for all three parts and no offset, as printed."""

    name = "effective-tied-no-offset"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveTied.parameters)
