"""Walk through a model's linear layers in the order in which they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from precision_lib.model.transformer import QuantLinear
from precision_lib.rounding.sharing import BlockSize, block_size

# Gets a layer's name and its input, puts its new weight in place, and returns the
# output under it.
Visit = Callable[[str, Tensor], Tensor]


@contextmanager
def visited(layers: Mapping[str, nn.Module], visit: Visit) -> Iterator[None]:
    """Inside the block a forward pass calls `visit` in place of each layer.

    The pass goes on with what `visit` returns, so one pass over the calibration set
    meets every layer once, in order, its input made by the layers done before.

    >>> model = nn.Sequential(nn.Linear(2, 2))
    >>> with visited({"first": model[0]}, lambda name, x: x + 1):
    ...     model(torch.zeros(1, 2)).tolist()
    [[1.0, 1.0]]
    """
    try:
        for name, layer in layers.items():
            layer.forward = partial(visit, name)
        yield
    finally:
        for layer in layers.values():
            vars(layer).pop("forward", None)


def used_weight(layer: nn.Module) -> Tensor:
    """The weight that the forward pass multiplies by, shape (out, in).

    >>> used_weight(nn.Linear(3, 2)).shape
    torch.Size([2, 3])
    """
    if isinstance(layer, QuantLinear):
        return layer.quantized_weight().detach()
    assert isinstance(layer.weight, Tensor)
    return layer.weight.detach()


def seen_input(layer: nn.Module, x: Tensor, batch: int | None = None) -> Tensor:
    """The input that the forward pass multiplies, at most `batch` rows at a time.

    >>> seen_input(nn.Linear(3, 2), torch.ones(1, 3)).tolist()
    [[1.0, 1.0, 1.0]]
    """
    if not isinstance(layer, QuantLinear) or layer.reads_high_precision:
        return x
    return torch.cat([layer.quantized_input(part) for part in x.split(batch or len(x))])


def reads_as_it_comes(layer: nn.Module) -> bool:
    """Whether the layer neither quantizes nor rotates its input.

    >>> reads_as_it_comes(nn.Linear(3, 2))
    True
    """
    return not isinstance(layer, QuantLinear) or layer.reads_high_precision


def put_weight(layer: nn.Module, values: Tensor) -> None:
    """Make `values` the weight that the forward pass uses from now on.

    >>> layer = nn.Linear(3, 2)
    >>> put_weight(layer, torch.zeros(2, 3))
    >>> layer.weight.abs().sum().item()
    0.0
    """
    assert isinstance(layer.weight, Tensor)
    if isinstance(layer, QuantLinear):
        values = layer.turned(values)  # the rotation is its own inverse
        layer.weight_format = None
    with torch.no_grad():
        layer.weight.copy_(values)


def apply_weight(layer: nn.Module, seen: Tensor) -> Tensor:
    """The layer's output for an input that is quantized already.

    >>> apply_weight(nn.Linear(3, 2), torch.ones(1, 3)).shape
    torch.Size([1, 2])
    """
    bias = getattr(layer, "bias", None)
    return F.linear(seen, used_weight(layer), bias)


def weight_block(layer: nn.Module, granularity: str) -> BlockSize:
    """What shares a scale in the layer's weight; fused parts never do.

    >>> weight_block(nn.Linear(8, 4), "group:2")
    (1, 2)
    """
    weight = layer.weight
    assert isinstance(weight, Tensor)
    parts = getattr(layer, "parts", 1)
    return block_size(granularity, (weight.shape[0] // parts, weight.shape[1]))
