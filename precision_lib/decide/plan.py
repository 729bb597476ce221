"""Whether runs that are only planned can tell the constants of a law.

Two answers to one question. The Jacobian of the law at planted constants gives the
standard error that least squares would leave of each (Atkinson, Donev and Tobias,
Optimum Experimental Designs, 2007, chapter 9): a direction without information shows
before any run is made. And planted tables of those runs are fitted as real ones are:
what the search does not bring back there, it will not bring back later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from precision_lib.errors import UserError
from precision_lib.laws.diagnose import covariance, unidentified
from precision_lib.laws.fit import fit
from precision_lib.laws.law import Law
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.prepare import prepare
from precision_lib.laws.solver.problem import Problem, predict_rows
from precision_lib.laws.solver.rows import Table, read_rows

TABLES = 20
STARTS = 8
FACTOR = 2.0  # by which a constant may be off and still be called brought back
LEAST = 0.02  # of what the loss is: a floor known to this is known, though it be zero
ENOUGH = 0.9  # share of the planted tables in which it has to be


@dataclass(frozen=True)
class JudgedPlan:
    """What planned runs would tell of a law."""

    law: str  #: its name
    runs: int  #: planned
    #: Standard deviation of a run around the law, as a share of the target
    noise: float
    truth: dict[str, float]  #: the planted constants
    #: The standard error of each as a share of it. Of the factor of a term, such as A,
    #: counts the size of the whole term in the middle of the plan; of an offset the
    #: share that is lost at the lowest bits
    error: dict[str, float]
    #: Share of the planted tables that bring it back to a factor of two
    recovered: dict[str, float]
    #: Why the plan cannot identify the law, in sentences; empty where it can
    objections: tuple[str, ...]


def judge_plan(
    table: Table,
    law: type[Law],
    params: Mapping[str, float],
    noise: float,
    tables: int = TABLES,
    seed: int = 0,
) -> JudgedPlan:
    """Say whether the runs of a table would identify a law.

    Raises UserError: the noise is no positive number, or the table cannot be read.

    `table`: the columns that the law reads, a row a run; `params`: planted constants;
    `noise`: of one run, as a share of the target (measure it on twins: .002 to .01 of
    a loss is common); `tables`: planted ones that are fitted; `seed`: of their noise.

    >>> from precision_lib.laws import example_table, get_law
    >>> from precision_lib.laws.examples import PLANTED
    >>> plan = judge_plan(example_table(), get_law("chinchilla"), PLANTED, 0.003, 3)
    >>> plan.objections, round(plan.error["beta"], 3)
    ((), 0.01)
    """
    if not (np.isfinite(noise) and noise > 0):
        raise UserError(
            f"the noise is {noise:g}; give a share above zero, as in 0.005."
        )
    rows = read_rows(table, law)
    clean = predict_rows(law, rows, dict(params))
    if not np.isfinite(clean).all():
        raise UserError(
            f"law {law.name!r} has no value at {int((~np.isfinite(clean)).sum())} of "
            "the planned runs; raise their bits, or plant other constants."
        )
    columns = {name: np.asarray(table[name]) for name in law.columns()}
    known = dict(params)
    try:
        problem = prepare({**columns, law.target: clean}, law)
    except UserError as why:  # too few runs, or a column that never varies
        return JudgedPlan(law.name, clean.size, noise, known, {}, {}, (str(why),))
    z, names = problem.space.coordinates(params), problem.space.free
    spread = noise if problem.objective.scale == "log" else _spread(problem, noise)
    error = np.sqrt(np.diag(covariance(problem, z, spread)))
    share = np.where(_is_log(problem), error, error / np.maximum(np.abs(z), LEAST))
    _, vague = unidentified(problem, z, spread)
    kept = _recovered(problem, z, columns, noise, tables, seed)
    lost = [
        f"Of {tables} planted tables {each:.0%} bring {name} back to a factor of "
        f"{FACTOR:g}."
        for name, each in zip(names, kept, strict=True)
        if each < ENOUGH
    ]
    return JudgedPlan(
        law.name, clean.size, noise, {n: float(params[n]) for n in names},
        dict(zip(names, share.tolist(), strict=True)),
        dict(zip(names, kept.tolist(), strict=True)), (*vague, *lost),
    )  # fmt: skip


def _is_log(problem: Problem) -> npt.NDArray[np.bool_]:
    slots = problem.space.slots
    return np.array(
        [slots[name].parameter.coordinate == "log" for name in problem.space.free]
    )


def _spread(problem: Problem, noise: float) -> float:
    """Noise as a share of the target on another scale, for the middling row."""
    scale, target = problem.objective, problem.target
    moved = scale.transform(target * (1 + noise)) - scale.transform(target)
    return float(np.median(np.abs(moved)))


def _recovered(
    problem: Problem,
    z: Array,
    columns: Mapping[str, Array],
    noise: float,
    tables: int,
    seed: int,
) -> Array:
    """Share of planted tables that bring each coordinate back to a factor, (K,)."""
    generator, law, clean = np.random.default_rng(seed), problem.law, problem.target
    close = np.zeros((tables, z.size))
    for row in close:
        target = clean * np.exp(noise * generator.standard_normal(clean.size))
        found = fit({**columns, law.target: target}, law, starts=STARTS, seed=seed)
        there = problem.space.coordinates(found.params)
        with np.errstate(all="ignore"):
            ratio = np.where(_is_log(problem), np.exp(there - z), there / z)
        near = ~_is_log(problem) & (np.abs(there - z) <= LEAST)
        row[:] = near | (ratio >= 1 / FACTOR) & (ratio <= FACTOR)
    share: Array = close.mean(axis=0)
    return share
