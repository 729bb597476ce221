"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from precision_lib.cli.output import amount, refuse_unused


def sized(name: str, meaning: str) -> Any:
    """An option for parameters, tokens or FLOP, which may be written 1.3B.

    >>> sized("--N", "Parameters.").parser("1.3B")
    1300000000.0
    """
    return typer.Option(name, parser=amount, metavar="<number>", help=meaning)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command of which a parameter that is a dataclass stands for several options.

    Each field of it is one option.

    >>> def command(fitting: Fitting) -> None:
    ...     print(fitting.bootstrap)
    >>> grouped(command)(**vars(Fitting(bootstrap=50)))
    50
    """
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {n: k for n, k in hints.items() if is_dataclass(k)}
    shown: list[tuple[str, Any, Any]] = []
    for each in inspect.signature(command).parameters.values():
        kind = groups.get(each.name)
        if kind is None:
            shown.append((each.name, hints[each.name], each.default))
            continue
        inner = get_type_hints(kind, include_extras=True)
        shown += [(f.name, inner[f.name], f.default) for f in fields(kind)]

    @wraps(command)
    def call(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{f.name: given.pop(f.name) for f in fields(kind)})
        command(**given)

    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=hint,
            default=inspect.Parameter.empty if default is MISSING else default,
        )
        for name, hint, default in shown
    ]  # fmt: skip
    call.__annotations__ = {name: hint for name, hint, _ in shown}
    call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    return call


class Take(StrEnum):
    """Which records of a curve are the run's."""

    last = "last"
    min = "min"
    all = "all"


class Resample(StrEnum):
    """How tables are drawn for the intervals."""

    auto = "auto"
    pairs = "pairs"
    residual = "residual"


class LossUnit(StrEnum):
    """Unit of the loss in the file."""

    nats = "nats"
    bits = "bits"
    perplexity = "perplexity"


Runs = Annotated[
    Path, typer.Argument(help="CSV or Parquet table, JSON file, or folder of logs.")
]
Columns = Annotated[
    str | None,
    typer.Option("--map", "--columns", help="As in N=n_params,D=tokens,loss=val_loss."),
]
Where = Annotated[
    str | None, typer.Option(help='Rows to use, as in "N > 3e5 and seed == 0".')
]
ParametersUnit = Annotated[str, typer.Option(help="Of N in the file: 1, K, M, B or T.")]
TokensUnit = Annotated[str, typer.Option(help="Of D in the file: 1, K, M, B or T.")]
Loss = Annotated[LossUnit, typer.Option(help="Per token; perplexity is exp(nats).")]
BlankBits = Annotated[
    float | None, typer.Option(help="Training bits that an empty cell or none means.")
]
TakeOption = Annotated[
    Take, typer.Option(help="Of a curve its end, its lowest loss, or every record.")
]
Skip = Annotated[
    bool, typer.Option("--skip-bad-rows", help="Go on without rows with faults.")
]
CostRule = Annotated[
    str | None,
    typer.Option(
        help="How few bits are paid: all (the paper's 6/16 N D P), max, parts, or the "
        "rates of a100, h100 or b200."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Drawn = Annotated[
    Resample,
    typer.Option(help="Draw rows, residuals, or by itself whole runs or rows."),
]
Delta = Annotated[float, typer.Option(help="Where the Huber loss turns straight.")]
Above = Annotated[
    float,
    typer.Option(
        help="What a run above the law counts, if runs may be undertuned: with 0.25 a "
        "fifth of them lies below the law, a little more where they scatter less than "
        "--delta."
    ),
]
Starts = Annotated[
    int | None,
    typer.Option(
        min=1, help="Random starts; without it 50, and 400 where few of them agree."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of starts and replicates.")]
Budget = Annotated[
    float | None, sized("--budget", "Training FLOP at 16 bits, 6 N D there.")
]
Cluster = Annotated[str, typer.Option(help="Draw groups of runs alike in this column.")]


@dataclass(frozen=True)
class Fitting:
    """How the laws of a table are chosen and fitted."""

    law: Annotated[
        str, typer.Option(help="Its name; chosen by what varies without it.")
    ] = ""
    bootstrap: Annotated[
        int, typer.Option(min=20, help="Replicates for the intervals.")
    ] = 1000
    resample: Drawn = Resample.auto
    cluster: Cluster = ""
    starts: Starts = None
    seed: Seed = 0

    def check(self, ctx: typer.Context) -> tuple[str, ...]:
        """Columns of the law that is asked for; UserError for an option too many."""
        from precision_lib.laws import get_law

        if self.cluster:
            refuse_unused(ctx, ("resample",), "a bootstrap with --cluster")
        return get_law(self.law).columns() if self.law else ()

    @property
    def extra(self) -> list[str]:
        """Columns to keep beside those that laws read."""
        return [self.cluster] if self.cluster else []

    def options(self) -> dict[str, Any]:
        """For `precision_lib.report.fitted_laws.judged_fit`.

        >>> Fitting(bootstrap=50).options()["replicates"]
        50
        """
        return {
            "replicates": self.bootstrap, "resample": self.resample.value,
            "by": self.cluster, "starts": self.starts, "seed": self.seed,
        }  # fmt: skip
