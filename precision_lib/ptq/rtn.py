"""Round to nearest: each weight to the closest value of its block's grid."""

from __future__ import annotations

import copy

import torch

from precision_lib.formats import Format
from precision_lib.model import Transformer
from precision_lib.quantize import block_size, quantize


@torch.no_grad()
def round_to_nearest(
    model: Transformer, fmt: Format, granularity: str = "channel"
) -> Transformer:
    """A copy of `model` whose linear weights are rounded to `fmt`.

    What is rounded are the weights that the forward pass uses, so a model trained
    in 4-bit weights and rounded to 4 bits on the same grid stays what it was. The
    copy keeps its activation and KV-cache formats.

    Parameters
    ----------
    model : Transformer
        Trained model; it is not changed.
    fmt : Format
        Grid of the weights.
    granularity : str
        As in `precision_lib.quantize.block_size`; "tensor" is one scale a fused
        matrix.

    Examples
    --------
    >>> from precision_lib.formats import Int
    >>> from precision_lib.model import ModelConfig, Precision
    >>> config = ModelConfig(d_model=16, n_layers=1, n_heads=2, d_mlp=32)
    >>> rounded = round_to_nearest(Transformer(config, Precision()), Int(2))
    >>> len(rounded.blocks[0].out.weight[0].unique())
    3
    """
    rounded = copy.deepcopy(model)
    for layer in rounded.linear_layers().values():
        used = layer.quantized_weight()
        block = block_size(granularity, used.shape)
        layer.weight.copy_(quantize(used, fmt, block).values)
        layer.weight_format = None
    return rounded
