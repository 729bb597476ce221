"""Fit the chosen law, and say which of its constants the data know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.laws import (
    Bootstrap,
    Comparison,
    Fit,
    bootstrap,
    bounded,
    example_table,
    fit,
    get_law,
    largest_out,
)
from precision_lib.laws.rivals import judged, try_rivals
from precision_lib.report.choice import NOTHING, Choice, choose, runs_of

PROFILED = 2000  # rows up to which a profile is a matter of seconds
WORK = 1_000_000  # rows times replicates: about ten seconds
LOOSE = 2.0  # factor by which a constant may be off and still be called known

Resample = Literal["auto", "residual", "pairs"]
State = Literal["known", "loose", "open", "at a bound", "held"]


@dataclass(frozen=True)
class Constant:
    """What the data say of one constant."""

    #: name, meaning, unit: as the law declares it
    name: str
    meaning: str
    unit: str
    value: float  #: the fit's
    interval: tuple[float, float] | None  #: 95%, from the bootstrap
    #: "known" (to a factor of two), "loose", "open" (the data do not bound it), "at a
    #: bound" or "held"
    state: State
    why: str  #: in a few words; empty for a known one


@dataclass(frozen=True)
class Fitted:
    """A fitted law with all that decides whether to trust it."""

    choice: Choice  #: law and rows
    fit: Fit  #: with intervals and replicates
    boot: Bootstrap  #: where they come from
    constants: tuple[Constant, ...]  #: one for each constant
    #: The law fitted without the largest N, and without the largest D, where enough
    #: rows remain
    beyond: tuple[Comparison, ...]
    rivals: Comparison | None  #: other laws on the same rows, by cross-validation

    @property
    def known(self) -> bool:
        """Whether the data bound every constant that was fitted."""
        return not any(each.state in ("open", "at a bound") for each in self.constants)


def judged_fit(
    choice: Choice,
    *,
    replicates: int = 1000,
    resample: Resample = "auto",
    by: str = "",
    starts: int | None = None,
    seed: int = 0,
) -> tuple[Fit, Bootstrap, Comparison | None]:
    """Fit a chosen law with intervals, try its rivals, and judge it by them.

    Raises UserError: the table does not allow the fit.

    `choice`: from :func:`choose`; `replicates`: of the bootstrap; fewer on tables of
    many thousand rows. `resample`: how tables are drawn; "auto" draws whole runs where
    a run has several rows and residuals elsewhere. `by`: a column, of which rows alike
    are drawn together. `starts`, `seed`: as for :func:`precision_lib.laws.fit`.

    >>> found, _, tried = judged_fit(choose(pd.DataFrame(example_table()))[0],
    ...                              replicates=20)
    >>> found.law.name, len(tried.scores)
    ('chinchilla', 3)
    """
    table = choice.table
    options: dict[str, Any] = {"starts": starts, "seed": seed}
    found = fit(table, choice.law, fixed=choice.fixed, **options)
    groups = table[by].to_numpy() if by else runs_of(choice) if choice.by else None
    several = groups is not None and len(set(groups)) < len(table)
    kind: Any = resample
    if by or (resample == "auto" and several):
        kind = "cluster"
    elif resample == "auto":
        kind = "residual"
    count = max(min(replicates, WORK // len(table)), 2)
    boot = bootstrap(found, kind, count, seed, groups if kind == "cluster" else None)
    tried = None
    if not choice.fixed:
        tried = try_rivals(table, choice.law, groups if several else None, **options)
    return judged(found.with_bootstrap(boot), table, tried, seed), boot, tried


def fit_choice(choice: Choice, **options: Any) -> Fitted:
    """Fit a chosen law and ask how far it is to be trusted.

    `choice`, `options`: as for :func:`judged_fit`.

    >>> found = example_fitted()
    >>> [(each.name, each.state) for each in found.constants][0], found.known
    (('E', 'known'), True)
    """
    found, boot, tried = judged_fit(choice, **options)
    held: dict[str, Any] = {"fixed": choice.fixed}
    held |= {k: v for k, v in options.items() if k in ("starts", "seed")}
    beyond = _beyond(choice.table, choice.law, held)
    return Fitted(choice, found, boot, constants(found), beyond, tried)


def deciding_fits(
    table: pd.DataFrame, law: str = "", rounding: bool = True, **options: Any
) -> list[tuple[str, Fit]]:
    """The laws that a report would decide by, each behind the reason for its choice.

    Raises UserError: the table does not allow one of them, or lacks an N or D that
    varies.

    `table`, `law`: as for :func:`choose`; `rounding`: whether the law of the
    degradation is wanted too; `options`: of :func:`judged_fit`.

    >>> found = deciding_fits(pd.DataFrame(example_table()), replicates=20)
    >>> [(why, fit.law.name) for why, fit in found]
    [('No precision of training varies in the table.', 'chinchilla')]
    """
    chosen = choose(table, law)
    if get_law(chosen[0].law).target == "loss" and chosen[0].fixed:
        raise UserError(
            f"an answer needs runs that differ in N and in D. {chosen[0].reason}"
        )
    wanted = [each for each in chosen if rounding or get_law(each.law).target == "loss"]
    return [(each.reason, judged_fit(each, **options)[0]) for each in wanted]


@lru_cache
def example_fitted() -> Fitted:
    """A report's fit of a small made-up table, for docstrings.

    >>> example_fitted().choice.law
    'chinchilla'
    """
    table = pd.DataFrame(example_table())
    return fit_choice(choose(table)[0], replicates=50)


def constants(found: Fit) -> tuple[Constant, ...]:
    """What the data say of each constant of a fit with a bootstrap.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> fit = example_fit()
    >>> fit = fit.with_bootstrap(bootstrap(fit, replicates=50))
    >>> constants(fit)[2].state
    'known'
    """
    declared = {each.name: each for each in found.law.parameters}
    listed = []
    for name, value in found.params.items():
        parameter = declared[name.split("[")[0]]
        state, why = _state(found, name)
        interval = None if state == "held" else found.ci.get(name)
        told = (parameter.meaning, parameter.unit, value, interval, state, why)
        listed.append(Constant(name, *told))
    return tuple(listed)


def _state(found: Fit, name: str) -> tuple[State, str]:
    if name in found.fixed:
        if found.fixed[name] == NOTHING:
            return "held", "at nothing: its column is the same in every row"
        return "held", f"at {found.fixed[name]:g}"
    if name in found.tied:
        return "held", f"equal to {found.tied[name]}"
    if name in found.at_bound:
        return "at a bound", "the data want it beyond, or its term is absent"
    if name in found.unidentified:
        said = [w for w in found.warnings if f"not determine {name} " in f"{w[:-1]} "]
        return "open", said[0].rstrip(".") if said else "the data do not determine it"
    if found.n <= PROFILED:
        closed = bounded(found, name)
        if not all(closed):
            side = "above" if closed[0] else "below" if closed[1] else "on either side"
            return "open", f"the data do not bound it {side}"
    low, high = found.ci.get(name, (np.nan, np.nan))
    if not np.isfinite([low, high]).all():
        return "open", "some resampled tables have no such constant"
    value = found.params[name]
    if low > 0 and max(high / value, value / low) <= LOOSE:
        return "known", ""
    return "loose", "bounded, but not to a factor of two"


def _beyond(
    table: pd.DataFrame, law: str, options: Mapping[str, Any]
) -> tuple[Comparison, ...]:
    """How well the law foretells the largest models and the longest runs."""
    found = []
    for column in ("N", "D"):
        if table[column].nunique() < 3:
            continue
        try:
            found.append(largest_out(table, [law], column, **options))
        except UserError:  # too few rows are left for a fit
            continue
    return tuple(found)
