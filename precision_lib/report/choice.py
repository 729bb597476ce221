"""Which law a table of runs can speak of: by the columns it has and what varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.cells import LABELS, TRAINING_BITS
from precision_lib.laws import get_law
from precision_lib.laws.misfit import RUN

PLAIN = 16.0  # bits from which on training is called unquantized
UNQUANTIZED = 32.0
FEW = 10  # rows below which size and data share an exponent
NOTHING = 1e-9  # for a positive constant whose term shall vanish
PART = dict(zip(TRAINING_BITS, ("weights", "activations", "kv"), strict=True))


@dataclass(frozen=True)
class Choice:
    """A law for a table, and why.

    >>> table = pd.DataFrame({"N": [1.0], "D": [2.0], "loss": [3.0]})
    >>> Choice("chinchilla", table, "No bits vary.").fixed
    {}
    """

    law: str  #: its name
    table: pd.DataFrame  #: the rows and columns that it is fitted to
    reason: str  #: in one sentence
    #: Constants that the table can say nothing about, held
    fixed: dict[str, float] = field(default_factory=dict)
    #: Column that tells runs apart where a run has several rows; empty if none
    by: str = ""


def choose(table: pd.DataFrame, law: str = "") -> list[Choice]:
    """Laws for the columns that a table has, by what varies in it.

    One law of the loss, if there is a loss, and one of the degradation, if the
    table tells of PTQ.

    Raises UserError: the law asked for needs a column that is missing.

    >>> from precision_lib.laws import planted_table
    >>> table = pd.DataFrame(planted_table("effective-weights", rows=50))
    >>> [each.law for each in choose(table)]
    ['effective-weights']
    >>> choose(table.assign(weight_bits=32.0))[0].law
    'chinchilla'
    """
    if "delta" not in table and {"loss", "post_loss"} <= set(table):
        table = table.assign(delta=table["post_loss"] - table["loss"])
    chosen = []
    asked = get_law(law) if law else None
    if asked is not None:
        chosen.append(_asked(table, law))
    if "loss" in table and (asked is None or asked.target == "delta"):
        chosen.insert(0, _of_the_loss(table))
    if "delta" in table and (asked is None or asked.target == "loss"):
        rounded = table[table["delta"].notna()]
        if "post_bits" in table and len(rounded) and law != "unified":
            chosen.append(_of_the_degradation(rounded))
    if not chosen:
        raise UserError(
            "the table tells of rounding but has no post_bits, the bits to which "
            "weights were rounded; add that column."
        )
    return chosen


def _asked(table: pd.DataFrame, name: str) -> Choice:
    law = get_law(name)
    columns = [*law.columns(), law.target]
    missing = [column for column in columns if column not in table]
    fill = [column for column in missing if column in TRAINING_BITS]
    if set(missing) - set(fill):
        raise UserError(
            f"law {name!r} needs the columns {', '.join(columns)}, and "
            f"{', '.join(sorted(set(missing) - set(fill)))} is missing; add it, or "
            "leave --law out."
        )
    rows = table.assign(**dict.fromkeys(fill, UNQUANTIZED)).dropna(subset=columns)
    if law.target == "loss" and "post_bits" in set(rows) - set(columns):
        rows = rows.drop_duplicates(columns)  # one loss before rounding to many widths
    by = _run_column(rows) if law.target != "loss" or _told(rows) else ""
    return Choice(name, rows, "You asked for it.", _silent(rows, name), by)


def _of_the_loss(table: pd.DataFrame) -> Choice:
    table = table.dropna(subset=["loss"])
    present = [name for name in TRAINING_BITS if name in table]
    varying = [name for name in present if table[name].nunique() > 1]
    formats = [name for name in LABELS if name in table and table[name].nunique() > 1]
    if varying and "qat_share" in table and table["qat_share"].nunique() > 1:
        law = "two-phases"
        reason = "The share of the tokens that was trained in few bits varies."
    elif not varying and formats:
        law, reason = _by_format(formats)
    elif not varying:
        law, reason = "chinchilla", "No precision of training varies in the table."
        if len(table) < FEW and (table[["N", "D"]].nunique() > 1).all():
            law += "-tied"
            reason += " With so few rows, size and data share one exponent."
    else:
        law, reason = _by_bits(table, varying)
    found = _asked(table, law)
    for name in found.fixed:
        if name in ("A", "B"):
            reason += f" {'N' if name == 'A' else 'D'} is the same in every row, so"
            reason += " its term is part of E."
    return replace(found, reason=reason)


def _by_format(formats: Sequence[str]) -> tuple[str, str]:
    if formats == ["weight_format"]:
        return "format-multiplier", "The format of the weights varies."
    return "format-multiplier-parts", "The formats of several parts vary."


def _by_bits(table: pd.DataFrame, varying: Sequence[str]) -> tuple[str, str]:
    parts = " and ".join(PART[name] for name in varying)
    low = {float(v) for name in varying for v in table[name].unique() if v < PLAIN}
    if len(varying) == 1:
        law = f"effective-{PART[varying[0]]}"
        reason = f"Of the bits in training, those of the {parts} vary."
    elif (table[list(varying)].nunique(axis=1) == 1).all():
        law = "effective-tied"
        reason = f"The bits of {parts} vary, always together."
        others = [n for n in TRAINING_BITS if n not in varying]
        if others:  # the law would give the parts that never vary the same bits
            law = f"effective-{PART[varying[0]]}"
            reason += f" Its constants stand for {parts} at once."
    else:
        law, reason = "effective", f"The bits of {parts} vary, each by itself."
    if len(low) <= 1:
        law += "-no-offset"
        reason += " One low width tells one number, so the law has no offset."
    return law, reason


def _of_the_degradation(table: pd.DataFrame) -> Choice:
    reason = "The loss after rounding is known at several widths."
    present = [name for name in TRAINING_BITS if name in table]
    plain = (table[present] >= PLAIN).all(axis=1) if present else None
    if plain is not None and plain.any() and not plain.all():
        reason += f" Fitted to the {int(plain.sum())} rows trained unquantized."
        table = table[plain]
    return Choice("ptq", table, reason, _silent(table, "ptq"), _run_column(table))


def _run_column(table: pd.DataFrame) -> str:
    """A name for what tells runs of several rows apart; empty where there are none."""
    if _told(table):
        return RUN
    same = [n for n in ("N", "D", "loss", *TRAINING_BITS) if n in table]
    return "run of" if table.duplicated(same).any() else ""


def _told(table: pd.DataFrame) -> bool:
    """Whether a column says that several rows are of one run."""
    return RUN in table and bool(table[RUN].duplicated().any())


def runs_of(choice: Choice) -> Any:
    """A number for each row: the run that it belongs to.

    >>> table = pd.DataFrame({"N": [1, 1, 2], "D": [5, 5, 5], "delta": [0, 1, 2]})
    >>> runs_of(Choice("ptq", table, "", by="run of")).tolist()
    [0, 0, 1]
    """
    table = choice.table
    if choice.by == RUN:
        return pd.factorize(table[RUN])[0]
    same = [name for name in ("N", "D", "loss", *TRAINING_BITS) if name in table]
    return table.groupby(same, sort=False).ngroup().to_numpy()


def _silent(table: pd.DataFrame, law: str) -> dict[str, float]:
    """Constants of a column that never varies: its term is held at nothing."""
    names = {each.name for each in get_law(law).parameters}
    fixed: dict[str, float] = {}
    for column, factor, exponent in (("N", "A", "alpha"), ("D", "B", "beta")):
        if not len(table) or table[column].nunique() > 1:
            continue
        if {factor, exponent} <= names:
            fixed |= {factor: NOTHING, exponent: 1.0}
        elif f"gamma_{column}" in names:
            fixed[f"gamma_{column}"] = NOTHING
    return fixed
