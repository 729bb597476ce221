"""The command that answers questions of size, tokens and bits from a fit."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.output import (
    emit_json,
    number,
    numbers,
    show_notes,
    show_table,
    span,
    working,
)
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.decide import Contour, Decision, Surface

PAPER = "paper"
PAPER_WITHOUT = "paper-no-offset"


class Question(StrEnum):
    """The questions, each with the options it needs."""

    effective_size = "effective-size"
    optimal_precision = "optimal-precision"
    allocation = "allocation"
    precision_at_size = "precision-at-size"
    critical_data = "critical-data"
    iso_loss = "iso-loss"
    serving_memory = "serving-memory"
    inference_cost = "inference-cost"


NEEDS: dict[Question, tuple[str, ...]] = {
    Question.effective_size: ("N", "D", "bits"),
    Question.optimal_precision: ("budget",),
    Question.allocation: ("budget", "bits"),
    Question.precision_at_size: ("budget", "N"),
    Question.critical_data: ("N", "post_bits"),
    Question.iso_loss: ("loss", "D", "bits"),
    Question.serving_memory: ("memory", "D"),
    Question.inference_cost: ("memory",),
}


def decide(
    fit: Annotated[
        str,
        typer.Argument(
            help=f"A fit written with fit --out, or {PAPER} or "
            f"{PAPER_WITHOUT} for the paper's printed constants."
        ),
    ],
    question: Annotated[Question, typer.Argument(help="See below.")],
    degradation: Annotated[
        str | None, typer.Option(help="A fit of a law of delta, added to the loss.")
    ] = None,
    N: Annotated[float | None, typer.Option("--N", help="Parameters.")] = None,
    D: Annotated[float | None, typer.Option("--D", help="Tokens.")] = None,
    bits: Annotated[
        str | None, typer.Option(help="Bits in training; a list for iso-loss: 3,4,8.")
    ] = None,
    post_bits: Annotated[
        float | None, typer.Option(help="Bits after rounding the trained weights.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Training FLOP at 16 bits: (6/16) N D P.")
    ] = None,
    memory: Annotated[
        float | None, typer.Option(help="Bits of weights, N times P.")
    ] = None,
    loss: Annotated[float | None, typer.Option(help="Nats per token.")] = None,
    rounded: Annotated[
        bool, typer.Option(help="serving-memory: P by rounding after training.")
    ] = False,
    held: Annotated[
        str | None, typer.Option("--set", help="Columns to hold, as in kv_bits=16.")
    ] = None,
    least_bits: Annotated[float, typer.Option(help="Fewest bits considered.")] = 1.0,
    most_bits: Annotated[float, typer.Option(help="Most bits considered.")] = 32.0,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a table.")
    ] = False,
) -> None:
    """Answer a question of size, tokens or bits from a fitted law.

    \b
    effective-size     N_eff of a model            --N --D --bits
    optimal-precision  best N, D and P             --budget
    allocation         best N and D at given bits  --budget --bits
    precision-at-size  best P and D at given N     --budget --N
    critical-data      D beyond which rounding     --N --post-bits
                       hurts more than data help
    iso-loss           N for one loss, by bits     --loss --D --bits 3,4,8
    serving-memory     best N and P for N P bits   --memory --D [--rounded]
    inference-cost     best N, D and P_post when   --memory
                       only N P_post is paid for
    """
    given = {"N": N, "D": D, "budget": budget, "memory": memory, "loss": loss}
    given["post_bits"] = post_bits
    listed = _bits_list(bits)
    _check_given(question, {**given, "bits": listed})
    known = {name: value for name, value in given.items() if value is not None}
    options: dict[str, Any] = {"level": level}
    if question in (
        Question.optimal_precision,
        Question.precision_at_size,
        Question.serving_memory,
        Question.inference_cost,
    ):
        options["bits_range"] = (least_bits, most_bits)
    if question is Question.serving_memory:
        options["rounded"] = rounded
    surface = _surface(fit, degradation, numbers(held, "--set"))
    with working(f"Searching {surface.size} sets of constants"):
        answer = _ask(question, surface, known, listed, options)
    _show(answer, as_json, surface.doubts)


def _bits_list(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(
            f"--bits: {text!r} is not a number or a list of numbers; write 4 or 3,4,8."
        ) from None


def _check_given(question: Question, given: dict[str, Any]) -> None:
    for name in NEEDS[question]:
        if given[name] is None:
            raise UserError(
                f"The question {question.value} needs --{name.replace('_', '-')}; "
                "give it a number."
            )
    several = given["bits"] is not None and len(given["bits"]) > 1
    if several and question is not Question.iso_loss:
        raise UserError(f"The question {question.value} takes one number of --bits.")


def _surface(fit: str, degradation: str | None, columns: dict[str, float]) -> Surface:
    from precision_lib.decide import paper_degradation, paper_fit, surface
    from precision_lib.laws import Fit

    printed = fit in (PAPER, PAPER_WITHOUT)
    base = paper_fit(fit == PAPER) if printed else Fit.load(fit)
    beside = None
    if degradation in (PAPER, PAPER_WITHOUT) or (printed and degradation is None):
        beside = paper_degradation((degradation or fit) == PAPER)
    elif degradation is not None:
        beside = Fit.load(degradation)
    return surface(base, beside, columns=columns)


def _ask(
    question: Question,
    surface: Surface,
    given: dict[str, float],
    bits: list[float] | None,
    options: dict[str, Any],
) -> Decision | Contour:
    from precision_lib import decide as answers

    function: Callable[..., Any] = getattr(answers, question.name)
    needed = {name: given[name] for name in NEEDS[question] if name in given}
    if question is Question.inference_cost:
        needed = {"cost": given["memory"]}
    if question is Question.iso_loss:
        needed["bits"] = bits  # type: ignore[assignment]
    elif bits is not None and question is not Question.inference_cost:
        needed["bits"] = bits[0]
    found: Decision | Contour = function(surface, **needed, **options)
    return found


def _show(answer: Decision | Contour, as_json: bool, doubts: tuple[str, ...]) -> None:
    from precision_lib.decide import Decision

    if not isinstance(answer, Decision):
        _show_contour(answer, as_json, doubts)
        return
    record = answer.to_dict()
    if as_json:
        emit_json(record)
        return
    rows = [
        [name, number(value), span(record["intervals"].get(name))]
        for name, value in record["values"].items()
    ]
    show_table(answer.question, ["", "value", "interval"], rows)
    show_notes(answer.notes)


def _show_contour(contour: Contour, as_json: bool, doubts: tuple[str, ...]) -> None:
    columns = (contour.bits, contour.N, contour.low, contour.high)
    points = [[float(value) for value in row] for row in zip(*columns, strict=True)]
    if as_json:
        names = ("bits", "N", "low", "high")
        listed = [dict(zip(names, point, strict=True)) for point in points]
        record = {"loss": contour.loss, "D": contour.D, "contour": listed}
        emit_json({**record, "notes": list(doubts)})
        return
    title = f"N for a loss of {contour.loss:g} on {contour.D:.4g} tokens"
    rows = [
        [number(b), number(n), span(None if lo != lo else (lo, hi))]
        for b, n, lo, hi in points
    ]
    show_table(title, ["bits", "N", "interval"], rows)
    show_notes(doubts)
