"""The share of a model that a precision keeps, by part, and what it is fitted with.

Appendix K of arXiv 2411.04330 fits an offset n in every exponent that its main
text drops; the laws carry it, and each ``-no-offset`` twin holds it at 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from precision_lib.laws.forms.base import DATA, FLOOR, SIZE
from precision_lib.laws.law import Parameter, bits_scale, offset

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


def _lowest_of_all(lowest_weight_bits, lowest_activation_bits, lowest_kv_bits, gamma):
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

    >>> round(float(kept(4.0, 2.6745, 0.3037)), 3)
    0.696
    """
    share = -np.expm1(n - bits / gamma)
    return np.where(share > 0, share, np.nan)


def shrunk(amount: Any, *parts: tuple[Any, Any, Any]) -> Any:
    """What is left of an amount after each part has taken its share.

    ``amount * product over the parts of (1 - exp(-bits / gamma + n))``; each part
    is its bits, gamma and n.

    >>> round(float(shrunk(100.0, (4.0, 2.6745, 0.3037), (8.0, 2.2102, 1.4072))), 1)
    62.0
    """
    for bits, gamma, n in parts:
        amount = amount * kept(bits, gamma, n)
    return amount


def without_offset(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """The same parameters with every offset held at zero.

    >>> [p.fixed for p in without_offset(WEIGHTS)]
    [None, 0.0]
    """
    offsets = ("n", "n_weights", "n_activations", "n_kv")
    return tuple(replace(p, fixed=0.0) if p.name in offsets else p for p in parameters)
