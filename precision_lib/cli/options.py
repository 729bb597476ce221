"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from precision_lib.cli.output import amount


def sized(name: str, meaning: str) -> Any:
    """An option for parameters, tokens or FLOP, which may be written 1.3B.

    Examples
    --------
    >>> sized("--N", "Parameters.").parser("1.3B")
    1300000000.0
    """
    return typer.Option(name, parser=amount, metavar="<number>", help=meaning)


class Take(StrEnum):
    """Which records of a curve are the run's."""

    last = "last"
    min = "min"
    all = "all"


class LossUnit(StrEnum):
    """Unit of the loss in the file."""

    nats = "nats"
    bits = "bits"
    perplexity = "perplexity"


Source = Annotated[
    str,
    typer.Argument(
        help="A file of fit --out or report --save-fit, or paper or paper-no-offset "
        "for the paper's printed constants, or ours for those of our runs: 3 bits and "
        "more in every part, GPTQ to 3 to 6 bits."
    ),
]
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
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Delta = Annotated[float, typer.Option(help="Where the Huber loss turns straight.")]
Above = Annotated[
    float,
    typer.Option(
        help="What a run above the law counts, if runs may be undertuned: with 0.25 a "
        "fifth of them lies below the law."
    ),
]
Starts = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Random starts; without it 50, and 400 where few of them agree.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of starts and replicates.")]
