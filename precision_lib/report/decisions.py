"""What the fitted laws say to do: the decisions of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from precision_lib.decide import (
    Decision,
    Surface,
    WidthTable,
    allocation,
    critical_data,
    optimal_precision,
    quantization_start,
    rounding_cost,
    serving_widths,
    surface,
    training_cost,
    training_widths,
)
from precision_lib.decide.choices import choices, unpriced
from precision_lib.decide.cost import PLAIN_COST, rule_words
from precision_lib.decide.decision import brief
from precision_lib.decide.precision import considered, knows_bits
from precision_lib.decide.reach import answer_out_of_reach
from precision_lib.decide.surface import TRAINING_BITS
from precision_lib.decide.ties import covering
from precision_lib.decide.widths import HARDWARE_WIDTHS
from precision_lib.laws.solver.dual import Array
from precision_lib.report.choice import PLAIN
from precision_lib.report.fitted_laws import Fitted

FARTHER = (1.0, 10.0, 100.0)  # times the dearest run, where no budget is given
WIDTHS = 4
ROUNDING = "Data beyond which rounding loses"
COSTS = "What rounding costs"
NEARLY = 0.01  # nats
BITS = "Best size, data and bits"


@dataclass(frozen=True)
class Advice:
    """Answers to one kind of question."""

    title: str  #: the question
    about: str  #: how the answers are meant, in a sentence or two
    given: tuple[str, ...]  #: what was given, a text for each answer
    answers: tuple[Decision, ...]  #: one a row
    #: The quantity that matters most: its name and its draws, of the first answer;
    #: empty draws without a bootstrap
    main: tuple[str, Array]
    #: What the answers were made of, where they stand side by side
    widths: WidthTable | None = None

    @property
    def marked(self) -> bool:
        """Whether an answer lies outside the runs that were fitted."""
        return any(answer.outside for answer in self.answers)


def advise(
    laws: Sequence[Fitted],
    budget: float | None = None,
    size: float | None = None,
    post_bits: Sequence[float] = (),
    rule: str = "all",
    tokens: float | None = None,
    measured: float | None = None,
) -> list[Advice]:
    """Answer what the laws allow: best N, D and P, widths, and the critical data size.

    `laws`: from :func:`precision_lib.report.fitted_laws.fit_choice`; `budget`: FLOP at
    16 bits; without it the cost of the dearest run, 10 and 100 times. `size`, `tokens`:
    parameters and tokens of the model to be rounded; the largest of the table without.
    `post_bits`: widths to round to; without, those that hardware has, and for the
    critical data the lowest of the table. `rule`: of the cost, see
    :mod:`precision_lib.decide.cost`; `measured`: a delta of that model, in nats.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> found = advise([example_fitted()], budget=1e21)
    >>> found[0].title, round(float(np.log10(found[0].answers[0].values["N"])))
    ('Best size and data', 9)
    """
    base = next((each for each in laws if each.fit.law.target == "loss"), None)
    after = next((each for each in laws if each.fit.law.target == "delta"), None)
    advice: list[Advice] = []
    decided = base is not None and not base.choice.fixed
    if base is not None and "qat_share" in base.fit.law.columns():
        return [_start(base)]
    if base is not None and decided:
        advice += _training(base, budget, rule)
    plain = rounding_surface(laws) if decided else after and surface(after.fit)
    source = (after or laws[0]).choice.table
    if plain and plain.reads("post_bits"):
        N, D = float(size or source["N"].max()), float(tokens or source["D"].max())
        advice.append(_costs(plain, N, D, post_bits, measured))
        if decided:
            advice += _serving(plain, N, D)
            advice.append(_rounding(plain, source, N, post_bits))
    return advice


def near(
    advice: Sequence[Advice], laws: Sequence[Fitted]
) -> tuple[list[Advice], dict[str, str]]:
    """The answers that lie within ten times the runs; and by title why others do not.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> laws = [example_fitted()]
    >>> near(advise(laws, budget=1e27), laws)[0]
    []
    """
    fits, kept, left = [each.fit for each in laws], [], {}
    for one in advice:
        asked = [one.widths] * len(one.answers) if one.widths else one.answers
        far = [answer_out_of_reach(fits, each) for each in asked]
        here = [k for k, words in enumerate(far) if not words]
        if here == [*range(len(far))]:
            kept.append(one)
            continue
        first = next(k for k, words in enumerate(far) if words)
        of = f"{one.title} for {one.given[first]}" if not one.widths else one.title
        if not (here and of.endswith("times")):  # which nobody asked for
            left[one.title] = f"{of}: {far[first]}; --extrapolate shows it."
        if here:
            answers = tuple(one.answers[k] for k in here)
            given = [one.given[k] for k in here]
            kept.append(_advice(one.title, one.about, given, answers, one.main[0]))
    return kept, left


def rounding_surface(laws: Sequence[Fitted]) -> Surface:
    """The loss after rounding: both laws at once, trained unquantized.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> rounding_surface([example_fitted()]).size
    51
    """
    base = next(each.fit for each in laws if each.fit.law.target == "loss")
    after = next((each.fit for each in laws if each.fit.law.target == "delta"), None)
    held = dict.fromkeys(TRAINING_BITS, PLAIN) if after is not None else {}
    return surface(base, after, columns=held)


def _training(base: Fitted, budget: float | None, rule: str) -> list[Advice]:
    held = {"post_bits": np.inf} if "post_bits" in base.fit.law.columns() else {}
    law = surface(base.fit, columns=held)
    first, times = budget or _dearest(base.choice.table), (1.0,) if budget else FARTHER
    budgets = [each * first for each in times]
    given = [f"{each * first:.3g} FLOP{f', {each:g} times' * (each != 1)}"
             for each in times]  # fmt: skip
    cost = rule_words(rule)
    if budget is None:
        cost += " The first row costs as much as the dearest run of the table."
    found = []
    if knows_bits(law):
        named, limits = choices(law), considered(law)
        answers = tuple(
            _asked(optimal_precision, law, each, rule=rule) for each in budgets
        )
        between = "Between {:g} and {:g} bits".format(*limits)
        if named:
            between = f"{', '.join(f'{bits:g}' for bits in named)} bits"
        about = f"{cost} {between} were considered."
        if not law.reads("kv_bits"):
            about += " The law knows some of the parts only."
        if names := unpriced(law):
            about += f" Left out, of no known number of bits: {', '.join(names)}."
        found.append(_advice(BITS, about, given, answers, "P"))
        table = _asked(training_widths, law, budgets[0], NEARLY, rule=rule)
        about = f"For {given[0]}. {cost} Nearly as good loses at most {NEARLY:g} nats."
        found.append(_by_width("Width by width in training", about, table))
        plain = _plain_bits(law)
        split = tuple(_asked(allocation, law, each, plain, rule) for each in budgets)
        about = f"{cost} Trained in {plain:g} bits."
    else:
        split = tuple(_asked(allocation, law, each) for each in budgets)
        about = cost.replace(rule_words(rule), PLAIN_COST)
    found.append(_advice("Best size and data", about, given, split, "N"))
    return found


def _asked(question: Callable[..., Any], law: Surface, *given: Any, **more: Any) -> Any:
    return covering(lambda each: question(each, *given, **more), law)


def _plain_bits(law: Surface) -> float:
    """16, or the most of the named formats where none of them has 16."""
    return PLAIN if PLAIN in (known := choices(law)) else max(known, default=PLAIN)


def _advice(
    title: str, about: str, given: Sequence[str], answers: tuple[Decision, ...], q: str
) -> Advice:
    draws = answers[0].draws.get(q, np.array([]))
    if q == "P" and draws.size and np.ptp(draws) == 0:  # at the end of the range
        return _advice(title, about, given, answers, "N")
    if q != "P" and draws.size:
        draws = np.log(draws)
    return Advice(title, about, tuple(given), answers, (q, draws))


def _dearest(table: pd.DataFrame) -> float:
    """FLOP of the dearest run, at 16 bits whatever it was trained in."""
    return float(training_cost(table["N"], table["D"], PLAIN).max())


def _by_width(title: str, about: str, widths: WidthTable) -> Advice:
    """A table of widths as answers, a row each."""
    answers = []
    for row in widths.rows():
        low, high = row.pop("low"), row.pop("high")
        known = {} if np.isnan(low) or low == high else {"above": (low, high)}
        values = {name: row[name] for name in row if name not in ("bits", "outside")}
        answers.append(Decision(widths.question, values, known, outside=row["outside"]))
    given = tuple(f"{bits:g} bits" for bits in widths.bits)
    nothing = ("above", np.array([]))
    return Advice(title, about, given, tuple(answers), nothing, widths)


def _start(base: Fitted) -> Advice:
    """When to begin training in few bits, for the largest model on the most tokens."""
    N, D = (float(base.choice.table[name].max()) for name in ("N", "D"))
    law, widths = surface(base.fit), [p for p in HARDWARE_WIDTHS if p < PLAIN]
    answers = tuple(_asked(quantization_start, law, N, D, bits) for bits in widths)
    given = tuple(f"{bits:g} bits" for bits in widths)
    about = f"For {N:.4g} parameters and {D:.4g} tokens, in full precision before that."
    title = "When to start quantized training"
    return _advice(title, about, given, answers, "qat_share")


def _costs(
    law: Surface, N: float, D: float, widths: Sequence[float], measured: float | None
) -> Advice:
    """What rounding one model costs, by width; whether a measured cost is normal."""
    chosen = list(widths or HARDWARE_WIDTHS)
    answers = tuple(
        _asked(rounding_cost, law, N, D, bits, measured=measured) for bits in chosen
    )
    about = f"{brief(N)} parameters, trained unquantized on {brief(D)} tokens."
    if law.knows_loss:
        about += (
            " An unrounded model is as good on the share of the tokens, or with that "
            "of the parameters."
        )
    if measured is not None:
        about += f" {answers[0].notes[0]}"
    given = tuple(f"{bits:g} bits" for bits in chosen)
    return _advice(COSTS, about, given, answers, "delta")


def _serving(law: Surface, N: float, D: float) -> list[Advice]:
    """One model rounded to each width, and the models of each width in its memory."""
    memory = HARDWARE_WIDTHS[0] * N
    same = _asked(serving_widths, law, D, N)
    fills = _asked(serving_widths, law, D, memory=memory)
    trained = f"trained on {brief(D)} tokens"
    return [
        _by_width(
            "Width by width in use",
            f"{brief(N)} parameters, {trained}, rounded to each width.", same,
        ),
        _by_width(
            "A model for each width in one memory",
            f"As much memory as {brief(N)} parameters take in {HARDWARE_WIDTHS[0]:g} "
            f"bits, {trained}.", fills,
        ),
    ]  # fmt: skip


def _rounding(
    law: Surface, table: pd.DataFrame, N: float, widths: Sequence[float]
) -> Advice:
    known = sorted(table["post_bits"].dropna().unique())
    chosen = [float(bits) for bits in (widths or known[:WIDTHS])]
    answers = tuple(_asked(critical_data, law, N, bits) for bits in chosen)
    given = tuple(f"{bits:g} bits" for bits in chosen)
    about = (
        f"For {N:.4g} parameters, trained unquantized and rounded afterwards: beyond "
        "D more training raises the loss of the rounded model."
    )
    return _advice(ROUNDING, about, given, answers, "D")
