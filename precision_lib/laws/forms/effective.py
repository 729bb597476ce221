"""Training precision as a loss of effective parameters.

What a precision keeps of them is in `precision_lib.laws.forms.share`.
"""

from __future__ import annotations

from precision_lib.laws.forms.base import COUPLING
from precision_lib.laws.forms.share import (
    ACTIVATIONS,
    BASE,
    KV,
    SOURCE,
    TIED,
    WEIGHTS,
    kept,
    shrunk,
    without_offset,
)
from precision_lib.laws.law import Law


class EffectiveWeights(Law):
    """Weights in few bits act like fewer parameters."""

    name = "effective-weights"
    formula = "L = E + A [N (1 - exp(-P_w/gamma_w + n_w))]^-alpha + B D^-beta"
    source = f"{SOURCE}, Eq. 3 and App. K"
    parameters = (*BASE, *WEIGHTS)

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, gamma_weights, n_weights):
        effective = N * kept(weight_bits, gamma_weights, n_weights)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveWeightsNoOffset(EffectiveWeights):
    """Effective parameters of the weights without the offset, as printed."""

    name = "effective-weights-no-offset"
    formula = "L = E + A [N (1 - exp(-P_w/gamma_w))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveWeights.parameters)


class EffectiveActivations(Law):
    """Activations in few bits act like fewer parameters."""

    name = "effective-activations"
    formula = "L = E + A [N (1 - exp(-P_a/gamma_a + n_a))]^-alpha + B D^-beta"
    source = f"{SOURCE}, Eq. 4 and App. K"
    parameters = (*BASE, *ACTIVATIONS)

    @staticmethod
    def predict(
        N, D, activation_bits, *, E, A, alpha, B, beta, gamma_activations, n_activations
    ):
        effective = N * kept(activation_bits, gamma_activations, n_activations)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveActivationsNoOffset(EffectiveActivations):
    """Effective parameters of the activations without the offset."""

    name = "effective-activations-no-offset"
    formula = "L = E + A [N (1 - exp(-P_a/gamma_a))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveActivations.parameters)


class EffectiveKV(Law):
    """A KV cache in few bits acts like fewer parameters."""

    name = "effective-kv"
    formula = "L = E + A [N (1 - exp(-P_kv/gamma_kv + n_kv))]^-alpha + B D^-beta"
    source = f"{SOURCE}, Eq. 4 and App. K"
    parameters = (*BASE, *KV)

    @staticmethod
    def predict(N, D, kv_bits, *, E, A, alpha, B, beta, gamma_kv, n_kv):
        effective = N * kept(kv_bits, gamma_kv, n_kv)
        return E + A * effective**-alpha + B * D**-beta


class EffectiveKVNoOffset(EffectiveKV):
    """Effective parameters of the KV cache without the offset."""

    name = "effective-kv-no-offset"
    formula = "L = E + A [N (1 - exp(-P_kv/gamma_kv))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveKV.parameters)


class Effective(Law):
    """Weights, activations and KV cache each cost effective parameters."""

    name = "effective"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma_x + n_x))]^-alpha + B D^-beta"
    source = f"{SOURCE}, Eq. 4 and App. K"
    parameters = (*BASE, *WEIGHTS, *ACTIVATIONS, *KV)

    @staticmethod
    def predict(
        N, D, weight_bits, activation_bits, kv_bits, *, E, A, alpha, B, beta,
        gamma_weights, n_weights, gamma_activations, n_activations, gamma_kv, n_kv,
    ):  # fmt: skip
        effective = shrunk(
            N,
            (weight_bits, gamma_weights, n_weights),
            (activation_bits, gamma_activations, n_activations),
            (kv_bits, gamma_kv, n_kv),
        )
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
    """

    name = "effective-coupled"
    formula = (
        "L = E + (A [N prod_x(1 - exp(-P_x/gamma_x + n_x))]^-alpha + B D^-beta)^gamma"
    )
    source = "this library: Eq. 4 of the paper in the law of arXiv 2502.08606"
    parameters = (*Effective.parameters, *COUPLING)

    @staticmethod
    def predict(
        N, D, weight_bits, activation_bits, kv_bits, *, E, A, alpha, B, beta,
        gamma_weights, n_weights, gamma_activations, n_activations, gamma_kv, n_kv,
        gamma,
    ):  # fmt: skip
        reducible = Effective.predict(
            N, D, weight_bits, activation_bits, kv_bits,
            E=0.0, A=A, alpha=alpha, B=B, beta=beta,
            gamma_weights=gamma_weights, n_weights=n_weights,
            gamma_activations=gamma_activations, n_activations=n_activations,
            gamma_kv=gamma_kv, n_kv=n_kv,
        )  # fmt: skip
        return E + reducible**gamma


class EffectiveTied(Law):
    """One gamma and one offset for weights, activations and KV cache."""

    name = "effective-tied"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma + n))]^-alpha + B D^-beta"
    source = f"{SOURCE}, section 4.3"
    parameters = (*BASE, *TIED)

    @staticmethod
    def predict(
        N, D, weight_bits, activation_bits, kv_bits, *, E, A, alpha, B, beta, gamma, n
    ):
        widths = (weight_bits, activation_bits, kv_bits)
        effective = shrunk(N, *((bits, gamma, n) for bits in widths))
        return E + A * effective**-alpha + B * D**-beta


class EffectiveTiedNoOffset(EffectiveTied):
    """One gamma for all three parts and no offset, as printed."""

    name = "effective-tied-no-offset"
    formula = "L = E + A [N prod_x(1 - exp(-P_x/gamma))]^-alpha + B D^-beta"
    parameters = without_offset(EffectiveTied.parameters)
