"""Other laws tried on the same runs: which predicts left-out runs as well, or better.

Held-out errors are compared run by run, and runs of one N and D count as one. A rival
ties where its mean error is not larger by more than one standard error of the
difference (the one-standard-error rule: Breiman et al., Classification and Regression
Trees, 1984; Hastie, Tibshirani and Friedman, section 7.10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.bootstrap import bootstrap
from precision_lib.laws.compare import Comparison, compare
from precision_lib.laws.misfit import groups, misfit
from precision_lib.laws.registry import get_law
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.rows import Table, has_column, read_target

RIVALS = {
    "chinchilla": ("chinchilla-tied", "coupled"),
    "effective-weights": (
        "chinchilla", "power-additive", "effective-data", "growing-error",
        "bits-multiplier",
    ),
    "effective-activations": ("chinchilla",),
    "effective-kv": ("chinchilla",),
    "effective-tied": ("chinchilla", "effective", "growing-error"),
    "effective": ("chinchilla", "effective-tied", "effective-coupled"),
    "format-multiplier": ("chinchilla", "quartet"),
    "growing-error": ("chinchilla", "effective-weights", "power-additive"),
    "ptq": ("ouyang",),
}  # fmt: skip
FOLDS = 10
STARTS = 8
MOST_ROWS = 2000  # up to which the rivals are a matter of seconds
BEYOND, PART = -1.65, 0.85  # standard errors, and share of the law's own error
DRAWS = 200  # replicates of a rival that ties


def try_rivals(
    table: Table, law: str, by: Any = None, starts: int | None = None, **options: Any
) -> Comparison | None:
    """The law and its rivals by cross-validation; None where they cannot be tried.

    `by`: one value a row, of rows that stay in one fold; `starts`: of each of the many
    fits, few without it; `options`: of `precision_lib.laws.compare`.

    >>> from precision_lib.laws import example_table
    >>> found = try_rivals(example_table(), "chinchilla", starts=4)
    >>> sorted(found.fits)
    ['chinchilla', 'chinchilla-tied', 'coupled']
    """
    others = RIVALS.get(law.removesuffix("-no-offset"), ())
    known = [
        name
        for name in others
        if all(has_column(table, column) for column in get_law(name).columns())
    ]
    rows = read_target(table, get_law(law)).size
    count = rows if by is None else len(set(by))
    if not known or count < 2 * FOLDS or rows > MOST_ROWS:
        return None
    try:
        options["starts"] = STARTS if starts is None else starts
        return compare(table, [law, *known], folds=FOLDS, by=by, **options)
    except UserError:  # a fold lacks what a rival needs
        return None


def as_good(tried: Comparison, law: str, table: Table) -> tuple[str, ...]:
    """Rivals that predict left-out runs no worse than a law does.

    >>> from precision_lib.laws import example_table
    >>> table = example_table()
    >>> as_good(try_rivals(table, "chinchilla", starts=4), "chinchilla", table)
    ('coupled',)
    """
    excess = _excess(tried, law, table)
    return tuple(name for name, errors in excess.items() if errors <= 1.0)


def better(tried: Comparison, law: str, table: Table) -> tuple[str, ...]:
    """Rivals that predict left-out runs better, beyond noise and by a good part.

    For tables of so few pairs of N and D that the trends of `misfit` do not show.

    >>> from precision_lib.laws import example_table
    >>> table = example_table()
    >>> better(try_rivals(table, "chinchilla", starts=4), "chinchilla", table)
    ()
    """
    off = {score.law: score.held_out_error for score in tried.scores}
    excess = _excess(tried, law, table)
    found = [n for n, t in excess.items() if t <= BEYOND and off[n] <= PART * off[law]]
    return tuple(sorted(found, key=lambda name: off[name]))


def _excess(tried: Comparison, law: str, table: Table) -> dict[str, float]:
    """Mean of the held-out error above the law's, in standard errors, by rival."""
    target = read_target(table, get_law(law))
    columns = {n: np.asarray(table[n]) for n in ("N", "D") if has_column(table, n)}
    group = groups(columns)
    own = np.abs(tried.predictions[law] - target)
    found = {}
    for name in (score.law for score in tried.scores if score.law != law):
        more = np.abs(tried.predictions[name] - target) - own
        sums = np.bincount(group, weights=more)
        error = float(np.std(sums, ddof=1)) / np.sqrt(sums.size)
        known = np.isfinite(more).all() and error > 0
        found[name] = float(sums.mean() / error) if known else np.inf
    return found


def judged(fit: Fit, table: Table, tried: Comparison | None, seed: int = 0) -> Fit:
    """The fit with what is wrong with it, and the rivals that are as good, if any.

    The first sentence of its `misfits` names the direction and what was tried. To a fit
    with replicates come the rivals that are as good, with theirs, so that a decision's
    interval can cover them.

    >>> from precision_lib.laws import example_fit, example_table
    >>> table = example_table()
    >>> found = judged(example_fit(), table, try_rivals(table, "chinchilla", starts=4))
    >>> found.misfits, [tie.law.name for tie in found.ties]
    ((), [])
    """
    law = fit.law.name
    wrong = misfit(fit, table)
    if tried is None:
        return replace(fit, misfits=wrong)
    equal = as_good(tried, law, table)
    said = _said(tried, law, equal)
    best = better(tried, law, table)
    if best and not wrong:
        wrong = (
            f"The law {law!r} is wrong on this table: {best[0]!r} predicts left-out "
            "runs better.",
        )
    if wrong:
        wrong = (f"{wrong[0]} {said}", *wrong[1:])
    ties = [tried.fits[name] for name in equal if fit.replicates]
    ties = [tie.with_bootstrap(bootstrap(tie, "residual", DRAWS, seed)) for tie in ties]
    return replace(fit, misfits=wrong, tried=said, ties=tuple(ties))


def _said(tried: Comparison, law: str, equal: Sequence[str]) -> str:
    """Which rivals were tried, and which of them predict better."""
    own = next(score for score in tried.scores if score.law == law)
    errors = {score.law: score.held_out_error for score in tried.scores}
    listed = ", ".join(
        f"{n} {e:.2%}" if np.isfinite(e) else f"{n} undefined"
        for n, e in errors.items()
        if n != law
    )
    if own.undefined:
        return (
            f"Tried on left-out runs, {own.undefined} of {own.n_held_out} of which "
            f"{law} cannot predict without them: {listed}; a comparison would need "
            "more runs of their kind."
        )
    best = min(errors, key=lambda name: (np.isnan(errors[name]), errors[name]))
    found = "none is as good"
    if equal:
        also = f"{best!r} predicts them best"
        found = (
            also if best in equal else f"{' and '.join(equal)} as good, by the noise"
        )
    return (
        f"Tried on left-out runs, where {law} is off by {errors[law]:.2%}: {listed}; "
        f"{found}."
    )
