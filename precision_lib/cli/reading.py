"""The one way in which every command reads a reader's runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from precision_lib.cli.options import (
    BlankBits,
    Columns,
    Loss,
    LossUnit,
    ParametersUnit,
    Skip,
    Take,
    TakeOption,
    TokensUnit,
    Where,
)
from precision_lib.cli.output import pairs, working
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.intake.cells import Units
    from precision_lib.intake.checks import Checked
    from precision_lib.intake.raw import RawRuns
    from precision_lib.laws import Law

MOST_SHOWN = 200


@dataclass(frozen=True)
class Reading:
    """How a reader's files are to be read.

    >>> Reading("N=params").columns
    {'N': 'params'}
    """

    mapping: Columns = None
    where: Where = None
    parameters_unit: ParametersUnit = "1"
    tokens_unit: TokensUnit = "1"
    loss_unit: Loss = LossUnit.nats
    blank_bits: BlankBits = None
    take: TakeOption = Take.last
    skip_bad_rows: Skip = False

    @property
    def columns(self) -> dict[str, str]:
        """Our names to the file's.

        >>> Reading("loss=val, D=tokens").columns
        {'loss': 'val', 'D': 'tokens'}
        """
        return pairs(self.mapping, "--map")

    @property
    def units(self) -> Units:
        """What the numbers mean; UserError for a unit that there is not.

        >>> Reading(tokens_unit="B").units.tokens
        'B'
        """
        from precision_lib.intake.cells import UNITS, Units

        for name, unit in (
            ("--parameters-unit", self.parameters_unit),
            ("--tokens-unit", self.tokens_unit),
        ):
            if unit not in UNITS:
                raise UserError(f"{name} is {unit!r}; choose from {', '.join(UNITS)}.")
        if self.blank_bits is not None and not 0 < self.blank_bits < float("inf"):
            raise UserError(
                f"--blank-bits is {self.blank_bits:g}; give a number above zero."
            )
        return Units(
            self.parameters_unit, self.tokens_unit, self.loss_unit.value,
            self.blank_bits,
        )  # fmt: skip

    def read(
        self,
        runs: Path,
        laws: Sequence[type[Law]] = (),
        extra: Sequence[str] = (),
        *,
        more: Collection[str] = (),
        columns: Sequence[str] = (),
        planned: bool = False,
    ) -> Checked:
        """The runs as numbers in our units, with the columns that the laws read.

        Without laws all that a report can use is read, and `more`, or `columns` alone;
        `extra` columns are kept as they are; of `planned` runs no target is known.
        Raises UserError if a column is missing, or if rows have faults and are not to
        be skipped; the faults are on the terminal then.

        >>> Reading().read(Path("absent.csv"))
        Traceback (most recent call last):
        ...
        precision_lib.errors.UserError: absent.csv: there is no such file or folder; \
check the path.
        """
        from precision_lib.intake.cells import KNOWN
        from precision_lib.intake.checks import REPORTED, check_runs
        from precision_lib.intake.files import read_runs
        from precision_lib.laws.misfit import GROUPS, TIMES
        from precision_lib.runs.conditions import parse_condition

        given, units = self.columns, self.units
        named = parse_condition(self.where).names if self.where else ()
        of_laws = [(*law.columns(), *[law.target] * (not planned)) for law in laws]
        needed = list(dict.fromkeys([*columns, *(n for each in of_laws for n in each)]))
        reads = needed or {*REPORTED, *more}
        required = needed or ["N", "D", "loss"]
        with working(f"Reading {runs}"):
            asked = [*extra, *(n for n in named if n not in KNOWN)]
            also = [*asked, *TIMES, *GROUPS]
            raw = read_runs(runs, given, self.take.value, also)
            beside = _beside(raw, given)
            more_columns = dict.fromkeys([*extra, *beside])
            checked = check_runs(
                raw, given, units, self.where, list(more_columns), required, reads
            )
        names = {n: our for n, our in beside.items() if n not in extra}
        checked = replace(checked, table=checked.table.rename(columns=names))
        if checked.faults and not self.skip_bad_rows:
            _refuse(checked)
        if not len(checked.table):
            raise UserError(
                f"{checked.source}: none of the {checked.read} runs can be used; mend "
                "them."
            )
        return checked


def _beside(raw: RawRuns, columns: Mapping[str, str]) -> dict[str, str]:
    """Columns of times, of groups and of runs with several rows, to our names."""
    from precision_lib.intake.cells import is_blank
    from precision_lib.intake.roles import plain, roles
    from precision_lib.laws.misfit import GROUPS, RUN, TIMES

    found: dict[str, str] = {}
    for name in raw.header:
        if plain(name) in (*TIMES, *GROUPS) and plain(name) not in found.values():
            found[name] = plain(name)
    run = roles(raw.header, columns).get("run")
    if run is not None and run in raw.frame:
        cells = raw.frame[run]
        if cells.map(str).duplicated().any() and not cells.map(is_blank).any():
            found[run] = RUN
    return found


def _refuse(checked: Checked) -> None:
    """Say every kind of fault, one a line, then what can be done."""
    from precision_lib.intake.faults import grouped

    said = list(grouped(checked.faults))
    for sentence in said[:MOST_SHOWN]:
        typer.echo(sentence, err=True)
    if len(said) > MOST_SHOWN:
        typer.echo(f"... and {len(said) - MOST_SHOWN} kinds more.", err=True)
    count = len(checked.faults)
    raise UserError(
        f"{checked.source}: {count} {'faults' if count > 1 else 'fault'} in "
        f"{checked.bad_rows} of {checked.read} rows, listed above; mend them, choose "
        "rows with --where, or go on without these with --skip-bad-rows."
    )
