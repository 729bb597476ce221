"""The command that answers questions of size, tokens and bits from a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.answers import show_answer
from precision_lib.cli.options import CostRule, Source, sized
from precision_lib.cli.output import numbers, working
from precision_lib.cli.reach import Extrapolate, within_reach
from precision_lib.cli.sources import laws_of, origin
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.decide import Contour, Decision, Surface, WidthTable


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
    rounding_cost = "rounding-cost"
    serving_widths = "serving-widths"
    training_widths = "training-widths"
    quantization_start = "quantization-start"


NEEDS: dict[Question, tuple[str, ...]] = {
    Question.effective_size: ("N", "D", "bits"),
    Question.optimal_precision: ("budget",),
    Question.allocation: ("budget", "bits"),
    Question.precision_at_size: ("budget", "N"),
    Question.critical_data: ("N", "post_bits"),
    Question.iso_loss: ("loss", "D", "bits"),
    Question.serving_memory: ("memory", "D"),
    Question.inference_cost: ("memory",),
    Question.rounding_cost: ("N", "D", "post_bits"),
    Question.serving_widths: ("D",),
    Question.training_widths: ("budget",),
    Question.quantization_start: ("N", "D", "bits"),
}
RANGE = ("least_bits", "most_bits")
TAKES: dict[Question, tuple[str, ...]] = {
    Question.optimal_precision: (*RANGE, "cost_rule"),
    Question.precision_at_size: (*RANGE, "cost_rule"),
    Question.allocation: ("cost_rule",),
    Question.training_widths: ("bits", "cost_rule", "within"),
    Question.serving_memory: (*RANGE, "rounded", "degradation"),
    Question.inference_cost: (*RANGE, "degradation"),
    Question.critical_data: ("bits", "degradation"),
    Question.rounding_cost: ("bits", "measured", "degradation"),
    Question.serving_widths: ("N", "memory", "bits", "degradation"),
}  # beside what it needs
LISTS = (Question.iso_loss, Question.serving_widths, Question.training_widths)


def decide(
    fit: Source,
    question: Annotated[Question, typer.Argument(help="See below.")],
    degradation: Annotated[
        str | None, typer.Option(help="A fit of a law of delta, added to the loss.")
    ] = None,
    N: Annotated[float | None, sized("--N", "Parameters: 1.3e9 or 1.3B.")] = None,
    D: Annotated[float | None, sized("--D", "Tokens.")] = None,
    bits: Annotated[
        str | None, typer.Option(help="Bits in training; of the tables a list: 3,4,8.")
    ] = None,
    post_bits: Annotated[
        float | None, typer.Option(help="Bits after rounding the trained weights.")
    ] = None,
    budget: Annotated[
        float | None, sized("--budget", "Training FLOP at 16 bits, 6 N D there.")
    ] = None,
    cost_rule: CostRule = None,
    within: Annotated[
        float | None, typer.Option(help="training-widths: nats to lose to the best.")
    ] = None,
    memory: Annotated[
        float | None, sized("--memory", "Bits of weights, N times P.")
    ] = None,
    loss: Annotated[float | None, typer.Option(help="Nats per token.")] = None,
    measured: Annotated[
        float | None, typer.Option(help="rounding-cost: a delta that was measured.")
    ] = None,
    rounded: Annotated[
        bool, typer.Option(help="serving-memory: P by PTQ, not by QAT.")
    ] = False,
    held: Annotated[
        str | None, typer.Option("--set", help="Columns to hold, as in kv_bits=16.")
    ] = None,
    least_bits: Annotated[
        float | None, typer.Option(help="Fewest bits considered; without it 1.")
    ] = None,
    most_bits: Annotated[
        float | None, typer.Option(help="Most bits considered; without it 32.")
    ] = None,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    extrapolate: Extrapolate = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON instead of a table.")
    ] = False,
) -> None:
    """Answer a question of size, tokens or bits from a fitted law.

    \b
    effective-size     N_eff of a model            --N --D --bits
    optimal-precision  best N, D and P             --budget [--cost-rule]
    training-widths    N, D and loss in 4, 6, 8    --budget [--cost-rule] [--bits]
                       and 16 bits, and all that
                       lose at most so many nats   [--within 0.01]
    allocation         best N and D at given bits  --budget --bits [--cost-rule]
    precision-at-size  best P and D at given N     --budget --N [--cost-rule]
    quantization-start when to begin training      --N --D --bits
                       in few bits (two-phases)
    critical-data      D beyond which rounding     --N --post-bits
                       hurts more than data help
    iso-loss           N for one loss, by bits     --loss --D --bits 3,4,8
    serving-memory     best N and P for N P bits   --memory --D [--rounded]
    inference-cost     best N, D and P_post when   --memory
                       only N P_post is paid for
    rounding-cost      what rounding a model adds  --N --D --post-bits [--measured]
    serving-widths     4, 6, 8 or 16 bits of one   --D and --N or --memory [--bits]
                       model, or of one memory
    """
    from precision_lib.decide import Contour
    from precision_lib.decide.cost import rule_words

    given = {"N": N, "D": D, "budget": budget, "memory": memory, "loss": loss}
    given |= {"post_bits": post_bits, "measured": measured}
    given |= {"least_bits": least_bits, "most_bits": most_bits, "within": within}
    listed = _bits_list(bits)
    known: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    known |= {"bits": listed} if listed else {}
    known |= {"rounded": rounded} if rounded else {}
    known |= {"cost_rule": cost_rule} if cost_rule else {}
    _check_given(question, known | ({"degradation": fit} if degradation else {}))
    surface = _surface(fit, degradation, numbers(held, "--set"))
    with working(f"Searching {surface.size} sets of constants"):
        answer = _ask(question, surface, known, level)
    if not extrapolate:
        _within_reach(surface, known, answer)
    if "cost_rule" in TAKES.get(question, ()) and not isinstance(answer, Contour):
        answer = replace(answer, notes=(rule_words(cost_rule or "all"), *answer.notes))
    source = origin(fit, surface.fits)
    if not isinstance(answer, Contour):
        answer = replace(answer, notes=(*answer.notes, *source))
    show_answer(answer, as_json, (*surface.doubts, *source))


def _within_reach(
    surface: Surface, known: dict[str, Any], answer: Decision | Contour | WidthTable
) -> None:
    from precision_lib.decide import Decision, WidthTable

    fits = [fit for fit in (surface.base, surface.degradation) if fit is not None]
    if isinstance(answer, Decision):
        beyond = answer.beyond  # which is said of it
        found = {k: [v] for k, v in answer.values.items() if k != beyond}
    else:
        chosen = answer.N  # of a table the width that is best
        if isinstance(answer, WidthTable):
            chosen = answer.N[answer.above == 0]
        found = {"N": chosen.tolist()}
    for name in ("N", "D"):
        given = [known[name]] if name in known else []
        within_reach(fits, name, [*given, *found.get(name, [])])


def _bits_list(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UserError(
            f"--bits: {text!r} is not a number or a list of numbers; write 4 or 3,4,8."
        ) from None


def _check_given(question: Question, known: dict[str, Any]) -> None:
    needed, taken = NEEDS[question], TAKES.get(question, ())
    for name in needed:
        if name not in known:
            raise UserError(
                f"The question {question.value} needs {_option(name)}; give it a "
                "number."
            )
    for name in known:
        if name not in (*needed, *taken):
            raise UserError(
                f"The question {question.value} does not use {_option(name)}; it takes "
                f"{', '.join(map(_option, (*needed, *taken)))}."
            )
    if len(known.get("bits", ())) > 1 and question not in LISTS:
        raise UserError(f"The question {question.value} takes one number of --bits.")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _surface(fit: str, degradation: str | None, columns: dict[str, float]) -> Surface:
    from precision_lib.decide import surface

    fits = laws_of(fit)
    beside = [each for each in fits if each.law.target == "delta"]
    if degradation is not None:
        beside = [each for each in laws_of(degradation) if each.law.target == "delta"]
        if not beside:
            raise UserError(
                f"--degradation: {degradation} holds no law of a degradation; give a "
                "fit of a law such as 'ptq'."
            )
    base = next((each for each in fits if each.law.target == "loss"), fits[0])
    return surface(base, beside[0] if beside else None, columns=columns)


def _ask(
    question: Question, surface: Surface, known: dict[str, Any], level: float
) -> Decision | Contour | WidthTable:
    from precision_lib import decide as answers
    from precision_lib.decide.precision import BITS_RANGE
    from precision_lib.decide.ties import covering

    options = {name: known[name] for name in known if name not in RANGE}
    if "bits" in options and question not in LISTS:
        options["bits"] = options["bits"][0]
    elif "bits" in options and question is not Question.iso_loss:
        options["widths"] = options.pop("bits")
    if "cost_rule" in options:
        options["rule"] = options.pop("cost_rule")
    if question is Question.inference_cost:
        options["cost"] = options.pop("memory")
    if RANGE[0] in TAKES.get(question, ()):
        ends = zip(RANGE, BITS_RANGE, strict=True)
        options["bits_range"] = tuple(known.get(name, end) for name, end in ends)
    function: Callable[..., Any] = getattr(answers, question.name)
    return covering(lambda s: function(s, **options, level=level), surface)
