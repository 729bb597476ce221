"""Run a command-line app so that a user's mistake ends in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import typer

from precision_lib.errors import UserError


def make_app(commands: Iterable[Callable[..., None]]) -> typer.Typer:
    """An app of these commands.

    >>> make_app([]).info.no_args_is_help
    True
    """
    app = typer.Typer(
        name="python -m precision_lib",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Scaling laws for precision: train, fit, compare, decide.",
    )
    for command in commands:
        app.command()(command)
    return app


def run(app: typer.Typer) -> None:
    """Run `app`; a UserError becomes one line on stderr and exit status 2."""
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(2) from None
