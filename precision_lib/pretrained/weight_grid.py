"""The weights of a pretrained model, and whether they stand on a grid already."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from precision_lib.errors import UserError


def share_on_a_grid(model: nn.Module, bits: int = 4, group: int = 32) -> float:
    """Share of weight groups with no more different values than `bits` can tell apart.

    A model that was quantized before shows it here: its weights stand on a grid
    already. Embedding and head are left out.

    Raises UserError if no linear layer has a width that `group` divides.

    `model`: of ``transformers``; `bits`, `group`: width and group size of the grid that
    is looked for.
    """
    few = total = 0
    for weight in linear_weights(model).values():
        if weight.shape[1] % group == 0:
            groups = weight.reshape(-1, group).sort(1).values
            distinct = (groups.diff(dim=1) != 0).sum(1) + 1
            few += int((distinct <= 2**bits).sum())
            total += len(groups)
    if not total:
        raise UserError(f"no linear layer has a width that {group} divides.")
    return few / total


def linear_weights(model: nn.Module) -> dict[str, Tensor]:
    """Weights of the linear layers by name, without the head."""
    transformer: Any = model
    head = transformer.get_output_embeddings()
    return {
        name: layer.weight.detach()
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and layer is not head
    }
