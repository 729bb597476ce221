"""Run a command-line app so that a user's mistake ends in one sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from precision_lib.errors import UserError


def make_app(registers: list[Callable[[typer.Typer], None]]) -> typer.Typer:
    """An app with the commands that each of `registers` adds.

    >>> app = make_app([lambda app: None])
    >>> app.info.no_args_is_help
    True
    """
    app = typer.Typer(
        name="python -m precision_lib",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Scaling laws for precision: train, fit, compare, decide.",
    )
    for register in registers:
        register(app)
    return app


def run(app: typer.Typer) -> None:
    """Run `app`; a UserError becomes one line on stderr and exit status 2.

    >>> run(make_app([]))  # doctest: +SKIP
    """
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"Error: {error}\n")
        raise SystemExit(2) from None
