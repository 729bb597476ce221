"""Commands about laws: list, fit, compare, predict and decide."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.decide import decide
from precision_lib.cli.output import (
    emit_json,
    number,
    numbers,
    show_notes,
    show_table,
    span,
    working,
)
from precision_lib.cli.predict import predict
from precision_lib.cli.reading import (
    BlankBits,
    Columns,
    Loss,
    LossUnit,
    ParametersUnit,
    Reading,
    Runs,
    Skip,
    Take,
    TakeOption,
    TokensUnit,
    Where,
)
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.laws import Fit, Law
    from precision_lib.laws.compare import Comparison

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Delta = Annotated[float, typer.Option(help="Where the Huber loss turns straight.")]
Starts = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Random starts; without it 50, and 400 where few of them agree.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of starts and replicates.")]


class Resample(StrEnum):
    """How tables are drawn for the intervals."""

    pairs = "pairs"
    residual = "residual"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`.

    Examples
    --------
    >>> app = typer.Typer()
    >>> register(app)
    >>> [command.callback.__name__ for command in app.registered_commands]
    ['laws', 'fit', 'compare', 'predict', 'decide']
    """
    for command in (laws, fit, compare, predict, decide):
        app.command()(command)


def laws(as_json: Json = False) -> None:
    """List the laws that can be fitted, with formula, columns and parameters."""
    from precision_lib.laws import list_laws

    known = list_laws()
    if as_json:
        emit_json({"laws": [_law_record(law) for law in known]})
        return
    for law in known:
        typer.echo(f"{law.name}: {law.summary()}")
        typer.echo(f"    {law.formula}")
        typer.echo(f"    columns: {', '.join((*law.columns(), law.target))}")
        for each in law.parameters:
            unit = f" ({each.unit})" if each.unit else ""
            typer.echo(f"      {each.name:<18} {each.meaning}{unit}")
        typer.echo(f"    source: {law.source}\n")


def _law_record(law: type[Law]) -> dict[str, Any]:
    return {
        "name": law.name,
        "summary": law.summary(),
        "formula": law.formula,
        "source": law.source,
        "target": law.target,
        "columns": list(law.columns()),
        "parameters": [
            {"name": each.name, "meaning": each.meaning, "unit": each.unit}
            for each in law.parameters
        ],
    }


def fit(
    runs: Runs,
    law: Annotated[str, typer.Option(help="Its name; see the command laws.")],
    columns: Columns = None,
    where: Where = None,
    parameters_unit: ParametersUnit = "1",
    tokens_unit: TokensUnit = "1",
    loss_unit: Loss = LossUnit.nats,
    blank_bits: BlankBits = None,
    take: TakeOption = Take.last,
    skip_bad_rows: Skip = False,
    fix: Annotated[
        str | None, typer.Option(help="Parameters to hold, as in E=1.8,n_weights=0.")
    ] = None,
    delta: Delta = 1e-3,
    starts: Starts = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Replicates for 95% intervals; 0 for none.")
    ] = 0,
    resample: Annotated[
        Resample, typer.Option(help="Draw runs, or residuals if noise is even.")
    ] = Resample.pairs,
    cluster: Annotated[
        str | None, typer.Option(help="Draw groups of runs alike in this column.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write the fit as JSON to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit a law to a table of runs."""
    from precision_lib import laws as engine

    kind = engine.get_law(law)
    _check_folder(out)
    if cluster and not bootstrap:
        raise UserError("--cluster draws replicates; say how many with --bootstrap.")
    reading = Reading(
        columns, where, parameters_unit, tokens_unit, loss_unit, blank_bits, take,
        skip_bad_rows,
    )  # fmt: skip
    checked = reading.read(runs, [kind], [cluster] if cluster else [])
    table = checked.table
    with working(f"Fitting {law} to {len(table)} runs"):
        found = engine.fit(
            table, kind, delta=delta, starts=starts, seed=seed,
            fixed=numbers(fix, "--fix"),
        )  # fmt: skip
    if bootstrap:
        by = table[cluster].to_numpy() if cluster else None
        with working(f"Fitting {bootstrap} resampled tables"):
            draws = engine.bootstrap(
                found, "cluster" if cluster else resample.value, bootstrap, seed, by
            )
        found = found.with_bootstrap(draws)
    if out:
        found.save(out)
    _show_fit(found, checked.remarks, as_json)


def _check_folder(out: Path | None) -> None:
    if out is not None and not out.parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}; make it first.")


def _show_fit(found: Fit, remarks: Sequence[str], as_json: bool) -> None:
    if as_json:
        record = json.loads(found.to_json(replicates=False))
        emit_json({**record, "remarks": list(remarks)})
        return
    rows = [
        [name, number(value), span(found.ci.get(name)), _remark(found, name)]
        for name, value in found.params.items()
    ]
    title = f"{found.law.name}: {found.law.formula}"
    show_table(title, ["parameter", "value", "95% interval", ""], rows)
    typer.echo(
        f"{found.n} runs, objective {found.objective:.7g}, R2 {found.r2:.4f}, "
        f"{found.share_at_best:.0%} of {found.starts} starts reached it"
    )
    if not found.ci:
        typer.echo("Intervals: add --bootstrap 1000.")
    show_notes([*remarks, *found.warnings])


def _remark(found: Fit, name: str) -> str:
    if name in found.fixed:
        return "held"
    if name in found.tied:
        return f"= {found.tied[name]}"
    if name in found.unidentified:
        return "not identified"
    return "at its bound" if name in found.at_bound else ""


def compare(
    runs: Runs,
    laws: Annotated[str, typer.Option(help="Names, as in chinchilla,effective.")],
    hold_out: Annotated[
        str | None, typer.Option(help='Rows to predict, as in "D/N > 200".')
    ] = None,
    folds: Annotated[
        int, typer.Option(help="Without a rule: folds of cross-validation.")
    ] = 10,
    by: Annotated[
        str | None, typer.Option(help="Keep rows alike in this column in one fold.")
    ] = None,
    columns: Columns = None,
    where: Where = None,
    parameters_unit: ParametersUnit = "1",
    tokens_unit: TokensUnit = "1",
    loss_unit: Loss = LossUnit.nats,
    blank_bits: BlankBits = None,
    take: TakeOption = Take.last,
    skip_bad_rows: Skip = False,
    delta: Delta = 1e-3,
    starts: Starts = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare laws by how well they predict runs they were not fitted to."""
    from precision_lib import laws as engine
    from precision_lib.laws.compare import compare as score
    from precision_lib.runs.conditions import parse_condition, split_rows

    kinds = [engine.get_law(name.strip()) for name in laws.split(",")]
    condition = parse_condition(hold_out) if hold_out else None
    extra = [*(condition.names if condition else ()), *([by] if by else [])]
    reading = Reading(
        columns, where, parameters_unit, tokens_unit, loss_unit, blank_bits, take,
        skip_bad_rows,
    )  # fmt: skip
    checked = reading.read(runs, kinds, extra)
    table = checked.table
    if hold_out:
        split_rows(table, hold_out)  # says so if it leaves nothing on one side
    with working(f"Fitting {len(kinds)} laws to {len(table)} runs"):
        found = score(
            table,
            kinds,
            condition.mask(table) if condition else None,
            folds=folds,
            by=table[by].to_numpy() if by else None,
            seed=seed,
            delta=delta,
            starts=starts,
        )
    _show_comparison(found, hold_out, checked.remarks, as_json)


def _show_comparison(
    found: Comparison, hold_out: str | None, remarks: Sequence[str], as_json: bool
) -> None:
    scores = [asdict(each) for each in found.scores]
    if as_json:
        record = {"held_out": found.held_out, "rule": hold_out, "scores": scores}
        emit_json({**record, "warnings": [*remarks, *found.doubts]})
        return
    rows = [
        [
            each.law,
            str(each.parameters),
            f"{each.held_out_r2:.4f}",
            f"{each.held_out_error:.3%}",
            f"{each.r2:.4f}",
            f"{each.aic:.1f}",
            f"{each.bic:.1f}",
        ]
        for each in found.scores
    ]
    first = found.scores[0]
    rule = f" ({hold_out})" if hold_out else ""
    title = (
        f"{first.n} runs; predicted without having been seen: {found.held_out}{rule}"
    )
    head = ["law", "parameters", "held-out R2", "error", "R2", "AIC", "BIC"]
    show_table(title, head, rows)
    shares = ", ".join(f"{each.law} {each.lowest_share:.0%}" for each in found.scores)
    typer.echo(f"Random starts that reached the best optimum: {shares}")
    undefined = [
        f"{each.law} has no value for {each.undefined} held-out runs."
        for each in found.scores
        if each.undefined
    ]
    show_notes([*remarks, *found.doubts, *undefined])
