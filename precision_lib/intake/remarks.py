"""What a table was taken to mean, and what looks odd in it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from precision_lib.intake.cells import BITS, KNOWN, is_number
from precision_lib.intake.raw import RawRuns


def named_bits(
    raw: RawRuns, names: Mapping[str, str], table: pd.DataFrame
) -> Iterator[str]:
    """Which names of formats were read as which bits.

    >>> raw = RawRuns("", "", pd.DataFrame({"P": ["w4", "16"]}), (), ("P",))
    >>> table = pd.DataFrame({"post_bits": [4.0, 16.0]})
    >>> list(named_bits(raw, {"post_bits": "P"}, table))
    ["Names in column 'P' were read as bits: w4 as 4."]
    """
    for name in (n for n in BITS if n in names):
        cells = zip(raw.frame[names[name]], table[name], strict=True)
        read = {
            str(cell): value
            for cell, value in cells
            if isinstance(cell, str) and not is_number(cell) and np.isfinite(value)
        }
        if read:
            said = ", ".join(
                f"{cell.strip() or 'a blank'} as {read[cell]:g}"
                for cell in sorted(read)
            )
            yield f"Names in column {names[name]!r} were read as bits: {said}."


def oddities(table: pd.DataFrame) -> Iterator[str]:
    """What looks like a wrong unit, or a row that was copied.

    >>> list(oddities(pd.DataFrame({"N": [1e6, 1e6], "loss": [3.0, 3.0]})))[0][:25]
    '1 of the 2 rows repeat an'
    """
    if table.empty:
        return
    copies = int(table.duplicated([n for n in KNOWN if n in table]).sum())
    if copies:
        yield (
            f"{copies} of the {len(table)} rows repeat another in every column that "
            "is used; a copied row counts twice."
        )
    for name, few, word in (("N", 1e4, "parameters"), ("D", 1e5, "tokens")):
        if name in table and table[name].max() < few:
            yield (
                f"The largest {name} is {table[name].max():g}, very few {word}; if "
                f"they are millions or billions, say so with --{word}-unit M or B."
            )
    if "loss" in table and table["loss"].max() > 15:
        yield (
            f"A loss of {table['loss'].max():.4g} nats a token is worse than guessing "
            "for most vocabularies; if it is a perplexity, say so with --loss-unit "
            "perplexity."
        )
