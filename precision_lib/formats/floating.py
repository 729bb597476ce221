"""Small floating-point numbers: any exponent, mantissa, bias and special codes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from precision_lib.errors import UserError
from precision_lib.formats.storage import Shape, bits_with_scales

if TYPE_CHECKING:  # a fit reads the names of formats and rounds nothing
    from torch import Tensor

Specials = Literal["", "fn", "ieee", "fnuz"]
NAME = re.compile(r"e(\d+)m(\d+)(?:b(-?\d+))?(fn|ieee|fnuz|)(-normal)?(-overflow)?")
# Exponent mask and mantissa digits of the types rounded in place, by their bytes.
_WORDS = {4: (0x7F800000, 23), 8: (0x7FF0000000000000, 52)}


@dataclass(frozen=True)
class Float:
    """A sign, `exponent` bits and `mantissa` bits; ties round to the even code.

    The codes that hold no number differ between formats of the same name:

    ======== ============================================== =====================
    specials reserved                                       known as
    ======== ============================================== =====================
    ""       nothing: every code is a number                e2m1, e2m3, e3m2 (OCP)
    "fn"     the top code of each sign is NaN               float8_e4m3fn (OCP)
    "ieee"   the top exponent is infinity and NaN           float8_e5m2, float16
    "fnuz"   the code of -0 is NaN                          float8_e4m3fnuz
    ======== ============================================== =====================

    So "e4m3" reaches 480, "e4m3fn" 448 and "e4m3ieee" 240.

    Raises UserError if the bits are out of range or the format holds no number but
    zero.

    >>> Float(2, 1).values
    (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
    """

    exponent: int  #: exponent bits, 1 to 8
    mantissa: int  #: mantissa bits, 0 to 10
    #: A code's exponent less this is the power of two. By default 2^(exponent - 1) - 1,
    #: one more for "fnuz".
    bias: int | None = None
    specials: Specials = ""  #: as above
    #: Whether exponent code 0 goes evenly down to zero. If not, it is an ordinary
    #: binade whose first code means zero.
    subnormals: bool = True
    #: Whether numbers too large become the largest; if not, infinity or NaN. Under
    #: absmax scaling none are.
    saturate: bool = True

    def __post_init__(self) -> None:
        if self.exponent not in range(1, 9) or self.mantissa not in range(11):
            raise UserError(
                f"no floating-point format with {self.exponent} exponent and "
                f"{self.mantissa} mantissa bits; take 1 to 8 and 0 to 10."
            )
        if self.specials not in get_args(Specials):
            raise UserError(
                f"unknown special codes '{self.specials}'; one of fn, ieee, fnuz or ''."
            )
        if self._top < 1 or abs(self._bias) > 127 or self._top_exponent > 127:
            raise UserError(
                f"'{self.name}' leaves no number, or has numbers beyond float32; "
                "take another exponent, bias or other special codes."
            )
        if not self.saturate and self.specials in ("", "fnuz"):
            raise UserError(
                f"'{self.name}' has no code to overflow to; let it saturate."
            )

    @property
    def name(self) -> str:
        """The text that `parse_format` turns back into this format."""
        bias = "" if self.bias is None else f"b{self.bias}"
        return (
            f"e{self.exponent}m{self.mantissa}{bias}{self.specials}"
            + ("" if self.subnormals else "-normal")
            + ("" if self.saturate else "-overflow")
        )

    @property
    def bits(self) -> int:
        """Bits of a number."""
        return 1 + self.exponent + self.mantissa

    @property
    def _bias(self) -> int:
        default = 2 ** (self.exponent - 1) - (self.specials != "fnuz")
        return default if self.bias is None else self.bias

    @property
    def _top(self) -> int:
        """The largest code that is a number, without its sign."""
        reserved = {"fn": 1, "ieee": 2**self.mantissa}.get(self.specials, 0)
        return 2 ** (self.exponent + self.mantissa) - 1 - reserved

    @property
    def _top_exponent(self) -> int:
        """Power of two of the largest number."""
        return max(self._top >> self.mantissa, self.subnormals) - self._bias

    @property
    def _low_exponent(self) -> int:
        """Power of two below which the spacing no longer shrinks."""
        return self.subnormals - self._bias

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers from zero up; the others are their negatives."""
        return (0.0, *(self._decode(code) for code in range(1, self._top + 1)))

    def _decode(self, code: int) -> float:
        field, fraction = divmod(code, 2**self.mantissa)
        hidden = field > 0 or not self.subnormals
        power = max(field, int(self.subnormals)) - self._bias
        return (hidden + fraction / 2**self.mantissa) * 2.0**power

    @property
    def largest(self) -> float:
        """The largest number."""
        return self._decode(self._top)

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest number."""
        return -self.largest, self.largest

    @property
    def levels(self) -> int:
        """How many values there are; the two zeros are one."""
        return 2 * self._top + 1

    @property
    def clips(self) -> bool:
        """Whether absmax scaling can leave a value of the block outside the grid."""
        return False

    def nearest(self, x: Tensor) -> Tensor:
        """Round to the nearest number as if the exponent had no upper end.

        Adding 1.5 · 2^(digits - mantissa) binades to x and taking them off again
        leaves the addition's own rounding to do the work, ties to even.
        """
        import torch

        if x.dtype not in (torch.float32, torch.float64) or self.exponent == 8:
            wide = torch.float64 if self.exponent == 8 else torch.float32
            return self._round(x.to(wide)).to(x.dtype)
        return self._round(x)

    def _round(self, x: Tensor) -> Tensor:
        import torch

        mask, digits = _WORDS[x.itemsize]
        word = torch.int32 if x.itemsize == 4 else torch.int64
        binade = (x.view(word) & mask).view(x.dtype)
        binade = binade.clamp(min=2.0**self._low_exponent)
        shift = binade * (1.5 * 2.0 ** (digits - self.mantissa))
        rounded = (x + shift) - shift
        if self.mantissa == 0:  # of two powers of two the even code, not the larger
            power = torch.frexp(binade).exponent - 1
            down = (x.abs() == 1.5 * binade) & ((power + self._bias) % 2 == 0)
            rounded = torch.where(down, x.sign() * binade, rounded)
        if not self.subnormals and self.mantissa:
            lowest = self._decode(1)
            tiny = torch.where(x.abs() > lowest / 2, x.sign() * lowest, 0.0)
            rounded = torch.where(x.abs() < lowest, tiny, rounded)
        return rounded

    def cast(self, x: Tensor) -> Tensor:
        """`x` as this format holds it, without a scale.

        >>> import torch
        >>> Float(4, 3, specials="fn").cast(torch.tensor([1.06, 500.0])).tolist()
        [1.0, 448.0]
        """
        import torch

        most = min(4 * self.largest, torch.finfo(x.dtype).max)
        rounded = self.nearest(x.clamp(-most, most))
        if self.saturate:
            return rounded.clamp(*self.range)
        over = rounded.abs() > self.largest
        beyond = torch.inf if self.specials == "ieee" else torch.nan
        return torch.where(over, rounded.sign() * beyond, rounded)

    def bits_per_parameter(self, block: Shape, shape: Shape) -> float:
        """Stored bits a number, its share of 16-bit scales included.

        >>> Float(2, 1).bits_per_parameter((1, 128), (8, 256))
        4.125
        """
        return bits_with_scales(self.bits, block, shape)


def parse_float(text: str) -> Float | None:
    """The floating-point format that `text` names, None if it names another kind.

    >>> parse_float("e4m3b11fnuz").largest, parse_float("int4")
    (30.0, None)
    """
    match = NAME.fullmatch(text)
    if not match:
        return None
    exponent, mantissa, bias, specials, normal, overflow = match.groups()
    return Float(
        int(exponent),
        int(mantissa),
        None if bias is None else int(bias),
        specials,  # type: ignore[arg-type]
        subnormals=not normal,
        saturate=not overflow,
    )
