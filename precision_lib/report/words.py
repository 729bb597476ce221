"""A report in a few sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from precision_lib.decide import Decision, NextRun
from precision_lib.decide.decision import brief
from precision_lib.intake.cells import LABELS, TRAINING_BITS
from precision_lib.intake.checks import Checked
from precision_lib.report.decisions import COSTS, Advice
from precision_lib.report.fitted_laws import Fitted


def summary(
    checked: Checked,
    laws: Sequence[Fitted],
    advice: Sequence[Advice],
    nexts: Sequence[NextRun],
    left: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """What was found, by what it speaks of.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> found = example_fitted()
    >>> checked = Checked("a.csv", "table", found.choice.table, (), (), 30, 0, {})
    >>> summary(checked, [found], [], [])["Runs"]
    '30 of 30 runs of a.csv (table).'
    """
    said = {"Runs": _runs(checked)}
    said["Law"] = " ".join(_law(each) for each in laws)
    said["Trust"] = " ".join(_trust(each) for each in laws)
    told = " ".join([*(left or {}).values()])
    said["Decision"] = _decision(advice) if advice or not told else told
    if missing := unanswered(laws, [*checked.columns]):
        said["Not answered"] = missing
    if nexts:
        said["Next run"] = _next(nexts[0])
    return said


def _runs(checked: Checked) -> str:
    used = len(checked.table)
    said = f"{used} of {checked.read} runs of {checked.source} ({checked.kind})"
    if checked.left_out:
        said += f"; the condition leaves out {checked.left_out}"
    if checked.bad_rows:
        said += f"; {checked.bad_rows} have faults"
    return f"{said}."


def _law(found: Fitted) -> str:
    fit = found.fit
    fitted = (
        f"{fit.law.name}, {fit.law.formula}, fitted to {fit.n} rows with R2 "
        f"{fit.r2:.4f}."
    )
    return " ".join(
        [*fit.misfits[:1], fitted, "" if fit.misfits else fit.tried]
    ).strip()


def _trust(found: Fitted) -> str:
    name = found.fit.law.name
    open_ones = [c.name for c in found.constants if c.state in ("open", "at a bound")]
    loose = [c.name for c in found.constants if c.state == "loose"]
    if open_ones:
        said = f"The data do not identify {_and(open_ones)} of {name}."
    elif loose:
        said = (
            f"The data bound every constant of {name}, {_and(loose)} to no better "
            "than a factor of two."
        )
    else:
        said = f"The data identify every constant of {name}."
    for each in found.beyond:
        error = each.scores[0].held_out_error
        if error == error:  # none where all that was left out is zero
            left = each.held_out.split(",")[0]
            said += f" Fitted without {left}, it is off by {error:.2%} there."
    return said


def _decision(advice: Sequence[Advice]) -> str:
    if not advice:
        return (
            "None: a decision needs a law of the loss with both N and D varying; add "
            "such runs, or a column of the loss before rounding."
        )
    said = []
    ends = {each.title: each for each in (advice[0], advice[-1])}
    told = [one for one in ends.values() if one.title != COSTS and not one.widths]
    for one in told:  # widths and costs have sentences of their own
        name = one.main[0]
        values = [n for n in ("P", name, "N", "D") if n in one.answers[0].values]
        answer = one.answers[0]
        parts = [_value(answer, n) for n in dict.fromkeys(values)]
        text = f"{one.title} for {one.given[0]}: {', '.join(parts)}."
        said += [] if text in said else [text]
    said += [_costs(one) for one in advice if one.title == COSTS]
    said += [f"{one.title}: {one.widths.headline}" for one in advice if one.widths]
    if advice[0].about.startswith("Cost is"):  # it decides the answer
        said.append(f"{advice[0].about.split('. ')[0].rstrip('.')}.")
    return " ".join(said)


def _costs(one: Advice) -> str:
    """What rounding adds at the first width."""
    answer = one.answers[0]
    times = brief(answer.values["perplexity_ratio"])
    delta = _value(answer, "delta").removeprefix("delta = ")
    return f"{one.title} in {one.given[0]}: {delta} nats, perplexity times {times}."


def unanswered(laws: Sequence[Fitted], columns: Sequence[str] = ()) -> str:
    """The questions that no column of the table answers, with those that would.

    `columns`: of the table, which may lack another one to be of use.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> unanswered([example_fitted()])[:60]
    'The columns of the table cannot tell the best bits to train '
    """
    base = [each for each in laws if each.fit.law.target == "loss"]
    read = {name for each in laws for name in each.fit.law.columns()}
    missing = []
    if not base or base[0].choice.fixed:
        missing.append("the best size and data (losses of several N and D would)")
    if not read & {*TRAINING_BITS, *LABELS}:
        missing.append("the best bits to train in (weight_bits would)")
    if "post_bits" not in read:
        both = ("post_bits", "post_loss")
        need = [name for name in both if name not in columns]
        beside = "".join(f" beside {name}" for name in both if name not in need)
        would = f"{' and '.join(need)}{beside} would" if need else "see the notes"
        missing.append(f"what rounding costs ({would})")
    if "qat_share" not in read:
        missing.append(
            "when to start quantized training (qat_share, the share of the tokens "
            "trained in few bits, would)"
        )
    if not missing:
        return ""
    listed = " or ".join([", ".join(missing[:-1]), missing[-1]][-len(missing) :])
    return f"The columns of the table cannot tell {listed}."


def _value(answer: Decision, name: str) -> str:
    text = f"{name} = {brief(answer.values[name])}"
    if name == answer.beyond:
        return f"{text}, {answer.at_end[name]}"
    if name in answer.at_end:
        return f"{text} {answer.at_end[name]}: the end of what was considered"
    if name in answer.intervals:
        low, high = answer.intervals[name]
        text += f" (95% {brief(low)} to {brief(high)})"
    return text


def _next(found: NextRun) -> str:
    return (
        f"{found.words} would leave {found.left:.0%} of the interval of "
        f"{found.quantity}; one more run in the middle of the table leaves "
        f"{found.same:.0%}."
    )


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
