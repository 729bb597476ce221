"""Commands that make and check the run tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.training.config import RunConfig

EngineName = Literal["local", "ray"]
OUT = Path(".cache/runs")
ANOTHER_MACHINE = 0.05  # nats; measured up to .02, and .03 from seed to seed


def _there(plan: Path) -> Path:
    """A plan that is not there is said before anything heavy is imported."""
    if not plan.is_file():
        raise UserError(f"{plan}: there is no such file; check the path.")
    return plan


Plan = Annotated[
    Path, typer.Argument(callback=_there, help="A plan file, such as in data/plans.")
]
Tables = Annotated[
    Path | None, typer.Option(help="Folder of the tables; else that of the plan.")
]


def corpus(
    name: Annotated[
        str,
        typer.Argument(
            help="default, a variant (half, api, ...), a folder, or hub:NAME"
        ),
    ] = "default",
) -> None:
    """Make the token arrays, or find them in the cache, and describe them."""
    from precision_lib.text.loading import load_corpus

    tokens = load_corpus(name)
    typer.echo(f"{tokens.name}: {len(tokens.train):,} training tokens")
    typer.echo(f"validation: {tokens.validation.shape[0]} windows of 128 tokens")
    typer.echo(f"sources: {', '.join(tokens.sources)}")
    typer.echo(f"digest: {tokens.digest}")


def sweep(
    plan: Plan,
    dry_run: Annotated[bool, typer.Option(help="Only say what it would cost.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once on this machine.")] = 1,
    engine: Annotated[EngineName, typer.Option(help="Where runs are done.")] = "local",
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = OUT,
    data: Tables = None,
    ray_address: Annotated[
        str | None, typer.Option(help="host:port of a Ray cluster, or auto.")
    ] = None,
    cpus_per_run: Annotated[float, typer.Option(min=0, help="With Ray.")] = 1,
    gpus_per_run: Annotated[float, typer.Option(min=0, help="With Ray.")] = 0,
) -> None:
    """Train the runs of a plan that are not done yet; it can be stopped and resumed."""
    from precision_lib.paths import label, tables_of
    from precision_lib.sweep.engines import LocalEngine
    from precision_lib.sweep.plans import read_plan
    from precision_lib.sweep.preflight import check_sizes
    from precision_lib.sweep.price import prices
    from precision_lib.sweep.ray_engine import RayEngine
    from precision_lib.sweep.runner import run_sweep
    from precision_lib.sweep.stacks import open_runs

    read, data = read_plan(plan), data or tables_of(plan)
    configs, folder = read.configs(), out / label(plan)
    todo = open_runs(configs, folder, data)
    done = {c.run_id for c in configs} - {c.run_id for c in todo}
    typer.echo(f"{read.name}: {len(configs)} runs, {len(done)} done")
    check_sizes(todo)
    if not todo:
        return
    if dry_run:
        typer.echo(_cost(todo, prices(todo, jobs), jobs))
        return
    where: LocalEngine | RayEngine = LocalEngine(jobs)
    if engine == "ray":
        where = RayEngine(ray_address, jobs, cpus=cpus_per_run, gpus=gpus_per_run)
    priced = prices(todo, jobs)
    typer.echo(_cost(todo, priced, where.slots))
    count = run_sweep(
        todo, read.name, read.role, folder, data, engine=where, prices=priced
    )
    typer.echo(f"trained {count}; records in {folder}")


def _cost(todo: list[RunConfig], priced: dict[str, float], slots: int) -> str:
    """What the runs cost, in a line for each kind of machine."""
    from precision_lib.sweep.progress import in_words, time_left

    longest_first = sorted(priced.values(), reverse=True)
    wall = in_words(time_left([], longest_first, slots))
    lines = []
    for device in sorted({c.device for c in todo}):
        hours = sum(priced[c.run_id] for c in todo if c.device == device) / 3600
        unit = "core-hours" if device == "cpu" else "GPU-hours"
        lines.append(f"price of the rest: {hours:,.2f} {unit}")
    return "\n".join([*lines, f"that is {wall} for {slots} at once"])


def collect(
    plan: Plan,
    out: Annotated[Path, typer.Option(help="Folder of the records.")] = OUT,
    data: Tables = None,
) -> None:
    """Merge the records of a sweep into the tables of --data."""
    from precision_lib.paths import label, tables_of
    from precision_lib.sweep.records import collect as merge

    data = data or tables_of(plan)
    total = merge(out / label(plan), data)
    typer.echo(f"{data / 'runs.csv'}: {total} runs")


def retrain(
    run_id: Annotated[str, typer.Argument(help="A run_id of the table runs.csv.")],
    plan: Annotated[
        Path, typer.Option(callback=_there, help="The plan that it comes from.")
    ],
    data: Tables = None,
) -> None:
    """Train one row of the table again and say how far it is from what stands there."""
    from precision_lib.paths import tables_of
    from precision_lib.runs.run_table import load_runs

    data = data or tables_of(plan)
    runs = load_runs(data / "runs.csv").set_index("run_id")
    if run_id not in runs.index:
        raise UserError(f"run '{run_id}' is not in {data / 'runs.csv'}.")
    from precision_lib.sweep.plans import read_plan  # imports torch, as the next do
    from precision_lib.text.loading import load_corpus
    from precision_lib.training.trainer import train

    configs = {c.run_id: c for c in read_plan(plan).configs()}
    if run_id not in configs:
        raise UserError(f"run '{run_id}' is not in {plan}.")
    config = configs[run_id]
    record = train(config, load_corpus(config.corpus), progress=True).record
    typer.echo(compared(runs["loss"].to_dict()[run_id], record["loss"]))


def compared(stored: float, retrained: float) -> str:
    """How far a retrained loss is from the stored one, and whether that is expected.

    >>> print(compared(4.0, 4.0))
    stored loss 4.0, retrained 4.0
    identical
    >>> print(compared(4.0, 4.004))
    stored loss 4.0, retrained 4.004
    0.004 nats apart, within what another processor or version of torch makes of the \
last digits
    """
    gap = abs(retrained - stored)
    if gap == 0:
        said = "identical"
    elif gap <= ANOTHER_MACHINE:
        said = (
            f"{gap:.2g} nats apart, within what another processor or version of torch "
            "makes of the last digits"
        )
    else:
        said = (
            f"{gap:.2g} nats apart, MORE than another processor explains "
            f"({ANOTHER_MACHINE} nats): is the row of this plan and corpus?"
        )
    return f"stored loss {stored!r}, retrained {retrained!r}\n{said}"


COMMANDS = (corpus, sweep, collect, retrain)
