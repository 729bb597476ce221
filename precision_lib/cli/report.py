"""The command that turns a reader's runs into a report."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from precision_lib.cli.laws import Starts
from precision_lib.cli.output import emit_json, pairs, show_notes, working
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.intake.checks import Checked

MOST_SHOWN = 200


class Take(StrEnum):
    """Which record of a log is the run's."""

    last = "last"
    min = "min"


class LossUnit(StrEnum):
    """Unit of the loss in the file."""

    nats = "nats"
    bits = "bits"
    perplexity = "perplexity"


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
    runs: Annotated[
        Path,
        typer.Argument(help="CSV or Parquet table, JSON file, or folder of logs."),
    ],
    columns: Annotated[
        str | None,
        typer.Option(
            "--map", "--columns", help="As in N=n_params,D=tokens,loss=val_loss."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("report.html"),
    parameters_unit: Annotated[
        str, typer.Option(help="Of N in the file: 1, K, M, B or T.")
    ] = "1",
    tokens_unit: Annotated[
        str, typer.Option(help="Of D in the file: 1, K, M, B or T.")
    ] = "1",
    loss_unit: Annotated[
        LossUnit, typer.Option(help="Per token; perplexity is exp(nats).")
    ] = LossUnit.nats,
    blank_bits: Annotated[
        float | None, typer.Option(help="Training bits that an empty cell means.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help='Rows to use, as in "N > 3e5 and seed == 0".')
    ] = None,
    take: Annotated[
        Take, typer.Option(help="Of a log with many records: the last or the best.")
    ] = Take.last,
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Go on without rows with faults.")
    ] = False,
    law: Annotated[
        str, typer.Option(help="Its name; chosen by what varies without it.")
    ] = "",
    budget: Annotated[
        float | None, typer.Option(help="Training FLOP at 16 bits: (6/16) N D P.")
    ] = None,
    size: Annotated[
        float | None, typer.Option("--N", help="Model to be rounded after training.")
    ] = None,
    post_bits: Annotated[
        str | None, typer.Option(help="Bits it is rounded to, as in 3,4.")
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
        Path | None, typer.Option(help="Also write the fit, for decide and predict.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON beside writing the page.")
    ] = False,
) -> None:
    """Fit your runs, judge the fit, decide, and write it all as one page.

    RUNS may be a table with one row a run, an export of W&B's table of runs, a
    folder with one JSON log a run, or W&B's own folder.
    """
    if law:
        from precision_lib.laws import get_law

        get_law(law)
    from precision_lib.intake.cells import UNITS, Units

    for path in (out, save_fit):
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.parent}; make it first.")
    for name, value in (("--budget", budget), ("--N", size)):
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{name} is {value:g}; give a number above zero.")
    for name, unit in (
        ("--parameters-unit", parameters_unit),
        ("--tokens-unit", tokens_unit),
    ):
        if unit not in UNITS:
            raise UserError(f"{name} is {unit!r}; choose from {', '.join(UNITS)}.")
    units = Units(parameters_unit, tokens_unit, loss_unit.value, blank_bits)
    widths = _widths(post_bits)
    mapping = pairs(columns, "--map")
    checked = _checked(runs, mapping, units, where, take, [cluster] if cluster else [])
    if checked.faults and not skip_bad_rows:
        _refuse(checked)
    from precision_lib.report.build import make_report
    from precision_lib.report.page import render, write_page

    with working(f"Fitting {len(checked.table)} runs"):
        found = make_report(
            checked, units, law=law, budget=budget, size=size, post_bits=widths,
            replicates=bootstrap, resample=resample.value, by=cluster, starts=starts,
            seed=seed,
        )  # fmt: skip
        page = render(found, title, _command())
    write_page(page, out)
    if save_fit:
        found.laws[0].fit.save(save_fit)
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


def _checked(
    runs: Path,
    columns: dict[str, str],
    units: object,
    where: str | None,
    take: Take,
    extra: list[str],
) -> Checked:
    from precision_lib.intake.cells import KNOWN, Units
    from precision_lib.intake.checks import STATES, check_runs
    from precision_lib.intake.files import read_runs
    from precision_lib.runs.conditions import parse_condition

    assert isinstance(units, Units)
    named = parse_condition(where).names if where else ()
    keep = {*KNOWN, *STATES, *columns.values(), *named, *extra}
    with working(f"Reading {runs}"):
        raw = read_runs(runs, keep, columns.get("loss", "loss"), take.value)
        return check_runs(raw, columns, units, where, extra)


def _refuse(checked: Checked) -> None:
    """Say every fault, one a line, then what can be done."""
    for fault in checked.faults[:MOST_SHOWN]:
        typer.echo(fault.sentence, err=True)
    more = len(checked.faults) - MOST_SHOWN
    if more > 0:
        typer.echo(f"... and {more} faults more.", err=True)
    count = len(checked.faults)
    raise UserError(
        f"{checked.source}: {count} {'faults' if count > 1 else 'fault'} in "
        f"{checked.bad_rows} of {checked.read} rows, listed above; mend them, choose "
        "rows with --where, or go on without these with --skip-bad-rows."
    )


def _command() -> str:
    return shlex.join(["python", "-m", "precision_lib", *sys.argv[1:]])
