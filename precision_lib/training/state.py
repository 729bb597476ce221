"""Where a run stands: its weights and the two running means of AdamW, each flat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from precision_lib.paths import write_whole


@dataclass(frozen=True)
class State:
    """Weights and optimizer of one run.

    >>> State.of(nn.Linear(2, 3)).second.tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    #: weights, first, second: shape (parameters,); in the order of
    #: ``model.parameters()``; `first` is the mean gradient and `second` the mean
    #: squared gradient
    weights: Tensor
    first: Tensor
    second: Tensor

    @classmethod
    def of(cls, model: nn.Module) -> State:
        """The state before the first step."""
        parts = [p.detach().flatten() for p in model.parameters()]
        weights = torch.cat(parts)
        return cls(weights, torch.zeros_like(weights), torch.zeros_like(weights))

    def to(self, device: str) -> State:
        """A copy on `device`."""
        return State(*(t.to(device) for t in vars(self).values()))

    def save(self, path: Path) -> None:
        """Write the state; the file is there whole or not at all."""
        write_whole(path, safetensors.torch.save(vars(self)))

    @classmethod
    def load(cls, path: Path) -> State:
        """The state that `save` wrote."""
        return cls(**safetensors.torch.load_file(path))


def named_parameters(model: nn.Module, weights: Tensor) -> dict[str, Tensor]:
    """Views of flat `weights` in the shapes of the model's parameters, by name.

    >>> layer = nn.Linear(2, 1)
    >>> named_parameters(layer, torch.tensor([1.0, 2.0, 3.0]))["weight"].tolist()
    [[1.0, 2.0]]
    """
    named = dict(model.named_parameters())
    parts = weights.split([p.numel() for p in named.values()])
    return {
        name: part.view(p.shape)
        for (name, p), part in zip(named.items(), parts, strict=True)
    }


def put_weights(model: nn.Module, weights: Tensor) -> None:
    """Copy flat `weights` into the parameters of the model.

    >>> layer = nn.Linear(2, 1)
    >>> put_weights(layer, torch.tensor([1.0, 2.0, 3.0]))
    >>> layer.bias.item()
    3.0
    """
    model.load_state_dict(named_parameters(model, weights))
