"""The part of each batch that one of several processes takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class Share:
    """Process `rank` of `world`; by default the only one.

    Examples
    --------
    >>> import torch
    >>> Share(1, 2).of(torch.arange(4)).tolist(), Share().of(torch.arange(2)).tolist()
    ([1, 3], [0, 1])
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
