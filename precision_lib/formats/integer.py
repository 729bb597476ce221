"""Integers: evenly spaced values under a named grid convention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from precision_lib.errors import UserError, check_known
from precision_lib.formats.storage import Shape, bits_with_scales

if TYPE_CHECKING:
    from torch import Tensor

Grid = Literal["full", "narrow", "no_clipping", "asymmetric", "paper", "midrise"]


@dataclass(frozen=True)
class Int:
    """Signed integers of `bits` bits under a named grid convention.

    With a = max|x| over the block that shares a scale:

    ============== ========================== ====================================
    grid           integers                   scale
    ============== ========================== ====================================
    "narrow"       ±(2^(b-1) - 1)             a / (2^(b-1) - 1)
    "full"         -2^(b-1) … 2^(b-1) - 1     a / ((2^b - 1) / 2)
    "paper"        -2^(b-1) … 2^(b-1) - 1     a / 2^(b-1); +a itself is clipped
    "no_clipping"  -2^(b-1) … 2^(b-1) - 1     max(max/(2^(b-1) - 1), -min/2^(b-1))
    "asymmetric"   0 … 2^b - 1, zero point    (max - min) / (2^b - 1), 0 inside
    "midrise"      halves ±1/2 … ±(2^b - 1)/2 a / ((2^b - 1) / 2); no zero
    ============== ========================== ====================================

    The paper gives its integers (section 2.1) but not its scale; "paper" takes
    the one under which both end points are used. "narrow" is symmetric and
    clips nothing, which makes it the default. "midrise" has no zero: it is for one
    bit (a sign) and for scales other than absmax; QuEST's integers are these.

    Raises UserError if `bits` is not a whole number from 1 to 16 or `grid` is unknown.

    >>> Int(4).range, Int(4, "full").range, Int(2).range
    ((-7, 7), (-8, 7), (-1, 1))
    """

    bits: int
    grid: Grid = "narrow"

    def __post_init__(self) -> None:
        check_known("grid", self.grid, get_args(Grid))
        if isinstance(self.bits, bool) or self.bits not in range(1, 17):
            raise UserError(f"integer bits must be 1 to 16, not {self.bits!r}.")
        if self.bits == 1 and self.grid == "narrow":
            raise UserError(
                "1 bit on the narrow grid holds only zero; use 2 bits or another grid."
            )

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest code."""
        if self.grid == "asymmetric":
            return 0, 2**self.bits - 1
        if self.grid == "midrise":
            return (1 - 2**self.bits) / 2, (2**self.bits - 1) / 2
        half = 2 ** (self.bits - 1)
        return (1 - half if self.grid == "narrow" else -half), half - 1

    @property
    def levels(self) -> int:
        """How many values the grid has."""
        low, high = self.range
        return int(high - low) + 1

    @property
    def clips(self) -> bool:
        """Whether absmax scaling can leave a value of the block outside the grid."""
        if self.grid == "no_clipping":
            return self.bits == 1
        return self.grid not in ("narrow", "midrise")

    @property
    def name(self) -> str:
        """The text that `parse_format` turns back into this format."""
        return f"int{self.bits}" + ("" if self.grid == "narrow" else f"-{self.grid}")

    def nearest(self, x: Tensor) -> Tensor:
        """Round to the nearest code, ties to even, beyond the ends too."""
        return (x - 0.5).round() + 0.5 if self.grid == "midrise" else x.round()

    def bits_per_parameter(self, block: Shape, shape: Shape) -> float:
        """Stored bits a number, its share of 16-bit scales and zero points included.

        >>> Int(4).bits_per_parameter((1, 64), (8, 256))
        4.25
        """
        zero_point = self.bits if self.grid == "asymmetric" else 0
        return bits_with_scales(self.bits, block, shape, zero_point)
