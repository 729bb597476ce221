"""One cell of a reader's table, turned into a number in our unit or a fault."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from precision_lib.errors import UserError
from precision_lib.intake.faults import Fault

SIZES = ("N", "D")
LOSSES = ("loss", "post_loss", "delta")
TRAINING_BITS = ("weight_bits", "activation_bits", "kv_bits")
BITS = (*TRAINING_BITS, "post_bits")
SHAPE = ("exponent_bits", "mantissa_bits")
SHARES = ("gmse", "qat_share")  # from 0 to 1
ZERO = (*SHAPE, *SHARES)  # what may be 0
OTHERS = (*SHAPE, "block_size", "group_size", *SHARES)
LABELS = ("weight_format", "activation_format", "kv_format")
ROUNDING = ("post_bits", "post_loss", "delta")
KNOWN = (*SIZES, *LOSSES, *BITS, *OTHERS, *LABELS)
UNITS = {"1": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
LOSS_UNITS = ("nats", "bits", "perplexity")
MOST_BITS = 64
EMPTY = {"", "nan", "none", "null", "n/a", "#n/a", "na", "-"}
UNQUANTIZED = {"none", "no", "off", "unquantized", "full", "full precision",
               "full_precision", "baseline", "half", "base"}  # fmt: skip
PLAIN_BITS = 16.0  # of what is called not quantized
SAME_FORMAT = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16"}
IN_PARTS = re.compile(
    r"w(\d{1,2})[-_]?(?:a(\d{1,2})[-_]?(?:(?:kv|c)(\d{1,2}))?)?(?:[-_]?g\d+)?"
)
NAMED = re.compile(
    r"(?:u?int|fp|float|bf|bfloat|nf)[-_]?(\d{1,2})(?:[-_]?e\dm\d\w*)?"
    r"|(\d{1,2})[-_ ]?bits?"
)


@dataclass(frozen=True)
class Units:
    """What the numbers in the files mean.

    Raises UserError if there is no such unit.

    >>> Units(tokens="B").tokens
    'B'
    """

    #: parameters, tokens: "1", "K", "M", "B" or "T": what one of them stands for
    parameters: str = "1"
    tokens: str = "1"
    #: "nats" or "bits" a token, or "perplexity", the exponential of nats
    loss: str = "nats"
    #: Bits meant where a cell of training bits is empty
    blank_bits: float | None = None

    def __post_init__(self) -> None:
        for unit in (self.parameters, self.tokens):
            if unit not in UNITS:
                raise UserError(
                    f"there is no unit {unit!r}; choose from {', '.join(UNITS)}."
                )
        if self.loss not in LOSS_UNITS:
            raise UserError(
                f"there is no unit {self.loss!r} of the loss; choose from "
                f"{', '.join(LOSS_UNITS)}."
            )


def is_blank(cell: object) -> bool:
    """Whether a cell holds nothing, or a word for nothing.

    >>> is_blank(" NaN"), is_blank(None), is_blank(0)
    (True, True, False)
    """
    if isinstance(cell, str):
        return cell.strip().lower() in EMPTY
    missing = isinstance(cell, float | np.floating) and bool(np.isnan(cell))
    return missing or cell is None or type(cell).__name__ in ("NAType", "NaTType")


def read_label(cell: object) -> str:
    """The name of a format in small letters; an empty cell means not quantized.

    >>> read_label(" INT4 "), read_label(""), read_label("bfloat16")
    ('int4', 'none', 'bf16')
    """
    text = str(cell).strip().lower()
    if is_blank(cell) or (text in UNQUANTIZED and text not in SAME_FORMAT):
        return "none"
    return SAME_FORMAT.get(text, text)


def read_cell(
    cell: object, name: str, units: Units, place: str, column: str, row: int
) -> float | Fault:
    """A cell in our unit; NaN if it is empty, a fault if it is no such number.

    `cell`: as it stands in the file; `name`: our name of its column, one of `KNOWN`;
    `units`: of the file; `place`, `column`, `row`: where it stands, for the fault.

    >>> read_cell("350M", "N", Units(), "row 1", "params", 0)
    350000000.0
    """

    def fault(what: str, cure: str = "correct it or leave the row out") -> Fault:
        return Fault(place, column, str(cell), what, cure, row)

    text = str(cell).strip().lower()
    if is_blank(cell) or (name in BITS and text in UNQUANTIZED):
        if name not in TRAINING_BITS:
            return math.nan
        plain = PLAIN_BITS if text in UNQUANTIZED else math.nan
        return float(plain if units.blank_bits is None else units.blank_bits)
    if isinstance(cell, list | dict):
        what = f"holds a {'list' if isinstance(cell, list) else 'group'} of {len(cell)}"
        cure = "a curve is read from one record a step, so keep its last value alone"
        return Fault(place, column, "", what, cure, row)
    scale = {"N": units.parameters, "D": units.tokens}.get(name, "1")
    value = read_number(cell, name, scale)
    if value is None:
        return fault("is not a number", _cure(cell, name, column, scale))
    if not math.isfinite(value):
        return fault("is not finite")
    if value == -1 and name in ("group_size", "block_size"):
        cure = "it means a whole row of weights, so write their number"
        return fault("is no size", cure)
    if name in SHARES and not 0 <= value <= 1:
        return fault("is not between 0 and 1")
    if name != "delta" and (value < 0 or (value == 0 and name not in ZERO)):
        return fault("is not above zero")
    if name in BITS and value > MOST_BITS:
        return fault("is more bits than a number has")
    if name in LOSSES and units.loss == "bits":
        return value * math.log(2)
    if name in LOSSES and units.loss == "perplexity":
        if name == "delta" or value <= 1:
            return fault("is no perplexity", "give it in nats or bits")
        return math.log(value)
    return value


def is_number(text: str) -> bool:
    """Whether a text is a plain number.

    >>> is_number(" 1e6"), is_number("1_000"), is_number("int4")
    (True, False, False)
    """
    plain = r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?"
    return bool(re.fullmatch(plain, text.strip(), re.I))


def read_number(cell: object, name: str, scale: str = "1") -> float | None:
    """The number that a cell holds, times its unit, or None.

    Sizes may end in K, M, B or T; bits may be the name of a format.

    >>> read_number("1.5B", "D"), read_number("bf16", "weight_bits")
    (1500000000.0, 16.0)
    >>> [read_number("W4A16", name) for name in ("post_bits", "activation_bits")]
    [4.0, 16.0]
    """
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float | np.number):
        return _float(cell) * UNITS[scale]
    text = str(cell).strip()
    if is_number(text):
        return float(text) * UNITS[scale]
    sized = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([KMBT])", text, re.I)
    if sized and name in SIZES and scale == "1":
        return float(sized[1]) * UNITS[sized[2].upper()]
    return _bits(text.lower(), name) if name in BITS else None


def _float(cell: int | float | np.number) -> float:
    try:
        return float(cell)
    except OverflowError:
        return math.inf


def _bits(text: str, name: str) -> float | None:
    if parts := IN_PARTS.fullmatch(text):
        said = parts[{"activation_bits": 2, "kv_bits": 3}.get(name, 1)]
        return float(said) if said else None
    if plain := NAMED.fullmatch(text):
        return float(plain[1] or plain[2])
    if not re.search(r"\d", text) or not text[:1].isalpha():
        return None
    from precision_lib.formats import parse_format  # imports torch, which is slow

    try:
        found = parse_format(text)
    except UserError:
        return None
    return None if found is None else float(found.bits)


def _cure(cell: object, name: str, column: str, scale: str) -> str:
    text = str(cell).strip()
    if text == column:
        return "the header stands again in that row, remove it"
    if name in BITS:
        return "write a number such as 4, or int4, w4, W4A16, fp8, nf4, bf16 or none"
    if "," in text or "_" in text:
        return "write decimals with a point and no separator between thousands"
    if scale != "1" and re.fullmatch(r"[\d.]+\s*[KMBT]", text, re.I):
        return "name the unit in the cell or as an option, not both"
    return "write a plain number such as 3.25"
