"""Which layers of a model are quantized, and where AWQ's scales can go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from precision_lib.errors import UserError
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.model.transformer import Norm, Transformer


@dataclass(frozen=True)
class Fold:
    """Layers that read one vector, and the module that makes it.

    >>> Fold("blocks.0.mlp_norm", ("blocks.0.gate_up",)).rows is None
    True
    """

    #: Name of a norm, or of a linear layer from which the vector comes by operations
    #: that pass a factor of each entry on
    source: str
    layers: tuple[str, ...]  #: names of all layers that read it
    #: First row and one past the last, where a linear layer makes more than this
    rows: tuple[int, int] | None = None


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers to quantize, by name: linear ones, embeddings and heads left out.

    >>> list(linear_layers(nn.Sequential(nn.Linear(2, 3), nn.ReLU())))
    ['0']
    """
    if isinstance(model, Transformer):
        return dict(model.linear_layers())
    embeddings = (m.weight for m in model.modules() if isinstance(m, nn.Embedding))
    left_out = {id(weight) for weight in embeddings}
    if isinstance(head := getattr(model, "get_output_embeddings", None), MethodType):
        left_out.add(id(getattr(head(), "weight", None)))  # transformers
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and id(module.weight) not in left_out
    }


def find_folds(model: nn.Module) -> list[Fold]:
    """The folds of our `Transformer` and of blocks named as Llama's; else none.

    >>> from precision_lib.model.config import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> [fold.source for fold in find_folds(model)][:2]
    ['blocks.0.attention_norm', 'blocks.0.out_norm']
    """
    if isinstance(model, Transformer):
        return [
            fold for n, _ in enumerate(model.blocks) for fold in _block_folds(model, n)
        ]
    names = dict(model.named_modules())
    ends = ".self_attn.q_proj"
    parents = [name.removesuffix(ends) for name in names if name.endswith(ends)]
    return [fold for parent in parents for fold in _llama_folds(names, parent)]


def _block_folds(model: Transformer, number: int) -> Iterable[Fold]:
    at, config = f"blocks.{number}", model.config
    block: Any = model.blocks[number]
    yield Fold(f"{at}.attention_norm", (f"{at}.qkv",))
    if isinstance(block.out_norm, Norm):
        yield Fold(f"{at}.out_norm", (f"{at}.out",))
    elif model.precision.bits["kv_bits"] == HIGH_PRECISION_BITS:
        # else values are rounded between
        yield Fold(
            f"{at}.qkv", (f"{at}.out",), (2 * config.d_model, 3 * config.d_model)
        )
    yield Fold(f"{at}.mlp_norm", (f"{at}.gate_up",))
    if isinstance(block.down_norm, Norm):
        yield Fold(f"{at}.down_norm", (f"{at}.down",))
    else:
        yield Fold(f"{at}.gate_up", (f"{at}.down",), (config.d_mlp, 2 * config.d_mlp))


def _llama_folds(names: dict[str, Any], parent: str) -> Iterable[Fold]:
    attention, mlp = f"{parent}.self_attn", f"{parent}.mlp"
    readers = tuple(f"{attention}.{part}_proj" for part in "qkv")
    yield Fold(f"{parent}.input_layernorm", readers)
    value, out = names[f"{attention}.v_proj"], names[f"{attention}.o_proj"]
    if value.weight.shape[0] == out.weight.shape[1]:  # else heads share their values
        yield Fold(f"{attention}.v_proj", (f"{attention}.o_proj",))
    if f"{mlp}.gate_proj" in names:
        readers = (f"{mlp}.gate_proj", f"{mlp}.up_proj")
        yield Fold(f"{parent}.post_attention_layernorm", readers)
        yield Fold(f"{mlp}.up_proj", (f"{mlp}.down_proj",))


def queries_and_keys(name: str, rows: int) -> int:
    """How many of a layer's rows, from the first, make queries and keys.

    >>> [queries_and_keys(n, 9) for n in ("0.qkv", "0.attn.k_proj", "0.up_proj")]
    [6, 9, 0]
    """
    last = name.rpartition(".")[2]
    if last == "qkv":
        return 2 * rows // 3
    return rows if any(part in last for part in ("q_", "k_", "query", "key")) else 0


def divide(model: nn.Module, fold: Fold, scales: Tensor) -> bool:
    """Divide what the source of `fold` puts out by `scales`; False if it cannot.

    A norm is tried out: some multiply by one plus their weight.

    >>> model = nn.Sequential(nn.LayerNorm(2), nn.Linear(2, 1))
    >>> divide(model, Fold("0", ("1",)), torch.tensor([2.0, 4.0]))
    True
    >>> model[0].weight.tolist()
    [0.5, 0.25]
    """
    try:
        source = model.get_submodule(fold.source)
    except AttributeError:
        raise UserError(
            f"the model has no module '{fold.source}' to fold scales into; name one "
            "that named_modules() lists."
        ) from None
    parameters = [parameter.data for parameter in source.parameters()]
    if any(parameter.dim() == 2 for parameter in parameters):
        rows = slice(*(fold.rows or (None,)))
        for parameter in parameters:  # weight and bias, if any
            parameter[rows] /= scales.view(-1, *(1,) * (parameter.dim() - 1))
        return True
    gains = [gain for gain in parameters if gain.shape == scales.shape]
    before = [gain.clone() for gain in gains]
    probe = torch.linspace(-1, 1, len(scales), dtype=scales.dtype, device=scales.device)
    expected = source(probe[None]) / scales
    for gain in gains:
        gain.div_(scales)
    if torch.allclose(source(probe[None]), expected, rtol=1e-4, atol=1e-6):
        return True
    for gain, old in zip(gains, before, strict=True):
        gain.copy_(old)
    return False
