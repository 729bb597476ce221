"""How commands speak: tables for people, JSON for programs, signs of life."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from precision_lib.errors import UserError


def emit_json(record: Mapping[str, Any]) -> None:
    """Print one JSON object; a number that does not exist becomes null.

    >>> emit_json({"N": 1e6, "r2": float("nan")})
    {
     "N": 1000000.0,
     "r2": null
    }
    """
    typer.echo(json.dumps(_plain(record), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print a table for people; the first column is text, the others numbers.

    >>> show_table("Answer", ["name", "value"], [["N", "1e6"]])
    Answer
    name   value
    ────────────
    N        1e6
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, name in enumerate(columns):
        table.add_column(name, justify="right" if position else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    console.print(title)
    console.print(table)


def show_notes(notes: Sequence[str]) -> None:
    """Print what to distrust, one line each.

    >>> show_notes(["A was not determined."])
    Note: A was not determined.
    """
    for note in notes:
        typer.echo(f"Note: {note}")


def amount(text: str) -> float:
    """The number that a user writes for parameters, tokens or costs.

    Raises UserError where the text is none.

    >>> amount("1.3B"), amount("2e10")
    (1300000000.0, 20000000000.0)
    """
    from precision_lib.intake.cells import read_number

    found = read_number(text, "N")
    if found is None:
        raise UserError(f"{text!r} is no number; write 1300000000, 1.3e9 or 1.3B.")
    return found


def number(value: float | None) -> str:
    """A number in five digits, and a dash for none.

    >>> number(1234567.0), number(0.25), number(None), number(float("nan"))
    ('1.2346e+06', '0.25', '-', '-')
    """
    if value is None or value != value:
        return "-"
    return f"{value:.5g}"


def span(interval: Sequence[float | None] | None) -> str:
    """An interval in brackets, and nothing for none.

    >>> span((1.0, 2.5)), span(None)
    ('[1, 2.5]', '')
    """
    if interval is None:
        return ""
    return f"[{number(interval[0])}, {number(interval[1])}]"


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show that work goes on, and for how long, on a terminal only.

    >>> with working("Fitting"):
    ...     print("done")
    done
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    parts = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what, total=None)
        yield


def pairs(text: str | None, option: str) -> dict[str, str]:
    """Read ``N=params,D=tokens``; a comma ends a value only before the next name.

    Raises UserError: if a part is not of the form name=value or a name comes twice.

    >>> pairs("N=params, loss=loss, nats/token", "--map")
    {'N': 'params', 'loss': 'loss, nats/token'}
    """
    found: dict[str, str] = {}
    for part in re.split(r",(?=\s*\w+\s*=|\s*$)", text or ""):
        if not part.strip():
            continue
        name, mark, value = (piece.strip() for piece in part.partition("="))
        if not (name and mark and value):
            raise UserError(
                f"{option}: {part.strip()!r} is not of the form name=value; write, "
                f"say, {option} N=params,D=tokens."
            )
        if name in found:
            raise UserError(f"{option} gives {name!r} twice; give it once.")
        found[name] = value
    return found


def refuse_unused(ctx: typer.Context, names: Collection[str], by: str) -> None:
    """An option that was given and changes nothing is an error.

    Raises UserError: one of `names` stands on the command line.

    >>> app = typer.Typer()
    >>> @app.command()
    ... def command(ctx: typer.Context, size: int = 1, bits: int = 4) -> None:
    ...     refuse_unused(ctx, {"size"}, "a law without sizes")
    >>> app(["--bits", "3"], standalone_mode=False)
    >>> app(["--size", "3"], standalone_mode=False)
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: --size is not used by a law without sizes; leave \
it out.
    """
    for option in ctx.command.params:
        source = ctx.get_parameter_source(option.name or "")
        if option.name in names and source and source.name == "COMMANDLINE":
            raise UserError(f"{option.opts[0]} is not used by {by}; leave it out.")


def numbers(text: str | None, option: str) -> dict[str, float]:
    """Read ``kv_bits=16,block_size=128`` with numbers behind the marks.

    Raises UserError: if a value is not a number.

    >>> numbers("kv_bits=16", "--set")
    {'kv_bits': 16.0}
    """
    found = {}
    for name, value in pairs(text, option).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise UserError(
                f"{option}: {value!r}, given for {name}, is not a number; write a "
                "plain number such as 16."
            ) from None
    return found


def bits_list(text: str, option: str) -> list[float]:
    """Read ``3,4,8``; UserError if a part is no number above zero.

    >>> bits_list("3,4", "--bits")
    [3.0, 4.0]
    """
    try:
        found = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if not found or any(not 0 < bits < math.inf for bits in found):
        raise UserError(
            f"{option}: {text!r} is not a number or a list of numbers above zero; "
            "write 4 or 3,4,8."
        )
    return found


def require_folders(*paths: Path | None) -> None:
    """Refuse places to write whose folder is not there.

    >>> require_folders(Path("a.json"), None)
    """
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.parent}; make it first.")
