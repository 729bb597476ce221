"""From checked runs to a report: laws, trust, decisions, and the run to make next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from precision_lib.decide import Decision, NextRun, next_run
from precision_lib.decide.decision import brief
from precision_lib.decide.reach import out_of_reach
from precision_lib.decide.surface import OUTSIDE
from precision_lib.errors import UserError
from precision_lib.intake.cells import Units
from precision_lib.intake.checks import Checked
from precision_lib.laws import Fit
from precision_lib.laws.solver.dual import Array
from precision_lib.report.choice import choose
from precision_lib.report.decisions import Advice, advise, near
from precision_lib.report.fitted_laws import Fitted, fit_choice
from precision_lib.report.words import summary

NO_VARIATION = 1e-6


@dataclass(frozen=True)
class Report:
    """All that a page says; make one with :func:`make_report`."""

    checked: Checked  #: the runs
    units: Units  #: of the file they came from
    #: The law of the loss, the law of the degradation, or both
    laws: tuple[Fitted, ...]
    advice: tuple[Advice, ...]  #: decisions, the most important first
    nexts: tuple[NextRun, ...]  #: what to run next
    notes: tuple[str, ...]  #: what to distrust, in sentences
    size: float | None = None  #: the model to be rounded, where the reader named one
    #: Questions whose answers lie too far beyond the runs, and where, in a sentence
    left: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the rows that were used, in our names and units.

        >>> len(example_report().digest)
        64
        """
        text = self.checked.table.to_csv(index=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def summary(self) -> dict[str, str]:
        """The report in a few sentences, by what they speak of.

        >>> list(example_report().summary())
        ['Runs', 'Law', 'Trust', 'Decision', 'Not answered', 'Next run']
        """
        return summary(self.checked, self.laws, self.advice, self.nexts, self.left)

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON.

        >>> example_report().to_dict()["laws"][0]["law"]
        'chinchilla'
        """
        return {
            "source": self.checked.source,
            "runs": len(self.checked.table),
            "digest": self.digest,
            "columns": self.checked.columns,
            "faults": [fault.sentence for fault in self.checked.faults],
            "summary": self.summary(),
            "laws": [_law_record(each) for each in self.laws],
            "advice": [
                {
                    "title": each.title,
                    "about": each.about,
                    "given": list(each.given),
                    "answers": [answer.to_dict() for answer in each.answers],
                }
                for each in self.advice
            ],
            "next": [vars(each) for each in self.nexts],
            "notes": list(self.notes),
        }


def make_report(
    checked: Checked,
    units: Units | None = None,
    *,
    law: str = "",
    budget: float | None = None,
    size: float | None = None,
    tokens: float | None = None,
    post_bits: Sequence[float] = (),
    measured: float | None = None,
    rule: str = "all",
    by: str = "",
    extrapolate: bool = False,
    **fitting: Any,
) -> Report:
    """Fit the laws that a table can speak of, and decide by them.

    Raises UserError: no row is left, or none of the laws can be fitted to them.

    `checked`: from :func:`precision_lib.intake.checks.check_runs`; rows with faults are
    left out. `units`: of the file, to be named on the page; `law`: a law to fit; chosen
    by the columns that vary without it. `budget`: FLOP at 16 bits that the decision is
    for; `size`, `tokens`: parameters and tokens of the model for PTQ; `post_bits`: bits
    that it is rounded to; `measured`: its delta, in nats; `rule`: of the cost;
    `extrapolate`: whether to answer more than ten times beyond the runs; `by`,
    `fitting`: of :func:`precision_lib.report.fitted_laws.judged_fit`.

    >>> report = example_report()
    >>> report.laws[0].known, report.advice[0].title
    (True, 'Best size and data')
    """
    if not len(checked.table):
        raise UserError(
            f"{checked.source}: none of the {checked.read} runs can be used; mend them."
        )
    if by and by not in checked.table:
        raise UserError(f"{checked.source}: there is no column {by!r} of clusters.")
    laws, failed = [], []
    for choice in choose(checked.table, law):
        try:
            laws.append(fit_choice(choice, by=by, **fitting))
        except UserError as error:
            failed.append((choice.law, str(error)))
    if not laws:
        raise UserError(f"{checked.source}: {failed[0][1]}")
    asked = {"N": size, "D": tokens}
    known = {name: value for name, value in asked.items() if value is not None}
    far = out_of_reach([each.fit for each in laws], known)
    if far and not extrapolate:
        raise UserError(f"{far}; check its unit, or add --extrapolate.")
    advice = advise(laws, budget, size, post_bits, rule, tokens, measured)
    advice, left = (advice, {}) if extrapolate else near(advice, laws)
    notes = [f"Law {name} could not be fitted: {why}" for name, why in failed]
    notes += [*left.values(), *_notes(checked, laws, advice)]
    nexts = tuple(_next_runs(laws, advice))
    told = tuple(dict.fromkeys(notes))
    return Report(
        checked, units or Units(), tuple(laws), tuple(advice), nexts, told, size, left
    )


@lru_cache
def example_report() -> Report:
    """The report of a small made-up table, for docstrings.

    >>> example_report().checked.read
    30
    """
    import pandas as pd

    from precision_lib.laws import example_table

    table = pd.DataFrame(example_table()).drop(columns="seed")
    places = tuple(f"row {number}" for number in range(1, 31))
    names = {str(name): str(name) for name in table}
    checked = Checked("made up", "table", table, places, (), 30, 0, names)
    return make_report(checked, replicates=100)


def _notes(
    checked: Checked, laws: Sequence[Fitted], advice: Sequence[Advice]
) -> Iterator[str]:
    yield from checked.remarks
    if checked.bad_rows:
        bad = f"{checked.bad_rows} of {checked.read} rows"
        yield f"{bad} have faults and were left out."
    for each in laws:
        name = each.fit.law.name
        yield from (f"{name}: {warning}" for warning in each.fit.warnings)
        for scored in (*each.beyond, *([each.rivals] if each.rivals else [])):
            yield from (f"{doubt[:-1]} ({scored.held_out})." for doubt in scored.doubts)
        if abs(each.fit.r2) < 0.9:
            yield f"{name}: R2 is {each.fit.r2:.2f}; the law explains the runs badly."
        if each.rivals:
            errors = {score.law: score.held_out_error for score in each.rivals.scores}
            best = min(errors, key=lambda law: errors[law])
            if best != name:
                yield (
                    f"{name}: the rival {best} predicts left-out runs better, off by "
                    f"{errors[best]:.2%} and not {errors[name]:.2%}."
                )
        yield from each.fit.misfits[1:]
    yield from _notes_of_answers(laws, [a for one in advice for a in one.answers])


def _notes_of_answers(
    laws: Sequence[Fitted], answers: Sequence[Decision]
) -> Iterator[str]:
    """What several answers say once; what of them lies outside the runs in a line."""
    doubts = [doubt for each in laws for doubt in each.fit.doubts]  # are said before
    asked: dict[str, list[str]] = {}
    for answer in answers:
        for note in answer.notes:
            if OUTSIDE not in note and not any(doubt in note for doubt in doubts):
                asked.setdefault(note, []).append(answer.question)
    for note, by in asked.items():
        yield f"{by[0]}: {note}" if len(by) == 1 else f"Of {len(by)} answers: {note}"
    away = [f"{each.question} ({each.outside})" for each in answers if each.outside]
    if away:
        ends = {n: span for each in laws for n, span in each.fit.ranges.items()}
        known = [
            f"{name} {brief(ends[name][0])} to {brief(ends[name][1])}"
            for name in ("N", "D")
        ]
        listed = "; ".join(dict.fromkeys(away))
        yield f"Outside the runs that were fitted ({', '.join(known)}): {listed}."


def _next_runs(laws: Sequence[Fitted], advice: Sequence[Advice]) -> Iterator[NextRun]:
    """For the most important decision, then for the least-known constant of a law."""
    for one in {each.title: each for each in (*advice[:1], *advice[-1:])}.values():
        name, draws = one.main
        known = draws[np.isfinite(draws)]
        if not known.size or np.ptp(known) < NO_VARIATION:
            continue
        fits = [each.fit for each in laws if each.boot.objective.size == len(draws)]
        what = f"{name}: {one.title.lower()}"
        found = [run for fit in fits for run in _next_run(fit, draws, what)]
        yield from sorted(found, key=lambda each: each.left)[:1]
    order = {"at a bound": 0, "open": 0, "loose": 1, "known": 2}
    for each in laws:
        wide = {  # an open one before a loose one; the widest for its size
            c.name: (order[c.state], -np.ptp(c.interval) / max(abs(c.value), 1e-300))
            for c in each.constants
            if c.state != "held" and c.interval is not None
        }
        for worst in sorted(wide, key=lambda name: wide[name])[:1]:
            yield from _next_run(each.fit, each.fit.replicates[worst], worst)


def _next_run(fit: Fit, draws: Array, name: str) -> list[NextRun]:
    try:
        return [next_run(fit, draws, name)]
    except UserError:  # it does not vary between replicates
        return []


def _law_record(found: Fitted) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(found.fit.to_json(replicates=False))
    record["reason"] = found.choice.reason
    record["constants"] = [vars(each) for each in found.constants]
    record["beyond"] = {
        each.held_out: each.scores[0].held_out_error for each in found.beyond
    }
    if found.rivals:
        record["rivals"] = {s.law: s.held_out_error for s in found.rivals.scores}
    return record
