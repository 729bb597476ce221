"""Commands about laws: list, fit, compare, predict and decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli_decide import decide
from precision_lib.cli_report import (
    emit_json,
    number,
    numbers,
    pairs,
    show_notes,
    show_table,
    span,
    working,
)
from precision_lib.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from precision_lib.laws import Fit, Law

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Runs = Annotated[Path, typer.Argument(help="CSV table, one row a run.")]
Columns = Annotated[
    str | None,
    typer.Option(help="Names in the file, as in N=params,D=tokens,loss=val_loss."),
]
Where = Annotated[
    str | None, typer.Option(help='Rows to use, as in "N > 3e5 and seed == 0".')
]
Delta = Annotated[float, typer.Option(help="Where the Huber loss turns straight.")]
Starts = Annotated[int, typer.Option(min=1, help="Random starts of the fit.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of starts and replicates.")]


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
    fix: Annotated[
        str | None, typer.Option(help="Parameters to hold, as in E=1.8,n_weights=0.")
    ] = None,
    delta: Delta = 1e-3,
    starts: Starts = 50,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Replicates for 95% intervals; 0 for none.")
    ] = 0,
    cluster: Annotated[
        str | None, typer.Option(help="Draw replicates by groups of this column.")
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
    extra = [cluster] if cluster else []
    table = _read(runs, [kind], columns, where, extra)
    with working(f"Fitting {law} to {len(table)} runs"):
        found = engine.fit(
            table, kind, delta=delta, starts=starts, seed=seed,
            fixed=numbers(fix, "--fix"),
        )  # fmt: skip
    if bootstrap:
        by = table[cluster].to_numpy() if cluster else None
        with working(f"Fitting {bootstrap} resampled tables"):
            draws = engine.bootstrap(
                found, "cluster" if cluster else "pairs", bootstrap, seed, by
            )
        found = found.with_bootstrap(draws)
    if out:
        _save(found, out)
    _show_fit(found, as_json)


def _read(
    runs: Path,
    kinds: list[type[Law]],
    columns: str | None,
    where: str | None,
    extra: list[str],
) -> pd.DataFrame:
    from precision_lib.tables import read_table

    labels = {name for kind in kinds for name in kind.categories()}
    needed = [name for kind in kinds for name in (*kind.columns(), kind.target)]
    return read_table(
        runs,
        pairs(columns, "--columns"),
        [*needed, *extra],
        text={*labels, *extra},
        where=where,
        only_needed=True,
    )


def _check_folder(out: Path | None) -> None:
    if out is not None and not out.parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}; make it first.")


def _save(found: Fit, out: Path) -> None:
    try:
        found.save(out)
    except OSError as error:
        raise UserError(
            f"{out}: the fit cannot be written there ({error.strerror}); choose "
            "another file."
        ) from None


def _show_fit(found: Fit, as_json: bool) -> None:
    if as_json:
        emit_json(json.loads(found.to_json(replicates=False)))
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
    show_notes(found.warnings)


def _remark(found: Fit, name: str) -> str:
    if name in found.fixed:
        return "held"
    if name in found.tied:
        return f"= {found.tied[name]}"
    if name in found.unidentified:
        return "not identified"
    return "at its bound" if name in found.at_bound else ""


def compare() -> None:
    """Compare laws on held-out runs."""


def predict(
    fit: Annotated[Path, typer.Argument(help="A fit written with fit --out.")],
    N: Annotated[float | None, typer.Option("--N", help="Parameters.")] = None,
    D: Annotated[float | None, typer.Option("--D", help="Tokens.")] = None,
    weight_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    activation_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    kv_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    post_bits: Annotated[
        float | None, typer.Option(help="Of the weights, rounded after training.")
    ] = None,
    others: Annotated[
        str | None,
        typer.Option("--set", help="Other columns, as in weight_format=int4."),
    ] = None,
    as_json: Json = False,
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
    notes = _beyond(found, row)
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
