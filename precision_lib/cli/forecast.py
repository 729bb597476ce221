"""The command that forecasts the end of a run from the first part of its curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.answers import show_answer
from precision_lib.cli.options import (
    AsJson,
    Columns,
    Loss,
    LossUnit,
    Runs,
    Take,
    TokensUnit,
    Where,
    sized,
)
from precision_lib.cli.reading import Reading
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.decide.curves import Curve


def forecast(
    runs: Runs,
    D: Annotated[float, sized("--D", "Tokens at the end of the run.")],
    schedule: Annotated[
        str, typer.Option(help="Of the rate: cosine, linear, constant or wsd.")
    ],
    run: Annotated[
        str | None, typer.Option(help="Which run; the others are finished ones.")
    ] = None,
    warmup: Annotated[float, typer.Option(help="Share of the run.")] = 0.1,
    final: Annotated[float, typer.Option(help="Last rate over its peak.")] = 0.0,
    decay: Annotated[float, typer.Option(help="wsd: share of the run.")] = 0.2,
    columns: Columns = None,
    where: Where = None,
    tokens_unit: TokensUnit = "1",
    loss_unit: Loss = LossUnit.nats,
    level: Annotated[float, typer.Option(help="Of the interval.")] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Forecast the loss at the end of a run from the first part of its curve.

    RUNS has a row a step: tokens so far (D), the loss there, and the run it is of. What
    the fall of the rate gains is learnt from finished runs of the same recipe.
    """
    from precision_lib.decide.curves import Schedule, forecast as end_of

    shape = Schedule(schedule, warmup, final, decay)
    reading = Reading(
        columns, where, "1", tokens_unit, loss_unit, take=Take.all
    )  # fmt: skip
    table = reading.read(runs, columns=("D", "loss")).table
    part, finished = _curves(table, run, D)
    show_answer(end_of(part, shape, finished, level), as_json)


def _curves(table: Any, run: str | None, total: float) -> tuple[Curve, list[Curve]]:
    """The curve that is to be forecast, and those of the other runs, whole."""
    from precision_lib.decide.curves import Curve
    from precision_lib.laws.misfit import RUN

    names = table[RUN].astype(str) if RUN in table else None
    found = {}
    for name in [""] if names is None else names.unique():
        rows = table if names is None else table[names == name]
        rows = rows.sort_values("D")
        found[name] = (rows["D"].to_numpy(), rows["loss"].to_numpy())
    if run is None and len(found) > 1:
        raise UserError(
            f"the table holds {len(found)} runs; say with --run which one is to be "
            "forecast."
        )
    name = next(iter(found)) if run is None else run
    if name not in found:
        raise UserError(
            f"--run: there is no run {name!r}; the table holds {', '.join(found)}."
        )
    tokens, loss = found.pop(name)
    return Curve(tokens, loss, total), [Curve(d, y, d[-1]) for d, y in found.values()]
