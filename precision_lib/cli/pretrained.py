"""The command that rounds a model that others trained."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from precision_lib.errors import UserError
from precision_lib.paths import DATA

TABLE = DATA / "pretrained.csv"


class Method(StrEnum):
    """Ways to round a trained model that the table compares."""

    rtn = "rtn"
    gptq = "gptq"
    awq = "awq"


def _known(granularity: str) -> str:
    if not re.fullmatch(r"tensor|channel|group:[1-9]\d*", granularity):
        raise UserError(
            f"--granularity is {granularity!r}; write tensor, channel or group:64."
        )
    return granularity


def pretrained(
    model: Annotated[
        str, typer.Argument(help="smollm2, a folder, or a name on the hub@revision.")
    ] = "smollm2",
    method: Annotated[
        list[Method], typer.Option(help="May be given several times.")
    ] = list(Method),  # noqa: B006 (typer reads the default only)
    bits: Annotated[
        list[int], typer.Option(min=1, max=16, help="Width; several times.")
    ] = [8, 6, 5, 4, 3, 2],  # noqa: B006
    granularity: Annotated[
        str,
        typer.Option(
            callback=_known, help="Tensor, channel or group:G shares a scale."
        ),
    ] = "channel",
    seed: Annotated[int, typer.Option(help="Of the calibration text.")] = 0,
    out: Annotated[Path, typer.Option(help="The table; rows it has stay.")] = TABLE,
) -> None:
    """Round a pretrained language model and add what it costs to a table."""
    from precision_lib.pretrained.language_model import load_pretrained
    from precision_lib.pretrained.ptq_table import extend_table
    from precision_lib.text.loading import load_corpus
    from precision_lib.training.optimize import one_thread

    with one_thread():
        table = extend_table(
            out,
            load_pretrained(model),
            load_corpus(),
            methods=[each.value for each in method],
            bits=bits,
            granularity=granularity,
            seed=seed,
            progress=typer.echo,
        )
    typer.echo(f"{out}: {len(table)} rows")


COMMANDS = (pretrained,)
