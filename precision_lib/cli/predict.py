"""The command that predicts one run from a fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.output import emit_json, number, numbers, pairs, show_notes, span
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.laws import Fit


def predict(
    fit: Annotated[Path, typer.Argument(help="A fit written with fit --out.")],
    N: Annotated[float | None, typer.Option("--N", help="Parameters.")] = None,
    D: Annotated[float | None, typer.Option("--D", help="Tokens.")] = None,
    weight_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    activation_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    kv_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    post_bits: Annotated[
        float | None, typer.Option(help="Of the weights, after PTQ.")
    ] = None,
    others: Annotated[
        str | None,
        typer.Option("--set", help="Other columns, as in weight_format=int4."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a line.")
    ] = False,
) -> None:
    """Predict the loss of one run that was never made."""
    import numpy as np

    from precision_lib.laws import Fit

    found = Fit.load(fit)
    given: dict[str, Any] = {"N": N, "D": D, "weight_bits": weight_bits}
    given |= {"activation_bits": activation_bits, "kv_bits": kv_bits}
    given |= {"post_bits": post_bits} | pairs(others, "--set")
    row = _row(found, given)
    value = float(found.predict(row)[0])
    if not np.isfinite(value):
        raise UserError(
            f"The law {found.law.name!r} has no {found.law.target} at these values; "
            "raise N, D or the bits."
        )
    interval = None
    if found.replicates:
        draws = found.predict_replicates(row)[:, 0]
        low, high = np.nanpercentile(draws, [2.5, 97.5])
        interval = (float(low), float(high))
    notes = [*_beyond(found, row), *found.doubts]
    if as_json:
        record = {"law": found.law.name, "target": found.law.target, "at": row}
        emit_json({**record, "value": value, "interval": interval, "warnings": notes})
        return
    typer.echo(f"{found.law.target} {value:.4f} nats/token {span(interval)}".rstrip())
    show_notes(notes)


def _row(found: Fit, given: dict[str, Any]) -> dict[str, list[Any]]:
    row: dict[str, list[Any]] = {}
    for name in found.law.columns():
        value = given.get(name)
        if value is None:
            plain = name in {"N", "D"} or name.endswith("_bits")
            option = f"--{name.replace('_', '-')} ..." if plain else f"--set {name}=..."
            raise UserError(
                f"The law {found.law.name!r} needs {name}; give it with {option}"
            )
        if name not in found.law.categories():
            value = numbers(f"{name}={value}", "--set")[name]
            if not 0 < value < float("inf"):
                raise UserError(f"{name} is {value:g}; give a number above zero.")
        row[name] = [value]
    return row


def _beyond(found: Fit, row: dict[str, list[Any]]) -> list[str]:
    notes = []
    for name in found.extrapolates(row):
        low, high = found.ranges[name]
        notes.append(
            f"{name} = {number(row[name][0])} lies outside the runs that were fitted "
            f"({number(low)} to {number(high)})."
        )
    return notes
