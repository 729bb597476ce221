"""The command that turns a reader's runs into a report."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from precision_lib.cli.options import (
    BlankBits,
    Columns,
    CostRule,
    Loss,
    LossUnit,
    ParametersUnit,
    Runs,
    Skip,
    Starts,
    Take,
    TakeOption,
    TokensUnit,
    Where,
    sized,
)
from precision_lib.cli.output import emit_json, refuse_unused, show_notes, working
from precision_lib.cli.reading import Reading
from precision_lib.errors import UserError


class Resample(StrEnum):
    """How tables are drawn for the intervals."""

    auto = "auto"
    pairs = "pairs"
    residual = "residual"


def register(app: typer.Typer) -> None:
    """Add the command to `app`.

    Examples
    --------
    >>> app = typer.Typer()
    >>> register(app)
    >>> [command.callback.__name__ for command in app.registered_commands]
    ['report']
    """
    app.command()(report)


def report(
    ctx: typer.Context,
    runs: Runs,
    columns: Columns = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    parameters_unit: ParametersUnit = "1",
    tokens_unit: TokensUnit = "1",
    loss_unit: Loss = LossUnit.nats,
    blank_bits: BlankBits = None,
    where: Where = None,
    take: TakeOption = Take.last,
    skip_bad_rows: Skip = False,
    law: Annotated[
        str, typer.Option(help="Its name; chosen by what varies without it.")
    ] = "",
    budget: Annotated[
        float | None, sized("--budget", "Training FLOP at 16 bits, 6 N D there.")
    ] = None,
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
    bootstrap: Annotated[
        int, typer.Option(min=20, help="Replicates for the intervals.")
    ] = 1000,
    resample: Annotated[
        Resample, typer.Option(help="What is drawn for a replicate.")
    ] = Resample.auto,
    cluster: Annotated[
        str, typer.Option(help="Draw groups of runs alike in this column.")
    ] = "",
    starts: Starts = None,
    seed: Annotated[int, typer.Option(min=0, help="Of starts and replicates.")] = 0,
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
    from precision_lib.laws import get_law, save_fits

    asked = get_law(law).columns() if law else ()
    for path in (out, save_fit):
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.parent}; make it first.")
    given = {"--budget": budget, "--N": size, "--D": tokens, "--measured": measured}
    for name, value in given.items():
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{name} is {value:g}; give a number above zero.")
    if cluster:
        refuse_unused(ctx, ("resample",), "a bootstrap with --cluster")
    widths = _widths(post_bits)
    if measured is not None and len(widths) != 1:
        raise UserError("--measured is a delta at one width; say which by --post-bits.")
    reading = Reading(
        columns, where, parameters_unit, tokens_unit, loss_unit, blank_bits, take,
        skip_bad_rows,
    )  # fmt: skip
    checked = reading.read(runs, extra=[cluster] if cluster else [], more=asked)
    from precision_lib.report.build import make_report
    from precision_lib.report.decisions import ROUNDING
    from precision_lib.report.page import render, write_page

    with working(f"Fitting {len(checked.table)} runs"):
        found = make_report(
            checked, reading.units, law=law, budget=budget, size=size, tokens=tokens,
            post_bits=widths, measured=measured, rule=cost_rule or "all",
            replicates=bootstrap, resample=resample.value, by=cluster, starts=starts,
            seed=seed,
        )  # fmt: skip
        page = render(found, title, _command())
    titles = {each.title for each in found.advice}
    if ROUNDING not in titles:
        of_rounding = ("size", "tokens", "post_bits", "measured")
        refuse_unused(ctx, of_rounding, "a table without rounding")
    if not any(title.startswith("Best") for title in titles):
        refuse_unused(ctx, ("budget", "cost_rule"), "a table that has no best size")
    write_page(page, out)
    if save_fit:
        save_fits([each.fit for each in found.laws], save_fit)
    if as_json:
        emit_json({**found.to_dict(), "page": str(out)})
        return
    for name, sentence in found.summary().items():
        typer.echo(f"{name}: {sentence}")
    show_notes(found.notes)
    typer.echo(f"Page: {out}")


def _widths(text: str | None) -> list[float]:
    try:
        found = [float(part) for part in (text or "").split(",") if part.strip()]
    except ValueError:
        found = [0.0]
    if any(not 0 < bits < float("inf") for bits in found):
        raise UserError(
            f"--post-bits: {text!r} is not a list of bits; write, say, 3,4."
        )
    return found


def _command() -> str:
    return shlex.join(["python", "-m", "precision_lib", *sys.argv[1:]])
