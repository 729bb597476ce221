"""Number formats: which values a number may take, before any scale is chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from precision_lib.errors import UserError

Grid = Literal["full", "narrow", "no_clipping", "asymmetric", "paper"]
HIGH_PRECISION = "float32"
HIGH_PRECISION_BITS = 32


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
    ============== ========================== ====================================

    The paper gives its integers (section 2.1) but not its scale; "paper" takes
    the one under which both end points are used. "narrow" is symmetric and
    clips nothing, which makes it the default.

    Raises
    ------
    UserError
        If `bits` is not a whole number from 1 to 16 or `grid` is unknown.

    Examples
    --------
    >>> Int(4).range, Int(4, "full").range, Int(2).range
    ((-7, 7), (-8, 7), (-1, 1))
    """

    bits: int
    grid: Grid = "narrow"

    def __post_init__(self) -> None:
        if self.grid not in get_args(Grid):
            raise UserError(
                f"unknown grid '{self.grid}'; one of {', '.join(get_args(Grid))}."
            )
        if isinstance(self.bits, bool) or self.bits not in range(1, 17):
            raise UserError(f"integer bits must be 1 to 16, not {self.bits!r}.")
        if self.bits == 1 and self.grid == "narrow":
            raise UserError(
                "1 bit on the narrow grid holds only zero; use 2 bits or another grid."
            )

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest integer."""
        if self.grid == "asymmetric":
            return 0, 2**self.bits - 1
        half = 2 ** (self.bits - 1)
        return (1 - half if self.grid == "narrow" else -half), half - 1

    @property
    def clips(self) -> bool:
        """Whether a value of the block itself can round to outside the grid."""
        keeps = self.grid == "narrow" or (self.grid == "no_clipping" and self.bits > 1)
        return not keeps

    @property
    def name(self) -> str:
        """The text that `parse_format` turns back into this format."""
        return f"int{self.bits}" + ("" if self.grid == "narrow" else f"-{self.grid}")


Format = Int


def parse_format(text: str) -> Format | None:
    """The format that `text` names; None for "float32", which quantizes nothing.

    Raises
    ------
    UserError
        If no format has this name.

    Examples
    --------
    >>> parse_format("int4"), parse_format("int3-full"), parse_format("float32")
    (Int(bits=4, grid='narrow'), Int(bits=3, grid='full'), None)
    """
    if text == HIGH_PRECISION:
        return None
    match = re.fullmatch(r"int(\d+)(?:-(\w+))?", text)
    if not match:
        raise UserError(
            f"unknown format '{text}'; write '{HIGH_PRECISION}' or 'intB' with B from "
            "1 to 16, and '-GRID' behind it for another grid than narrow."
        )
    return Int(int(match[1]), match[2] or "narrow")  # type: ignore[arg-type]


def bits_of(text: str) -> int:
    """Bits a number takes in the format that `text` names, scales left out.

    Examples
    --------
    >>> bits_of("int4"), bits_of("float32")
    (4, 32)
    """
    fmt = parse_format(text)
    return HIGH_PRECISION_BITS if fmt is None else fmt.bits
