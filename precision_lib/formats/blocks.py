"""Block formats: neighbours that share a scale which is itself a small number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from precision_lib.errors import UserError
from precision_lib.formats.floating import Float
from precision_lib.formats.storage import Shape, bits_with_scales

ScaleRule = Literal["floor", "ceil", "e4m3fn"]


@dataclass(frozen=True)
class Block:
    """`size` neighbours along the last axis, elements of one small float format.

    ======== ===================================================================
    rule     scale of a block with a = max|x|
    ======== ===================================================================
    "floor"  2^(floor(log2 a) - top exponent), 8 bits (OCP microscaling, section
             6.3): up to the top quarter of a binade saturates
    "ceil"   the smallest power of two under which nothing saturates, 8 bits
    "e4m3fn" a / largest rounded to e4m3fn after one more scale for everything in
             the caller's block, so that the largest of them is 448 (NVFP4)
    ======== ===================================================================

    Sources: https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
    and https://arxiv.org/abs/2509.25149 for NVFP4.

    >>> MX_FORMATS["mxfp4"].element.name, MX_FORMATS["mxfp4"].size
    ('e2m1', 32)
    """

    name: str
    element: Float
    size: int = 32
    rule: ScaleRule = "floor"

    def __post_init__(self) -> None:
        if self.rule not in get_args(ScaleRule) or self.size < 1:
            raise UserError(
                f"no block format of size {self.size} with rule '{self.rule}'; the "
                f"rules are {', '.join(get_args(ScaleRule))}."
            )

    @property
    def bits(self) -> int:
        """Bits of an element."""
        return self.element.bits

    @property
    def levels(self) -> int:
        """How many values an element has."""
        return self.element.levels

    @property
    def clips(self) -> bool:
        """Whether its own scale can leave a value of the block outside the grid."""
        return self.rule != "ceil"

    def bits_per_parameter(self, block: Shape, shape: Shape) -> float:
        """Stored bits a number: element, its share of block scales, and for NVFP4 of
        a 32-bit scale for each of the caller's blocks.

        >>> MX_FORMATS["mxfp4"].bits_per_parameter((64, 64), (64, 64))
        4.25
        """
        own = (*(1 for _ in shape[:-1]), self.size)
        bits = bits_with_scales(self.bits, own, shape, scale_bits=8)
        if self.rule != "e4m3fn":
            return bits
        return bits_with_scales(bits, block, shape, scale_bits=32)


E4M3FN = Float(4, 3, specials="fn")
_OCP = {
    "mxfp4": Float(2, 1),
    "mxfp6-e2m3": Float(2, 3),
    "mxfp6-e3m2": Float(3, 2),
    "mxfp8-e4m3": E4M3FN,
    "mxfp8-e5m2": Float(5, 2, specials="ieee"),
    # 8-bit integers in 64ths without -128: a float whose binades are one even grid.
    "mxint8": Float(1, 6, bias=1),
}
MX_FORMATS = {
    **{name: Block(name, element) for name, element in _OCP.items()},
    **{
        f"{name}-ceil": Block(f"{name}-ceil", element, rule="ceil")
        for name, element in _OCP.items()
    },
    "nvfp4": Block("nvfp4", Float(2, 1), size=16, rule="e4m3fn"),
}
