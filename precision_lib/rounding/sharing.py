"""Which elements share a scale; here, so that a config needs no torch."""

from __future__ import annotations

from precision_lib.errors import UserError
from precision_lib.formats import Block, Format

BlockSize = tuple[int, ...]  # a torch.Size is one


def block_size(granularity: str, shape: BlockSize) -> BlockSize:
    """The block that shares a scale, for a tensor of this shape.

    Raises UserError if the granularity is unknown or G does not divide the last axis.

    `granularity`: "tensor"; "channel" (one scale a row of a weight of shape (out, in));
    "token" (one scale a position: everything along the last axis); "group:G" (runs of G
    along the last axis); `shape`: shape of the tensor.

    >>> [block_size(g, (8, 64)) for g in ("tensor", "channel", "group:16")]
    [(8, 64), (1, 64), (1, 16)]
    """
    shape = tuple(shape)
    ones = (1,) * (len(shape) - 1)
    if granularity == "tensor":
        return shape
    if granularity in ("channel", "token"):
        return (*ones, shape[-1])
    name, _, size = granularity.partition(":")
    if name != "group" or not size.isdigit() or int(size) == 0:
        raise UserError(
            f"unknown granularity '{granularity}'; choose tensor, channel, token or "
            "group:G with the group size G."
        )
    if shape[-1] % int(size):
        raise UserError(f"group size {size} does not divide the axis of {shape[-1]}.")
    return (*ones, int(size))


def own_block(fmt: Format | None, block: BlockSize, shape: BlockSize) -> BlockSize:
    """The block that shares a scale of `fmt`: its own if it is a block format.

    Raises UserError if the format's block does not divide the last axis.

    >>> from precision_lib.formats import parse_format
    >>> own_block(parse_format("mxfp4"), (8, 64), (8, 64))
    (1, 32)
    """
    if not isinstance(fmt, Block):
        return block
    if shape[-1] % fmt.size:
        raise UserError(
            f"'{fmt.name}' shares a scale among {fmt.size} neighbors, which do not "
            f"divide the last axis of {shape[-1]}; take another width or format."
        )
    return (*(1 for _ in shape[:-1]), fmt.size)
