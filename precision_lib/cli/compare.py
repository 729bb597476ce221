"""The command that compares laws on a table of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.options import AsJson, Delta, Runs, Seed, Starts, grouped
from precision_lib.cli.output import (
    emit_json,
    refuse_unused,
    show_notes,
    show_table,
    working,
)
from precision_lib.cli.reading import Reading

if TYPE_CHECKING:
    from precision_lib.laws.compare import Comparison


@grouped
def compare(
    ctx: typer.Context,
    runs: Runs,
    laws: Annotated[str, typer.Option(help="Names, as in chinchilla,effective.")],
    hold_out: Annotated[
        str | None, typer.Option(help='Rows to predict, as in "D/N > 200".')
    ] = None,
    growing: Annotated[
        str | None,
        typer.Option(help="Column, N or D: predict each value from those below it."),
    ] = None,
    folds: Annotated[
        int, typer.Option(help="Without a rule: folds of cross-validation.")
    ] = 10,
    by: Annotated[
        str | None, typer.Option(help="Keep rows alike in this column in one fold.")
    ] = None,
    *,
    reading: Reading,
    delta: Delta = 1e-3,
    starts: Starts = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Compare laws by how well they predict runs they were not fitted to."""
    from precision_lib import laws as engine
    from precision_lib.runs.conditions import parse_condition, split_rows

    kinds = [engine.get_law(name.strip()) for name in laws.split(",")]
    if hold_out or growing:
        unused = ["folds", "by", *["growing"] * bool(hold_out)]
        way = "--hold-out" if hold_out else "--growing"
        refuse_unused(ctx, unused, f"a comparison with {way}")
    condition = parse_condition(hold_out) if hold_out else None
    extra = [*(condition.names if condition else ()), *([by] if by else [])]
    checked = reading.read(runs, kinds, extra)
    table = checked.table
    options: dict[str, Any] = {"seed": seed, "delta": delta, "starts": starts}
    if hold_out:
        split_rows(table, hold_out)  # says so if it leaves nothing on one side
    elif not growing:
        options |= {"folds": folds, "by": table[by].to_numpy() if by else None}
    with working(f"Fitting {len(kinds)} laws to {len(table)} runs"):
        if growing:
            found = engine.growing_out(table, kinds, growing, **options)
        else:
            rule = condition.mask(table) if condition else None
            found = engine.compare(table, kinds, rule, **options)
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
        [each.law, str(each.parameters), f"{each.held_out_r2:.4f}",
         f"{each.held_out_error:.3%}", f"{each.r2:.4f}", f"{each.aic:.1f}",
         f"{each.bic:.1f}"] for each in found.scores
    ]  # fmt: skip
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
