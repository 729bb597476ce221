"""The command that answers questions of size, tokens and bits from a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.answers import show_answer
from precision_lib.cli.options import AsJson, Budget, CostRule, Fitting, grouped, sized
from precision_lib.cli.output import bits_list, numbers, refuse_unused, working
from precision_lib.cli.reach import Extrapolate, refuse_beyond
from precision_lib.cli.reading import Reading
from precision_lib.cli.sources import FROM, OURS, is_table, laws_for, laws_of
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.decide import Contour, Decision, Surface, WidthTable
    from precision_lib.laws import Fit

Bits = float | None


class Question(StrEnum):
    """The questions: what is asked, the options each needs, and those it may take."""

    what: str
    needs: tuple[str, ...]
    takes: tuple[str, ...]

    def __new__(cls, name: str, what: str, needs: str, takes: str = "") -> Question:
        """A name that knows the rest."""
        self = str.__new__(cls, name)
        self._value_, self.what = name, what
        self.needs, self.takes = tuple(needs.split()), tuple(takes.split())
        return self

    effective_size = "effective-size", "N_eff of a model", "N D bits"
    optimal_precision = (
        "optimal-precision", "best N, D and P", "budget",
        "cost_rule least_bits most_bits",
    )  # fmt: skip
    training_widths = (
        "training-widths",
        "N, D and loss by width, and all within some nats", "budget",
        "within bits cost_rule",
    )  # fmt: skip
    allocation = (
        "allocation", "best N and D at given bits, 16 without them", "budget",
        "bits cost_rule",
    )  # fmt: skip
    precision_at_size = (
        "precision-at-size", "best P and D at given N", "budget N",
        "cost_rule least_bits most_bits",
    )  # fmt: skip
    quantization_start = (
        "quantization-start", "when to begin training in few bits (two-phases)",
        "N D bits",
    )  # fmt: skip
    critical_data = (
        "critical-data", "D beyond which rounding hurts more than data help",
        "N post_bits", "bits degradation",
    )  # fmt: skip
    iso_loss = "iso-loss", "N that reaches a loss, by bits", "loss D bits"
    serving_memory = (
        "serving-memory", "best N and P for N P bits of weights", "memory D",
        "rounded least_bits most_bits degradation",
    )  # fmt: skip
    inference_cost = (
        "inference-cost", "best N, D and P_post when only N P_post is paid for",
        "memory", "least_bits most_bits degradation",
    )  # fmt: skip
    rounding_cost = (
        "rounding-cost", "what rounding a model adds; is a measured cost normal",
        "N D post_bits", "measured bits degradation",
    )  # fmt: skip
    serving_widths = (
        "serving-widths", "4, 6, 8 or 16 bits of one model, or of one memory", "D",
        "N memory bits degradation",
    )  # fmt: skip


LISTS = (Question.iso_loss, Question.serving_widths, Question.training_widths)


@dataclass(frozen=True)
class Given:
    """What a question is asked of."""

    N: Annotated[Bits, sized("--N", "Parameters: 1.3e9 or 1.3B.")] = None
    D: Annotated[Bits, sized("--D", "Tokens.")] = None
    bits: Annotated[
        str | None, typer.Option(help="Bits in training; of the tables a list: 3,4,8.")
    ] = None
    post_bits: Annotated[
        Bits, typer.Option(help="Bits after rounding the trained weights.")
    ] = None
    budget: Budget = None
    cost_rule: CostRule = None
    within: Annotated[
        Bits, typer.Option(help="training-widths: nats to lose to the best.")
    ] = None
    memory: Annotated[Bits, sized("--memory", "Bits of weights, N times P.")] = None
    loss: Annotated[Bits, typer.Option(help="Nats per token.")] = None
    measured: Annotated[
        Bits, typer.Option(help="rounding-cost: a delta that was measured.")
    ] = None
    rounded: Annotated[
        bool, typer.Option("--rounded", help="serving-memory: P by PTQ, not by QAT.")
    ] = False
    least_bits: Annotated[
        Bits, typer.Option(help="Fewest bits considered; without it those of the runs.")
    ] = None
    most_bits: Annotated[
        Bits, typer.Option(help="Most bits considered; without it 16.")
    ] = None
    degradation: Annotated[
        str | None, typer.Option(help="A fit of a law of delta, added to the loss.")
    ] = None


@grouped
def decide(
    ctx: typer.Context,
    fit: Annotated[str, typer.Argument(help=FROM)],
    question: Annotated[Question, typer.Argument(help="See above.")],
    *,
    given: Given,
    held: Annotated[
        str | None, typer.Option("--set", help="Columns to hold, as in kv_bits=16.")
    ] = None,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    extrapolate: Extrapolate = False,
    reading: Reading,
    fitting: Fitting,
    as_json: AsJson = False,
) -> None:
    """Answer a question of size, tokens or bits from your runs or a fitted law."""
    from precision_lib.decide.cost import PLAIN_COST, rule_words
    from precision_lib.decide.precision import knows_bits
    from precision_lib.decide.reach import answer_out_of_reach, out_of_reach

    known = {name: v for name, v in vars(given).items() if v not in (None, False)}
    if "bits" in known:
        known["bits"] = bits_list(known["bits"], "--bits")
    _check_given(question, known)
    columns, beside = numbers(held, "--set"), known.pop("degradation", None)
    rounding = _is_rounded(question, known)
    if beside and not rounding:
        raise UserError(f"--degradation is not used by {question} without --rounded.")
    if question is Question.quantization_start and is_table(fit) and not fitting.law:
        fitting = replace(fitting, law="two-phases")  # no other law answers it
    if question is Question.quantization_start and fit == OURS:
        from precision_lib.findings.outcomes import in_words

        words = in_words("two-phases", "best-share")
        raise UserError(f"No law of it is fitted to our runs, which say this: {words}.")
    fits, said = laws_for(ctx, fit, reading, fitting, rounding and beside is None)
    surface = _surface(fits, rounding, beside, columns)
    _check_used(ctx, question, surface, known)
    with working(f"Searching {surface.size} sets of constants"):
        answer = _ask(question, surface, known, level)
    if not extrapolate:
        asked = out_of_reach(surface.fits, known)
        refuse_beyond(asked, asked or answer_out_of_reach(surface.fits, answer))
    if "cost_rule" in question.takes:
        rule = PLAIN_COST
        if knows_bits(surface):
            rule = rule_words(known.get("cost_rule", "all"))
        answer = replace(answer, notes=(rule, *answer.notes))
    if "least_bits" in question.takes and getattr(answer, "end", False):
        low, high = _limits(question, surface, known)
        searched = f"{low:g} to {high:g} bits were searched"
        said = [f"{searched}; --least-bits and --most-bits change that.", *said]
    show_answer(answer, as_json, surface.doubts, said)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


decide.__doc__ = "\n".join(
    [f"{decide.__doc__}\n\n\b"]
    + [
        f"{each:<19}{each.what}\n    "
        + " ".join(
            [*map(_option, each.needs), *(f"[{_option(n)}]" for n in each.takes)]
        )
        for each in Question
    ]
)


def _check_given(question: Question, known: dict[str, Any]) -> None:
    for name in question.needs:
        if name not in known:
            raise UserError(
                f"The question {question} needs {_option(name)}; give it a number."
            )
    used = (*question.needs, *question.takes)
    for name in known:
        if name not in used:
            raise UserError(
                f"The question {question} does not use {_option(name)}; it takes "
                f"{', '.join(map(_option, used))}."
            )
    if len(known.get("bits", ())) > 1 and question not in LISTS:
        raise UserError(f"The question {question} takes one number of --bits.")


def _is_rounded(question: Question, known: dict[str, Any]) -> bool:
    """Whether the law of what rounding adds can matter."""
    return "degradation" in question.takes and (
        question is not Question.serving_memory or "rounded" in known
    )


def _check_used(
    ctx: typer.Context, question: Question, surface: Surface, known: dict[str, Any]
) -> None:
    """Refuse options that the laws at hand make no use of."""
    from precision_lib.decide.precision import knows_bits

    laws = " and ".join(each.law.name for each in surface.fits)
    read = {name for each in surface.fits for name in each.law.columns()}
    for name in surface.columns:
        if name in known or name not in read - {"N", "D"}:
            raise UserError(f"--set {name} is not used by {laws}; leave it out.")
    if not knows_bits(surface) and question is not Question.serving_widths:
        unused = [n for n in ("bits", "cost_rule") if n not in question.needs]
        refuse_unused(ctx, unused, f"laws that know no bits of training ({laws})")
    if surface.size == 1:
        refuse_unused(ctx, ("level",), f"laws without intervals ({laws})")


def _surface(
    fits: tuple[Fit, ...],
    rounding: bool,
    degradation: str | None,
    columns: dict[str, float],
) -> Surface:
    """The laws that a question is about; that of rounding where it can matter."""
    from precision_lib.decide import surface

    beside = [each for each in fits if rounding and each.law.target == "delta"]
    if degradation is not None:
        beside = [each for each in laws_of(degradation) if each.law.target == "delta"]
        if not beside:
            raise UserError(
                f"--degradation: {degradation} holds no law of a degradation; give a "
                "fit of a law such as 'ptq'."
            )
    base = next((each for each in fits if each.law.target == "loss"), fits[0])
    second = beside[0] if beside and beside[0] is not base else None
    return surface(base, second, columns=columns)


def _ask(
    question: Question, surface: Surface, known: dict[str, Any], level: float
) -> Decision | Contour | WidthTable:
    from precision_lib import decide as answers
    from precision_lib.decide.ties import covering

    options = dict(known)
    if {"least_bits", "most_bits"} & known.keys():
        options["bits_range"] = _limits(question, surface, known)
    options = {k: v for k, v in options.items() if k not in ("least_bits", "most_bits")}
    if "bits" in options and question not in LISTS:
        options["bits"] = options["bits"][0]
    elif "bits" in options and question is not Question.iso_loss:
        options["widths"] = options.pop("bits")
    if "cost_rule" in options:
        options["rule"] = options.pop("cost_rule")
    if question is Question.inference_cost:
        options["cost"] = options.pop("memory")
    function: Callable[..., Any] = getattr(answers, question.name)
    return covering(lambda s: function(s, **options, level=level), surface)


def _limits(
    question: Question, surface: Surface, known: dict[str, Any]
) -> tuple[float, float]:
    """The bits that are searched, in training or after it."""
    from precision_lib.decide.precision import considered

    rounded = question is Question.inference_cost or "rounded" in known
    low, high = considered(surface, rounded)
    return known.get("least_bits", low), known.get("most_bits", high)
