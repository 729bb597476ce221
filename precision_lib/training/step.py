"""One training step of several models at once, compiled or as it stands.

The models have one shape and are lanes of the same computation: their weights are the
rows of one matrix, ``torch.vmap`` maps the loss of a single model over the rows, and
AdamW updates the matrix. A single run is one lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value

from precision_lib.model.config import Precision
from precision_lib.model.transformer import Block, QuantLinear, Transformer
from precision_lib.rounding.lane_integer import LaneInt, differing
from precision_lib.training.compiling import compiled
from precision_lib.training.config import RunConfig, learning_rate
from precision_lib.training.state import State, named_parameters

# Where the model keeps the format of each part.
FORMATS: dict[str, tuple[type[nn.Module], str]] = {
    "weights": (QuantLinear, "weight_format"),
    "activations": (QuantLinear, "input_format"),
    "kv_cache": (Block, "cache_format"),
    "queries": (Block, "query_format"),
}


@dataclass(frozen=True)
class Share:
    """The part of each batch that process `rank` of `world` takes; by default all.

    >>> Share(1, 2).of(torch.arange(4)).tolist()
    [1, 3]
    """

    rank: int = 0
    world: int = 1

    def of(self, order: Tensor) -> Tensor:
        """Its windows, of all along the last axis."""
        return order[..., self.rank :: self.world]

    def average(self, x: Tensor) -> None:
        """Mean of a tensor over the processes, in place."""
        if self.world > 1:
            dist.all_reduce(x)
            x /= self.world


ALONE = Share()


class Lanes:
    """Models in training side by side, with the state of their optimizers.

    A step takes no argument and reads nothing back, so that a CUDA graph can replay it.

    `model`: shape of every lane, and precision where all have one; `configs`: one a
    lane; they may differ in rate, schedule, seed, weight decay and in the width of
    integers; `states`: where each lane starts. `tokens`: training tokens, on the device
    (of int, shape (n,)); `order`: where in `tokens` the windows of each step start (of
    int64, shape (steps, lanes, batch)); `share`: part of each batch that this process
    takes.

    Its ``weights``, ``first`` and ``second`` have shape (lanes, parameters): weights,
    mean gradient and mean squared gradient; ``total``, of shape (lanes,), is the sum of
    the losses since it was set to zero.

    >>> from precision_lib.model.config import ModelConfig
    >>> config = RunConfig(ModelConfig(16, 1, 2, 32), tokens=4096)
    >>> model = Transformer(config.model, config.precision)
    >>> order = torch.zeros(config.steps, 1, 16, dtype=torch.int64)
    >>> tokens = torch.zeros(129, dtype=torch.int16)
    >>> lanes = Lanes(model, [config], [State.of(model)], tokens, order)
    >>> bool(lanes.step() > lanes.step())
    True
    """

    def __init__(
        self,
        model: Transformer,
        configs: Sequence[RunConfig],
        states: Sequence[State],
        tokens: Tensor,
        order: Tensor,
        share: Share = ALONE,
    ):
        self.model, self.config, self.share = model, configs[0], share
        model.reach(self.config.sequence)
        self.weights = torch.stack([s.weights for s in states])
        self.first = torch.stack([s.first for s in states])
        self.second = torch.stack([s.second for s in states])
        self.total = self.weights.new_zeros(len(configs))
        codes = lane_widths(model, [config.precision for config in configs])
        self.widths = {name: self.weights.new_tensor(c) for name, c in codes.items()}
        self.tokens, self.order = tokens, share.of(order)
        self.offsets = torch.arange(self.config.sequence + 1, device=tokens.device)
        self.at = torch.zeros(1, dtype=torch.int64, device=tokens.device)
        rates = [[learning_rate(t, c) for c in configs] for t in range(len(order))]
        self.rates = self.weights.new_tensor(rates)[..., None]  # (steps, lanes, 1)
        is_matrix = [p.new_full((p.numel(),), p.dim() > 1) for p in model.parameters()]
        decay = self.weights.new_tensor([c.weight_decay for c in configs])
        self.decay = torch.outer(decay, torch.cat(is_matrix))
        gradients: Any = torch.vmap(self._gradient)
        how = compiled if self.config.compiles else lambda function: function
        self._gradients, self._adamw = how(gradients), how(self._update)

    def step(self) -> Tensor:
        """One update of every lane; returns their losses before it, shape (lanes,)."""
        starts = self.order.index_select(0, self.at)[0]  # (lanes, batch)
        rows = self.tokens[starts[..., None] + self.offsets]  # (lanes, batch, time + 1)
        rows = rows.long()  # here: of int16 targets the compiler makes scalar code
        gradients, losses = self._gradients(self.weights, self.widths, rows)
        self.share.average(gradients)
        self.share.average(losses)
        norms = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        rates = self.rates.index_select(0, self.at)[0]  # (lanes, 1)
        self.at += 1
        self.total += losses
        self._adamw(gradients, norms, rates)
        return losses

    def _gradient(
        self, weights: Tensor, widths: dict[str, Tensor], rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Gradient and loss of one lane, means over its micro-batches."""
        parts = rows.split(self.config.micro_batch or len(rows))
        pairs = [grad_and_value(self._loss)(weights, widths, part) for part in parts]
        gradient, loss = (sum(of_parts) for of_parts in zip(*pairs, strict=True))
        return gradient / len(parts), loss / len(parts)

    def _loss(self, weights: Tensor, widths: dict[str, Tensor], rows: Tensor) -> Tensor:
        tensors = named_parameters(self.model, weights) | widths
        with _autocast(self.config):
            return functional_call(self.model, tensors, (rows,))

    def _update(self, gradients: Tensor, norms: Tensor, rates: Tensor) -> None:
        """AdamW (https://arxiv.org/abs/1711.05101) on clipped gradients, in place."""
        config, t = self.config, self.config.before[0] + self.at.double()
        clipped = gradients * (config.gradient_clip / (norms + 1e-6)).clamp(max=1)
        self.first.lerp_(clipped, 1 - config.beta1)
        self.second.lerp_(clipped.square(), 1 - config.beta2)
        bias1, bias2 = ((1 - b**t).to(rates) for b in (config.beta1, config.beta2))
        spread = (self.second / bias2).sqrt() + config.epsilon
        self.weights.mul_(1 - rates * self.decay)
        self.weights.sub_(rates / bias1 * self.first / spread)


def lane_widths(
    model: Transformer, precisions: Sequence[Precision]
) -> dict[str, list[int]]:
    """Largest codes, one a lane, of each rounding in which the lanes differ.

    By the name of the buffer of `model` that holds it: a `LaneInt` takes the place of
    the format that is fixed.

    >>> from precision_lib.model.config import ModelConfig
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> lane_widths(model, [Precision(), Precision(kv_cache="int4")])
    {'blocks.0.cache_format.top': [0, 7]}
    """
    found = {}
    for part, (kind, attribute) in FORMATS.items():
        codes = differing([getattr(precision, part) for precision in precisions])
        for name, module in [*model.named_modules()] if codes else []:
            if isinstance(module, kind):
                setattr(module, attribute, LaneInt())
                found[f"{name}.{attribute}.top"] = codes
    return found


def _autocast(config: RunConfig) -> AbstractContextManager[Any]:
    if config.dtype != "bfloat16":
        return nullcontext()
    return torch.autocast(torch.device(config.device).type, torch.bfloat16)
