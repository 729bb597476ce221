"""The commands that round models that others trained."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.errors import UserError
from precision_lib.paths import DATA

if TYPE_CHECKING:
    import pandas as pd

    from precision_lib.pretrained.language_model import Pretrained

TABLE = DATA / "pretrained.csv"
PYTHIA = "EleutherAI/pythia-70m"
STEPS = [1000, 4000, 16_000, 64_000, 143_000]


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


def _shape(calibration: str) -> str:
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", calibration):
        raise UserError(
            f"--calibration is {calibration!r}; write sequences x tokens, as 32x128."
        )
    return calibration


Methods = Annotated[list[Method], typer.Option(help="May be given several times.")]
Bits = Annotated[list[int], typer.Option(min=1, max=16, help="Width; several times.")]
Granularity = Annotated[
    str,
    typer.Option(callback=_known, help="Tensor, channel or group:G shares a scale."),
]
Windows = Annotated[
    int, typer.Option(min=8, max=512, help="Validation windows that are scored.")
]
Out = Annotated[Path, typer.Option(help="The table; rows it has stay.")]


def pretrained(
    model: Annotated[
        str, typer.Argument(help="smollm2, a folder, or a name on the hub@revision.")
    ] = "smollm2",
    method: Methods = list(Method),  # noqa: B006 (typer reads the default only)
    bits: Bits = [8, 6, 5, 4, 3, 2],  # noqa: B006
    granularity: Granularity = "channel",
    windows: Windows = 512,
    calibration: Annotated[
        str, typer.Option(callback=_shape, help="Sequences x tokens in each.")
    ] = "32x128",
    own_text: Annotated[
        bool, typer.Option(help="Calibrate on what the model writes by itself.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the calibration text.")] = 0,
    out: Out = TABLE,
) -> None:
    """Round a pretrained language model and add what it costs to a table."""
    from precision_lib.pretrained import language_model
    from precision_lib.text.loading import load_corpus

    loaded, seen = language_model.load_pretrained(model), None
    if set(method) != {Method.rtn}:
        count, length = map(int, calibration.split("x"))
        given: Any = {"shape": (count, length), "seed": seed}
        if own_text:
            seen = language_model.own_text(loaded, **given)
        else:
            corpus, tokenizer = load_corpus(), loaded.tokenizer
            seen = language_model.calibration_set(corpus, tokenizer, **given)
    how = {"granularity": granularity, "windows": windows, "calibration": seen}
    table = _extended(out, loaded, method, bits, **how)
    typer.echo(f"{out}: {len(table)} rows")


def checkpoints(
    model: Annotated[
        str,
        typer.Argument(help="A name on the hub, or a folder with a folder a revision."),
    ] = PYTHIA,
    step: Annotated[
        list[int], typer.Option(min=1, help="Of the revision stepN; several times.")
    ] = STEPS,
    tokens_per_step: Annotated[
        float, typer.Option(min=1, help="Pythia: 1,024 sequences of 2,048 tokens.")
    ] = 2_097_152,
    method: Methods = [Method.rtn],  # noqa: B006
    bits: Bits = [5, 4, 3],  # noqa: B006
    granularity: Granularity = "channel",
    windows: Windows = 512,
    out: Out = Path("checkpoints.csv"),
) -> None:
    """Round checkpoints of one training: how does the cost grow with the tokens?"""
    from precision_lib.decide import paper_degradation
    from precision_lib.pretrained.language_model import load_pretrained
    from precision_lib.pretrained.ptq_table import growth

    steps = {f"{model}@step{number}": number for number in sorted(set(step))}
    if len(steps) < 2:
        raise UserError("give --step twice or more: growth needs two checkpoints.")
    how = {"granularity": granularity, "windows": windows}
    for name, number in steps.items():
        loaded, trained = load_pretrained(name), number * tokens_per_step
        table = _extended(out, loaded, method, bits, trained=trained, **how)
    table = table[table["model"].isin(steps) & (table["granularity"] == granularity)]
    shown = ["D", "method", "post_bits", "loss", "delta"]
    typer.echo(table[shown].to_string(index=False))
    for found in growth(table).itertuples():
        typer.echo(
            f"{found.method}, {found.post_bits} bits: delta grows as D to the power "
            f"{found.gamma_D:.2f}, {found.least:.3g} to {found.most:.3g} tokens, "
            f"{found.checkpoints} checkpoints."
        )
    typer.echo(f"The paper's power is {paper_degradation().params['gamma_D']:.2f}.")


def _extended(
    out: Path, loaded: Pretrained, method: list[Method], bits: list[int], **how: Any
) -> pd.DataFrame:
    from precision_lib.pretrained.ptq_table import extend_table
    from precision_lib.text.loading import load_corpus
    from precision_lib.training.optimize import one_thread

    methods = [each.value for each in method]
    with one_thread():
        return extend_table(
            out, loaded, load_corpus(),
            methods=methods, bits=bits, progress=typer.echo, **how,
        )  # fmt: skip


COMMANDS = (pretrained, checkpoints)
