"""Commands that make and check the run tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA = Path(__file__).parents[1] / "data"
OUT = Path(".cache/runs")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`.

    Examples
    --------
    >>> app = typer.Typer()
    >>> register(app)
    >>> sorted(c.callback.__name__ for c in app.registered_commands)
    ['collect', 'corpus', 'retrain', 'sweep']
    """
    for command in (corpus, sweep, collect, retrain):
        app.command()(command)


def corpus(
    name: Annotated[
        str, typer.Argument(help="default, a folder, hub:NAME")
    ] = "default",
) -> None:
    """Make the token arrays, or find them in the cache, and describe them."""
    from precision_lib.corpus import load_corpus

    tokens = load_corpus(name)
    typer.echo(f"{tokens.name}: {len(tokens.train):,} training tokens")
    typer.echo(f"validation: {tokens.validation.shape[0]} windows of 128 tokens")
    typer.echo(f"sources: {', '.join(tokens.sources)}")
    typer.echo(f"digest: {tokens.digest}")


def sweep(
    plan: Annotated[Path, typer.Argument(help="A plan file, such as in data/plans.")],
    dry_run: Annotated[bool, typer.Option(help="Only say what it would cost.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes of one thread.")] = 1,
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = OUT,
    data: Annotated[Path, typer.Option(help="Folder of the tables.")] = DATA,
) -> None:
    """Train the runs of a plan that are not done yet; it can be stopped and resumed."""
    from precision_lib.plan import price, read_plan
    from precision_lib.records import finished_ids
    from precision_lib.sweep import run_sweep

    read = read_plan(plan)
    configs = read.configs()
    done = finished_ids(out / read.name, data)
    todo = [c for c in configs if c.run_id not in done]
    typer.echo(f"{read.name}: {len(configs)} runs, {len(configs) - len(todo)} done")
    if todo:
        typer.echo(f"price of the rest on this machine: {price(todo):.2f} core-hours")
    if not dry_run:
        count = run_sweep(todo, read.name, read.role, out / read.name, data, jobs)
        typer.echo(f"trained {count}; records in {out / read.name}")


def collect(
    plan: Annotated[Path, typer.Argument(help="The plan whose records are merged.")],
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = OUT,
    data: Annotated[Path, typer.Option(help="Folder of the tables.")] = DATA,
) -> None:
    """Merge the records of a sweep into the tables of --data."""
    from precision_lib.plan import read_plan
    from precision_lib.records import collect as merge

    total = merge(out / read_plan(plan).name, data)
    typer.echo(f"{data / 'runs.csv'}: {total} runs")


def retrain(
    run_id: Annotated[str, typer.Argument(help="A run_id of data/runs.csv.")],
    plan: Annotated[Path, typer.Option(help="The plan that it comes from.")],
    data: Annotated[Path, typer.Option(help="Folder of the tables.")] = DATA,
) -> None:
    """Train one row of the table again and say how far it is from what stands there."""
    from precision_lib.corpus import load_corpus
    from precision_lib.errors import UserError
    from precision_lib.plan import read_plan
    from precision_lib.runs import load_runs
    from precision_lib.train import train

    runs = load_runs(data / "runs.csv").set_index("run_id")
    configs = {c.run_id: c for c in read_plan(plan).configs()}
    if run_id not in configs or run_id not in runs.index:
        raise UserError(
            f"run '{run_id}' is not in both {plan} and {data / 'runs.csv'}."
        )
    config = configs[run_id]
    record = train(config, load_corpus(config.corpus), progress=True).record
    stored = runs["loss"].to_dict()[run_id]
    typer.echo(f"stored loss {stored!r}, retrained {record['loss']!r}")
    typer.echo("identical" if record["loss"] == stored else "NOT identical")
