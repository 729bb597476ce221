"""How far the weights and the inputs of a model's layers are from a normal spread."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from precision_lib.model.transformer import Transformer
from precision_lib.ptq.calibration import Calibration
from precision_lib.ptq.layers import apply_weight, seen_input, used_weight, visited
from precision_lib.ptq.targets import linear_layers


@torch.no_grad()
def spread(model: Transformer, calibration: Calibration) -> dict[str, float]:
    """Kurtosis and peak of weights and inputs, the mean over layers and the largest.

    Returns ``weight_kurtosis``, ``weight_peak``, ``activation_kurtosis`` and
    ``activation_peak``, each with ``_mean`` and ``_max`` over the linear layers inside
    the blocks. An input is that of the calibration set, before it is quantized.

    >>> from precision_lib.model.config import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> found = spread(model, Calibration("counting", torch.arange(512).view(16, 32)))
    >>> round(found["weight_kurtosis_mean"])  # of normal numbers
    3
    """
    layers = linear_layers(model)
    seen: dict[str, list[float]] = {}

    def note(kind: str, x: Tensor) -> None:
        seen.setdefault(f"{kind}_kurtosis", []).append(kurtosis(x))
        seen.setdefault(f"{kind}_peak", []).append(peak(x))

    def visit(name: str, x: Tensor) -> Tensor:
        layer: nn.Module = layers[name]
        note("weight", used_weight(layer))
        note("activation", x)
        return apply_weight(layer, seen_input(layer, x, calibration.batch))

    with visited(layers, visit):
        model.hidden(calibration.rows)
    means = {f"{name}_mean": sum(x) / len(x) for name, x in seen.items()}
    return means | {f"{name}_max": max(x) for name, x in seen.items()}


def kurtosis(x: Tensor) -> float:
    """Fourth central moment over the squared variance; 3 for normal numbers.

    >>> kurtosis(torch.tensor([-1.0, 1.0]))
    1.0
    """
    centred = x.double() - x.double().mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def peak(x: Tensor) -> float:
    """Largest magnitude over the median magnitude; infinite where half are zero.

    >>> peak(torch.tensor([1.0, -3.0, 8.0, 1.0]))
    4.0
    >>> peak(torch.tensor([0.0, 0.0, 8.0]))  # as activations of a few bits can be
    inf
    """
    size = x.double().abs().cpu().numpy()
    with np.errstate(divide="ignore"):
        return float(size.max() / np.median(size))
