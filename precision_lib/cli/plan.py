"""The command that says whether planned runs can identify a law."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from precision_lib.cli.options import (
    AsJson,
    Columns,
    ParametersUnit,
    Runs,
    Seed,
    TokensUnit,
    Where,
)
from precision_lib.cli.output import emit_json, number, show_notes, show_table, working
from precision_lib.cli.reading import Reading
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.decide.plan import JudgedPlan
    from precision_lib.laws import Law

CANNOT = 1  # exit status where the plan cannot identify the law


def plan(
    runs: Runs,
    law: Annotated[str, typer.Option(help="Its name; see the command laws.")],
    noise: Annotated[
        float, typer.Option(help="Of one run, as a share of the loss: 0.005.")
    ],
    constants: Annotated[
        str | None,
        typer.Option(help="A fit to plant, or paper, or ours; typical ones without."),
    ] = None,
    columns: Columns = None,
    where: Where = None,
    parameters_unit: ParametersUnit = "1",
    tokens_unit: TokensUnit = "1",
    tables: Annotated[int, typer.Option(min=1, help="Planted, and fitted.")] = 20,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Say whether runs that are only planned can tell the constants of a law.

    RUNS has a row a planned run: N, D, and the bits that the law reads. Status 1 where
    the plan cannot identify the law.
    """
    from precision_lib.decide.plan import judge_plan
    from precision_lib.laws import get_law

    kind = get_law(law)
    reading = Reading(columns, where, parameters_unit, tokens_unit)
    table = reading.read(runs, [kind], planned=True).table
    with working(f"Planting {tables} tables of {len(table)} runs"):
        found = judge_plan(table, kind, _planted(kind, constants), noise, tables, seed)
    _show(found, as_json)
    if found.objections:
        raise typer.Exit(CANNOT)


def _planted(law: type[Law], source: str | None) -> dict[str, float]:
    from precision_lib.cli.sources import laws_of
    from precision_lib.laws import planted_params

    if source is None:
        return planted_params(law)
    known = laws_of(source)
    for each in known:
        if each.law is law:
            return dict(each.params)
    held = " and ".join(each.law.name for each in known)
    raise UserError(
        f"--constants: {source} holds no fit of the law {law.name!r} but of {held}."
    )


def _show(found: JudgedPlan, as_json: bool) -> None:
    if as_json:
        emit_json(asdict(found))
        return
    yes = f"Yes: {found.runs} runs can identify {found.law} at noise {found.noise:g}."
    no = f"No: {found.runs} runs cannot identify {found.law} at noise {found.noise:g}."
    typer.echo(no if found.objections else yes)
    show_notes(found.objections)
    rows = [
        [
            name,
            number(value),
            f"{found.error[name]:.2g}",
            f"{found.recovered[name]:.0%}",
        ]
        for name, value in found.truth.items()
        if name in found.error
    ]
    if rows:
        head = ["planted", "value", "standard error, share", "brought back"]
        show_table("What the runs would tell of each constant", head, rows)
