"""Number formats: which values a number may take, before any scale is chosen."""

from __future__ import annotations

import math
import re
from functools import lru_cache

from precision_lib.errors import UserError
from precision_lib.formats.blocks import MX_FORMATS, Block
from precision_lib.formats.floating import Float, parse_float
from precision_lib.formats.integer import Grid, Int
from precision_lib.formats.normal import NormalFloat

__all__ = [
    "HIGH_PRECISION",
    "HIGH_PRECISION_BITS",
    "Block",
    "Element",
    "Float",
    "Format",
    "Grid",
    "Int",
    "NormalFloat",
    "bits_named",
    "bits_of",
    "information",
    "parse_format",
]

HIGH_PRECISION = "float32"
HIGH_PRECISION_BITS = 32
UNQUANTIZED = {
    "float32": 32, "fp32": 32, "float16": 16, "fp16": 16, "bfloat16": 16, "bf16": 16,
    "none": 16,
}  # fmt: skip
SPELLED = r"(?:w|u?int|fp|float)[-_]?(\d{1,2})(?:a\d{1,2})?|(\d{1,2})[-_ ]?bits?"

Element = Int | Float | NormalFloat
Format = Element | Block


@lru_cache
def parse_format(text: str) -> Format | None:
    """The format that `text` names; None for "float32", which quantizes nothing.

    ==================== =====================================================
    text                 format
    ==================== =====================================================
    "intB", "intB-GRID"  `Int`: 1 to 16 bits; GRID as listed there
    "eXmY…"              `Float`: "e4m3fn", "e5m2ieee", "e2m1", "e3m0", and any
                         other; "e4m3b11fnuz" with a bias, "e4m3-normal" without
                         subnormals
    "nfB"                `NormalFloat`: 2 to 8 bits
    "mxfp4", "nvfp4", …  `Block`: also mxfp6-e2m3, mxfp6-e3m2, mxfp8-e4m3,
                         mxfp8-e5m2, mxint8; "mxfp4-ceil" and so on never clip
    ==================== =====================================================

    Raises UserError if no format has this name.

    >>> parse_format("int4"), parse_format("int3-full"), parse_format("float32")
    (Int(bits=4, grid='narrow'), Int(bits=3, grid='full'), None)
    >>> [parse_format(name).bits for name in ("e4m3fn", "nf4", "mxfp6-e2m3")]
    [8, 4, 6]
    """
    if text == HIGH_PRECISION:
        return None
    if match := re.fullmatch(r"int(\d+)(?:-(\w+))?", text):
        return Int(int(match[1]), match[2] or "narrow")  # type: ignore[arg-type]
    if match := re.fullmatch(r"nf(\d+)", text):
        return NormalFloat(int(match[1]))
    fmt = parse_float(text) or MX_FORMATS.get(text)
    if fmt is None:
        raise UserError(
            f"unknown format '{text}'; write '{HIGH_PRECISION}', 'int4', 'e4m3fn', "
            f"'nf4' or one of {', '.join(MX_FORMATS)}."
        )
    return fmt


def bits_of(text: str) -> int:
    """Bits a number takes in the format that `text` names, scales left out.

    >>> bits_of("int4"), bits_of("float32")
    (4, 32)
    """
    fmt = parse_format(text)
    return HIGH_PRECISION_BITS if fmt is None else fmt.bits


def bits_named(text: str) -> float | None:
    """Bits of a format by any common name of it, also of formats we cannot round to.

    "none" stands for the 16 bits that training without quantization takes in
    practice; None if nobody says how many bits the name means.

    >>> [bits_named(name) for name in ("int4", "bf16", "w4a16", "e4m3fn", "mine")]
    [4.0, 16.0, 4.0, 8.0, None]
    """
    if text in UNQUANTIZED:
        return float(UNQUANTIZED[text])
    if spelled := re.fullmatch(SPELLED, text):
        return float(spelled[1] or spelled[2])
    try:
        return float(bits_of(text))
    except UserError:  # a name of the reader's own
        return None


def information(fmt: Format) -> float:
    """Bits that an ideal code needs for one of the values: log2 of their number.

    >>> round(information(Int(2)), 3)  # -1, 0, 1
    1.585
    """
    return math.log2(fmt.levels)
