"""What a number costs to store once the scales are counted."""

from __future__ import annotations

import math
from collections.abc import Sequence

Shape = Sequence[int]
SCALE_BITS = 16  # a scale is kept as a 16-bit float, as in GGUF and GPTQ files


def bits_with_scales(
    bits: float,
    block: Shape,
    shape: Shape,
    extra: float = 0,
    scale_bits: float = SCALE_BITS,
) -> float:
    """Bits a number of a tensor, with one scale (and `extra` bits) for each block.

    `bits`: bits of a number itself; `block`, `shape`: block that shares a scale, and
    shape of the tensor; `extra`, `scale_bits`: bits a block besides its scale (a zero
    point), and of the scale.

    >>> bits_with_scales(4, (1, 32), (64, 64))
    4.5
    """
    blocks = math.prod(math.ceil(n / b) for n, b in zip(shape, block, strict=True))
    return bits + (scale_bits + extra) * blocks / math.prod(shape)
