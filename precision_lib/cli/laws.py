"""Commands about laws and what follows from them: from fit to forecast."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.compare import compare
from precision_lib.cli.decide import decide
from precision_lib.cli.forecast import forecast
from precision_lib.cli.next_run import next_run
from precision_lib.cli.options import (
    Above,
    AsJson,
    Cluster,
    Delta,
    Drawn,
    Resample,
    Runs,
    Seed,
    Starts,
    grouped,
)
from precision_lib.cli.output import (
    emit_json,
    number,
    numbers,
    refuse_unused,
    require_folders,
    show_notes,
    show_table,
    span,
    working,
)
from precision_lib.cli.plan import plan
from precision_lib.cli.predict import predict
from precision_lib.cli.reading import Reading
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.laws import Fit, Law


def laws(as_json: AsJson = False) -> None:
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
            {name: getattr(each, name) for name in ("name", "meaning", "unit")}
            for each in law.parameters
        ],
    }


@grouped
def fit(
    ctx: typer.Context,
    runs: Runs,
    law: Annotated[str, typer.Option(help="Its name; see the command laws.")],
    *,
    reading: Reading,
    fix: Annotated[
        str | None, typer.Option(help="Parameters to hold, as in E=1.8,n_weights=0.")
    ] = None,
    delta: Delta = 1e-3,
    above: Above = 1.0,
    starts: Starts = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Replicates for 95% intervals; 0 for none.")
    ] = 0,
    resample: Drawn = Resample.auto,
    cluster: Cluster = "",
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="Write the fit as JSON to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a law to a table of runs."""
    from precision_lib import laws as engine

    kind = engine.get_law(law)
    _check(ctx, out, cluster, bootstrap)
    checked = reading.read(runs, [kind], [cluster] if cluster else [])
    table, fixed = checked.table, numbers(fix, "--fix")
    with working(f"Fitting {law} to {len(table)} runs"):
        found = engine.fit(
            table, kind, delta=delta, above=above, starts=starts, seed=seed, fixed=fixed
        )
    if bootstrap:
        kind_of, by = _drawn(table, cluster, resample)
        with working(f"Fitting {bootstrap} resampled tables"):
            draws = engine.bootstrap(found, kind_of, bootstrap, seed, by)
        found = found.with_bootstrap(draws)
    found = _judged(
        found, table, bool(fixed), seed, delta=delta, above=above, starts=starts
    )
    if out:
        engine.save_fits([found], out)
    _show_fit(found, checked.remarks, as_json)


def _drawn(table: Any, cluster: str, resample: Resample) -> tuple[Any, Any]:
    """What a replicate draws: of a table in which runs have several rows whole runs."""
    from precision_lib.laws.misfit import RUN

    if not cluster and resample is Resample.auto:
        cluster = RUN if RUN in table and table[RUN].duplicated().any() else ""
        resample = Resample.pairs
    if not cluster:
        return resample.value, None
    return "cluster", table[cluster].to_numpy()


def _judged(found: Fit, table: Any, held: bool, seed: int, **options: Any) -> Fit:
    """What is wrong with the law; with constants held, others are not tried."""
    from precision_lib.laws.misfit import RUN
    from precision_lib.laws.rivals import judged, try_rivals

    law, by = found.law.name, table[RUN].to_numpy() if RUN in table else None
    with working("Trying other laws"):
        tried = None
        if not held:  # no criteria: nothing shows them, and they take SciPy
            tried = try_rivals(table, law, by, seed=seed, criteria=False, **options)
        return judged(found, table, tried, seed)


def _check(ctx: typer.Context, out: Path | None, cluster: str, bootstrap: int) -> None:
    require_folders(out)
    if not bootstrap:
        refuse_unused(ctx, ("resample",), "a fit without --bootstrap")
    if cluster and not bootstrap:
        raise UserError("--cluster draws replicates; say how many with --bootstrap.")
    if cluster:
        refuse_unused(ctx, ("resample",), "a bootstrap with --cluster")


def _show_fit(found: Fit, remarks: Sequence[str], as_json: bool) -> None:
    if as_json:
        record = json.loads(found.to_json(replicates=False))
        emit_json({**record, "remarks": list(remarks)})
        return
    rows = [
        [name, number(value), span(found.ci.get(name)), _remark(found, name)]
        for name, value in found.params.items()
    ]
    title = f"{found.law.name}: {found.law.formula}"
    show_notes(found.misfits or [found.tried] * bool(found.tried))  # first of all
    show_table(title, ["parameter", "value", "95% interval", ""], rows)
    typer.echo(
        f"{found.n} runs, objective {found.objective:.7g}, R2 {found.r2:.4f}, "
        f"{found.share_at_best:.0%} of {found.starts} starts reached it"
    )
    if not found.ci:
        typer.echo("Intervals: add --bootstrap 1000.")
    show_notes([*remarks, *found.warnings])


def _remark(found: Fit, name: str) -> str:
    if name in found.fixed:
        return "held"
    if name in found.tied:
        return f"= {found.tied[name]}"
    if name in found.unidentified:
        return "not identified"
    return "at its bound" if name in found.at_bound else ""


COMMANDS = (laws, fit, compare, predict, decide, next_run, plan, forecast)
