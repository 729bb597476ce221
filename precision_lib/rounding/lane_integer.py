"""Integers whose width is a tensor: lanes of one computation may differ in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from precision_lib.formats import Int, parse_format
from precision_lib.rounding.scales import absmax, split
from precision_lib.rounding.sharing import BlockSize


class LaneInt(nn.Module):
    """The narrow grid under absmax scales, `top` codes on each side of zero.

    >>> fmt = LaneInt()
    >>> fmt.top.fill_(largest_code("int2"))
    tensor(1.)
    >>> fmt.fake_quantize(torch.tensor([0.9, -0.4, 1.0]), (3,)).tolist()
    [1.0, 0.0, 1.0]
    """

    #: Shape (); largest code, 2^(bits - 1) - 1; 0 leaves the numbers as they are. A
    #: buffer, so that ``torch.func.functional_call`` can give each lane its own.
    top: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("top", torch.zeros(()))

    def fake_quantize(self, x: Tensor, block: BlockSize) -> Tensor:
        """`x` rounded in the forward pass; every gradient passes, as nothing clips."""
        blocks, axes = split(x.detach().contiguous(), block)
        scale = absmax(blocks, axes) / self.top.clamp(min=1)
        scale = scale.clamp(min=torch.finfo(scale.dtype).tiny)
        rounded = ((blocks / scale).round() * scale).reshape(x.shape)
        values = torch.where(self.top > 0, rounded, x.detach())
        return values + (x - x.detach())  # the difference is exactly zero


def largest_code(text: str) -> int | None:
    """`top` of the format that `text` names; None if `LaneInt` cannot stand for it.

    >>> largest_code("int4"), largest_code("float32"), largest_code("int4-full")
    (7, 0, None)
    """
    fmt = parse_format(text)
    if fmt is None:
        return 0
    if isinstance(fmt, Int) and fmt.grid == "narrow":
        return int(fmt.range[1])
    return None


def differing(texts: Sequence[str]) -> list[int]:
    """Largest codes of formats that differ from lane to lane; empty if all are one.

    >>> differing(["int4", "float32"]), differing(["int4", "int4"])
    ([7, 0], [])
    """
    codes = [largest_code(text) for text in texts]
    return [] if len(set(texts)) == 1 else [code for code in codes if code is not None]
