"""The command that turns a reader's runs into a report."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from precision_lib.cli.options import Budget, CostRule, Fitting, Runs, grouped, sized
from precision_lib.cli.output import (
    bits_list,
    emit_json,
    refuse_unused,
    require_folders,
    show_notes,
    working,
)
from precision_lib.cli.reach import Extrapolate
from precision_lib.cli.reading import Reading
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.report.build import Report


@grouped
def report(
    ctx: typer.Context,
    runs: Runs,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    *,
    reading: Reading,
    budget: Budget = None,
    cost_rule: CostRule = None,
    size: Annotated[
        float | None, sized("--N", "Parameters of the model for PTQ.")
    ] = None,
    tokens: Annotated[float | None, sized("--D", "Its tokens.")] = None,
    post_bits: Annotated[
        str | None, typer.Option(help="Bits it is rounded to, as in 3,4.")
    ] = None,
    measured: Annotated[
        float | None, typer.Option(help="A delta of it, in nats: is it normal?")
    ] = None,
    extrapolate: Extrapolate = False,
    fitting: Fitting,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "",
    save_fit: Annotated[
        Path | None, typer.Option(help="Also write the laws, for decide and predict.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON beside writing the page.")
    ] = False,
) -> None:
    """Fit your runs, judge the fit, decide, and write it all as one page.

    RUNS may be a table with one row a run, an export of W&B's table of runs, a
    folder with one JSON log a run, or W&B's own folder.
    """
    asked = fitting.check(ctx)
    require_folders(out, save_fit)
    given = {"--budget": budget, "--N": size, "--D": tokens, "--measured": measured}
    for name, value in given.items():
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{name} is {value:g}; give a number above zero.")
    widths = bits_list(post_bits, "--post-bits") if post_bits else []
    if measured is not None and len(widths) != 1:
        raise UserError("--measured is a delta at one width; say which by --post-bits.")
    checked = reading.read(runs, extra=fitting.extra, more=asked)
    from precision_lib.report.build import make_report

    with working(f"Fitting {len(checked.table)} runs"):
        found = make_report(
            checked, reading.units, law=fitting.law, budget=budget, size=size,
            tokens=tokens, post_bits=widths, measured=measured, rule=cost_rule or "all",
            extrapolate=extrapolate, **fitting.options(),
        )  # fmt: skip
    _write(ctx, found, out, title, save_fit)
    if as_json:
        emit_json({**found.to_dict(), "page": str(out)})
        return
    for name, sentence in found.summary().items():
        typer.echo(f"{name}: {sentence}")
    show_notes(found.notes)
    typer.echo(f"Page: {out}")


def _write(
    ctx: typer.Context, found: Report, out: Path, title: str, save_fit: Path | None
) -> None:
    """The page and the laws, if every option had a meaning for these runs."""
    from precision_lib.laws import save_fits
    from precision_lib.report.decisions import BITS, COSTS
    from precision_lib.report.page import render, write_page

    command = shlex.join(["python", "-m", "precision_lib", *sys.argv[1:]])
    page = render(found, title, command)
    titles = {each.title for each in found.advice} | found.left.keys()
    if COSTS not in titles:
        of_rounding = ("size", "tokens", "post_bits", "measured")
        refuse_unused(ctx, of_rounding, "a table without rounding")
    if not any(each.startswith("Best") for each in titles):
        refuse_unused(ctx, ("budget", "cost_rule"), "a table that has no best size")
    if BITS not in titles:
        refuse_unused(ctx, ("cost_rule",), "a table in which no training bits vary")
    write_page(page, out)
    if save_fit:
        save_fits([each.fit for each in found.laws], save_fit)


COMMANDS = (report,)
