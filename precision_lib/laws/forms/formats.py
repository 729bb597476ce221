"""Laws with one free number a format, or with the shape of a number format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from precision_lib.laws.forms.base import COUPLING, DATA, FLOOR, SIZE
from precision_lib.laws.law import Law, Parameter, exponent

UNQUANTIZED = (
    "float32", "fp32", "float16", "fp16", "bfloat16", "bf16", "none", "32", "16",
)  # fmt: skip


def multiplier(name: str, meaning: str, per: str) -> Parameter:
    """One positive multiplier a name in column `per`; 1 for an unquantized format.

    >>> multiplier("eff", "share of the size kept", "weight_format").per
    'weight_format'
    """
    return Parameter(
        name, meaning, "", (0.2, 1.2), (1e-4, 50.0), coordinate="log",
        per=per, reference=UNQUANTIZED,
    )  # fmt: skip


class FormatMultiplier(Law):
    """Each weight format keeps its own share of the parameters.

    eff is 1 without quantization.
    """

    name = "format-multiplier"
    formula = "L = E + A (N eff[weight_format])^-alpha + B D^-beta"
    source = "Frantar et al. 2025, arXiv 2502.16440"
    parameters = (
        *FLOOR, *SIZE, *DATA,
        multiplier("eff", "share of the size kept", "weight_format"),
    )  # fmt: skip

    @staticmethod
    def predict(N, D, weight_format, *, E, A, alpha, B, beta, eff):
        return E + A * (N * eff) ** -alpha + B * D**-beta


class FormatMultiplierParts(Law):
    """Weights, activations and KV cache each keep a share by their format.

    The product over the parts is the assumption of arXiv 2411.04330 with the free
    multipliers of arXiv 2502.16440.
    """

    name = "format-multiplier-parts"
    formula = (
        "L = E + A (N eff_weights[weight_format] eff_activations[activation_format]"
        " eff_kv[kv_format])^-alpha + B D^-beta"
    )
    source = "Frantar et al. 2025, arXiv 2502.16440, by part"
    parameters = (
        *FLOOR, *SIZE, *DATA,
        multiplier("eff_weights", "share kept by the weights", "weight_format"),
        multiplier("eff_activations", "share kept, activations", "activation_format"),
        multiplier("eff_kv", "share kept by the KV cache", "kv_format"),
    )  # fmt: skip

    @staticmethod
    def predict(
        N, D, weight_format, activation_format, kv_format, *,
        E, A, alpha, B, beta, eff_weights, eff_activations, eff_kv,
    ):  # fmt: skip
        size = N * eff_weights * eff_activations * eff_kv
        return E + A * size**-alpha + B * D**-beta


class BitsMultiplier(Law):
    """Each number of bits keeps its own share of the parameters.

    Weights and activations in the same bits, eff is 1 at 16 and 32.
    """

    name = "bits-multiplier"
    formula = "L = E + A (N eff[weight_bits])^-alpha + B D^-beta"
    source = "Panferov et al. 2025 (QuEST), arXiv 2502.05003"
    parameters = (
        *FLOOR, *SIZE, *DATA,
        multiplier("eff", "share of the size kept", "weight_bits"),
    )  # fmt: skip

    @staticmethod
    def predict(N, D, weight_bits, *, E, A, alpha, B, beta, eff):
        return E + A * (N * eff) ** -alpha + B * D**-beta


class Quartet(Law):
    """Size and data terms are coupled by an exponent; a format costs both."""

    name = "quartet"
    formula = (
        "L = E + (A (N eff_N[weight_format])^-alpha"
        " + B (D eff_D[weight_format])^-beta)^gamma"
    )
    source = "Castro et al. 2025 (Quartet), arXiv 2505.14669"
    parameters = (
        *FLOOR, *SIZE, *DATA,
        *COUPLING,
        multiplier("eff_N", "share of the size kept", "weight_format"),
        multiplier("eff_D", "share of the data kept", "weight_format"),
    )  # fmt: skip

    @staticmethod
    def predict(N, D, weight_format, *, E, A, alpha, B, beta, gamma, eff_N, eff_D):
        reducible = A * (N * eff_N) ** -alpha + B * (D * eff_D) ** -beta
        return E + reducible**gamma


def _one_over_noise(
    N, D, exponent_bits, mantissa_bits, block_size, alpha, beta, delta, nu
):
    shape = (exponent_bits + 0.5) ** delta * (mantissa_bits + 0.5) ** nu
    return N**alpha * D**-beta * shape / np.log2(block_size)


class Sun(Law):
    """Exponent and mantissa bits of a floating-point format act differently.

    `block_size`: how many values share a scale.
    """

    name = "sun"
    formula = (
        "L = E + A N^-alpha + B D^-beta + D^beta N^-alpha log2(block_size)"
        " / (gamma (exponent_bits + 0.5)^delta (mantissa_bits + 0.5)^nu)"
    )
    source = "Sun et al. 2025, arXiv 2501.02423"
    parameters = (
        *FLOOR, *SIZE, *DATA,
        Parameter(
            "gamma", "tolerance to few bits; a larger one means less loss", "",
            (0.3, 100.0), (1e-6, 1e12), "log", _one_over_noise,
        ),
        replace(exponent("delta", "how fast exponent bits help"), start=(0.5, 4.0)),
        replace(exponent("nu", "how fast mantissa bits help"), start=(0.5, 4.0)),
    )  # fmt: skip

    @staticmethod
    def predict(
        N, D, exponent_bits, mantissa_bits, block_size, *,
        E, A, alpha, B, beta, gamma, delta, nu,
    ):  # fmt: skip
        shape = (exponent_bits + 0.5) ** delta * (mantissa_bits + 0.5) ** nu
        noise = D**beta * N**-alpha * np.log2(block_size) / (gamma * shape)
        return E + A * N**-alpha + B * D**-beta + noise
