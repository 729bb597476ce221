"""One cell of a reader's table, turned into a number in our unit or a fault."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from precision_lib.errors import UserError
from precision_lib.intake.files import Fault

SIZES = ("N", "D")
LOSSES = ("loss", "post_loss", "delta")
TRAINING_BITS = ("weight_bits", "activation_bits", "kv_bits")
BITS = (*TRAINING_BITS, "post_bits")
OTHERS = ("exponent_bits", "mantissa_bits", "block_size", "group_size")
LABELS = ("weight_format", "activation_format", "kv_format")
KNOWN = (*SIZES, *LOSSES, *BITS, *OTHERS, *LABELS)
UNITS = {"1": 1.0, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
LOSS_UNITS = ("nats", "bits", "perplexity")
MOST_BITS = 64
EMPTY = {"", "nan", "none", "null", "n/a", "na", "-"}


@dataclass(frozen=True)
class Units:
    """What the numbers in the files mean.

    Attributes
    ----------
    parameters, tokens : str
        "1", "K", "M", "B" or "T": what one of them stands for.
    loss : str
        "nats" or "bits" a token, or "perplexity", the exponential of nats.
    blank_bits : float or None
        Bits meant where a cell of training bits is empty.

    Raises
    ------
    UserError
        There is no such unit.

    Examples
    --------
    >>> Units(tokens="B").tokens
    'B'
    """

    parameters: str = "1"
    tokens: str = "1"
    loss: str = "nats"
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

    Examples
    --------
    >>> is_blank(" NaN"), is_blank(None), is_blank(0)
    (True, True, False)
    """
    return (
        cell is None
        or (isinstance(cell, float) and math.isnan(cell))
        or (isinstance(cell, str) and cell.strip().lower() in EMPTY)
    )


def read_label(cell: object) -> str:
    """The name of a format; an empty cell means that nothing was quantized.

    Examples
    --------
    >>> read_label(" int4 "), read_label("")
    ('int4', 'float32')
    """
    return "float32" if is_blank(cell) else str(cell).strip()


def read_cell(
    cell: object, name: str, units: Units, place: str, column: str, row: int
) -> float | Fault:
    """A cell in our unit; NaN if it is empty, a fault if it is no such number.

    Parameters
    ----------
    cell : object
        As it stands in the file.
    name : str
        Our name of its column, one of `KNOWN`.
    units : Units
        Of the file.
    place, column, row
        Where it stands, for the fault.

    Examples
    --------
    >>> read_cell("350M", "N", Units(), "row 1", "params", 0)
    350000000.0
    >>> read_cell("1,5", "loss", Units(), "row 2", "loss", 1).what
    'is not a number'
    """

    def fault(what: str, cure: str = "correct it or leave the row out") -> Fault:
        return Fault(place, column, str(cell), what, cure, row)

    if is_blank(cell):
        fills = name in TRAINING_BITS and units.blank_bits is not None
        return float(units.blank_bits or 0) if fills else math.nan
    scale = {"N": units.parameters, "D": units.tokens}.get(name, "1")
    value = read_number(cell, name, scale)
    if value is None:
        return fault("is not a number", _cure(cell, column, scale))
    if not math.isfinite(value):
        return fault("is not finite")
    if value <= 0 and name != "delta":
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


def read_number(cell: object, name: str, scale: str = "1") -> float | None:
    """The number that a cell holds, times its unit, or None.

    Sizes may end in K, M, B or T; bits may be the name of a format.

    Examples
    --------
    >>> read_number("1.5B", "D"), read_number("bf16", "weight_bits")
    (1500000000.0, 16.0)
    """
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float | np.number):
        return _float(cell) * UNITS[scale]
    text = str(cell).strip()
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf(inity)?", text, re.I):
        return float(text) * UNITS[scale]
    sized = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([KMBT])", text, re.I)
    if sized and name in SIZES and scale == "1":
        return float(sized[1]) * UNITS[sized[2].upper()]
    return _bits(text.lower()) if name in BITS else None


def _float(cell: int | float | np.number) -> float:
    try:
        return float(cell)
    except OverflowError:
        return math.inf


def _bits(text: str) -> float | None:
    plain = re.fullmatch(r"(?:u?int|fp|float|bf|bfloat)(\d{1,2})", text)
    if plain:
        return float(plain[1])
    if not re.search(r"\d", text) or not text[:1].isalpha():
        return None
    from precision_lib.formats import parse_format  # imports torch, which is slow

    try:
        found = parse_format(text)
    except UserError:
        return None
    return None if found is None else float(found.bits)


def _cure(cell: object, column: str, scale: str) -> str:
    text = str(cell).strip()
    if text == column:
        return "the header stands again in that row, remove it"
    if "," in text or "_" in text:
        return "write decimals with a point and no separator between thousands"
    if scale != "1" and re.fullmatch(r"[\d.]+\s*[KMBT]", text, re.I):
        return "name the unit in the cell or as an option, not both"
    return "write a plain number such as 3.25"
