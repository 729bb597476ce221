"""Which law predicts runs that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.errors import UserError
from precision_lib.laws.fit import RARE, STARTS, fit
from precision_lib.laws.law import Law
from precision_lib.laws.likelihood import log_likelihood
from precision_lib.laws.registry import get_law
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.problem import Problem, predict_rows
from precision_lib.laws.solver.rows import Table, level_name, read_target
from precision_lib.laws.solver.starts import SCREEN, Found, doubts, search_parts

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]
Part = tuple[Mask, Mask]  # rows that are fitted, and rows that are then predicted
Rule = Callable[[Any], Any]


@dataclass(frozen=True)
class Score:
    """One law in a comparison."""

    law: str  #: name
    parameters: int  #: numbers fitted
    #: n, n_held_out: rows in the table, and those predicted by fits without them
    n: int
    n_held_out: int
    r2: float  #: of the fit of the whole table, in the unit of the target
    #: ``1 - sum (y - yhat)^2 / sum (y - mean y)^2`` over the held-out rows; NaN where
    #: the law is not defined for one of them
    held_out_r2: float
    #: Mean of ``|y - yhat|`` over mean of ``|y|`` over the held-out rows
    held_out_error: float
    undefined: int  #: held-out rows for which the fitted law gives no number
    #: aic, bic: from the fit of the whole table (see `likelihood.log_likelihood`);
    #: smaller is better, and only differences within one comparison mean something
    aic: float
    bic: float
    share_at_best: float  #: of the fit of the whole table
    #: The lowest such share of it and of the fits that predict held-out rows
    lowest_share: float
    converged: bool  #: whether all of these fits are minima


@dataclass(frozen=True)
class Comparison:
    """Scores of several laws on the same rows, best prediction first."""

    scores: tuple[Score, ...]  #: one `Score` a law
    fits: dict[str, Fit]  #: the fit of the whole table, by law
    #: Held-out predictions by law, NaN for rows that were never held out
    predictions: dict[str, Array]
    held_out: str  #: how rows were held out, in words

    @property
    def doubts(self) -> tuple[str, ...]:
        """What makes the numbers of a law doubtful, in sentences."""
        return tuple(
            f"{score.law}: {each}"
            for score in self.scores
            for each in doubts(score.converged, score.lowest_share)
        )

    def frame(self) -> pd.DataFrame:
        """The scores as a table, one row a law."""
        import pandas as pd

        return pd.DataFrame([asdict(score) for score in self.scores])


def compare(
    table: Table,
    laws: Iterable[str | type[Law]],
    hold_out: Rule | Any | None = None,
    *,
    folds: int = 10,
    by: Any = None,
    seed: int = 0,
    criteria: bool = True,
    **options: Any,
) -> Comparison:
    """Score laws by prediction of held-out rows.

    Raises UserError if the laws differ in target, or the hold-out leaves nothing on one
    side.

    `table`: one row a run; `laws`: laws or names, with one target; `hold_out`: rows to
    hold out: a boolean a row, or a function of the table that gives one. Without it,
    `folds`-fold cross-validation, drawn by `seed`. `by`: one value a row; rows that
    share it stay in one fold, as the seeds of one setting should. `criteria`: whether
    AIC and BIC are wanted, for which SciPy is imported; else they are nan. `**options`:
    for `fit`, the same for every law.

    >>> from precision_lib.laws import example_table
    >>> found = compare(example_table(), ["chinchilla", "chinchilla-tied"], folds=5)
    >>> found.frame()["law"].tolist()
    ['chinchilla', 'chinchilla-tied']
    """
    known = of_one_target(laws)
    target = read_target(table, known[0])
    parts, words = _parts(table, hold_out, target.size, folds, by, seed)
    pairs = [(~part, part) for part in parts]
    return scored(table, known, pairs, words, seed, options, criteria)


def of_one_target(laws: Iterable[str | type[Law]]) -> list[type[Law]]:
    """The laws by name or class; UserError where they do not predict one column."""
    known = [get_law(law) if isinstance(law, str) else law for law in laws]
    if not known:
        raise UserError("there is no law to compare; name at least one.")
    if len({law.target for law in known}) > 1:
        raise UserError(
            "the laws do not predict the same column ("
            + ", ".join(f"{law.name}: {law.target}" for law in known)
            + "); compare laws of one target."
        )
    return known


def scored(
    table: Table,
    known: list[type[Law]],
    parts: list[Part],
    words: str,
    seed: int,
    options: Mapping[str, Any],
    criteria: bool = True,
) -> Comparison:
    """The comparison for given parts: rows to fit, and rows to predict from them."""
    target = read_target(table, known[0])
    options = _one_floor(table, known, dict(options), seed)
    fits = {law.name: fit(table, law, seed=seed, **options) for law in known}
    predictions: dict[str, Array] = {}
    scores = []
    for law in known:
        predicted, sure = _held_out(table, fits[law.name], parts, seed, options)
        predictions[law.name] = predicted
        score = _score(fits[law.name], sure, target, predicted, parts, criteria)
        scores.append(score)
    scores.sort(key=lambda s: (np.isnan(s.held_out_r2), -s.held_out_r2))
    return Comparison(tuple(scores), fits, predictions, words)


def take(table: Table, mask: Mask) -> Table:
    """The rows of a table for which the mask is true.

    >>> take({"N": [1, 2]}, np.array([False, True]))["N"].tolist()
    [2]
    """
    if isinstance(table, Mapping):
        return {name: np.asarray(values)[mask] for name, values in table.items()}
    return table[mask]


def _parts(
    table: Table, hold_out: Any, n: int, folds: int, by: Any, seed: int
) -> tuple[list[Mask], str]:
    if hold_out is None:
        return _folds(n, folds, by, seed), f"{folds}-fold cross-validation"
    mask = np.asarray(hold_out(table) if callable(hold_out) else hold_out)
    if mask.shape != (n,) or mask.dtype != bool:
        raise UserError(
            f"the hold-out must give true or false for each of the {n} rows."
        )
    if mask.all() or not mask.any():
        kept = "nothing to fit" if mask.all() else "nothing held out"
        raise UserError(f"the hold-out leaves {kept}; choose another rule.")
    return [mask], f"{int(mask.sum())} rows by rule"


def _folds(n: int, folds: int, by: Any, seed: int) -> list[Mask]:
    groups = np.arange(n)
    if by is not None:
        names = [level_name(v) for v in np.ravel(np.asarray(by, dtype=object))]
        if len(names) != n:
            raise UserError(
                f"`by` has {len(names)} values for {n} rows; give one each."
            )
        groups = np.unique(names, return_inverse=True)[1]
    count = int(groups.max()) + 1
    if not 2 <= folds <= count:
        raise UserError(f"folds is {folds}; give a number from 2 to {count}.")
    fold = (np.random.default_rng(seed).permutation(count) % folds)[groups]
    return [fold == k for k in range(folds)]


def _one_floor(
    table: Table, laws: list[type[Law]], options: dict[str, Any], seed: int
) -> dict[str, Any]:
    """One residual scale for every law and fold, so that the scores compare."""
    if laws[0].target == "loss" or "floor" in options or options.get("scale"):
        return options
    floors = [fit(table, law, seed=seed, **options).settings.floor for law in laws]
    return {**options, "floor": float(np.median(floors))}


def _held_out(
    table: Table, whole: Fit, parts: list[Part], seed: int, options: dict[str, Any]
) -> tuple[Array, list[tuple[float, bool]]]:
    """Predictions of the held-out rows; share of the starts, convergence of each fit.

    Parts that span the table, as the folds of a cross-validation do, are fitted all at
    once in its coordinates, others each by itself.
    """
    assert whole.problem is not None
    problem, starts = whole.problem, options.get("starts")
    together = [k for k, (seen, _) in enumerate(parts) if _spans(problem, seen)]
    found: dict[int, Found] = {}
    if together:
        seen_rows = np.array([parts[k][0] for k in together])
        ends = search_parts(problem, seen_rows, starts or STARTS, seed)
        found = {k: each for k, each in zip(together, ends, strict=True)
                 if starts or each.share >= RARE}  # fmt: skip
    predicted, sure = np.full(problem.n, np.nan), []
    for k, (seen, part) in enumerate(parts):
        if k in found:
            at = problem.params(found[k].z)
            predicted[part] = predict_rows(whole.law, problem.rows, at)[part]
            sure.append((found[k].share, found[k].converged))
            continue
        inner = dict(options)
        weights = inner.get("weights")
        if weights is not None and not isinstance(weights, str):
            inner["weights"] = np.asarray(weights)[seen]
        alone = fit(take(table, seen), whole.law, seed=seed, **inner)
        predicted[part] = alone.predict(take(table, part))
        sure.append((alone.share_at_best, alone.converged))
    return predicted, sure


def _spans(problem: Problem, seen: Mask) -> bool:
    """Whether a part has the ranges and the names of a table, which is not too long."""
    rows = problem.rows
    enough = (problem.weight[seen] > 0).sum() >= len(problem.space.free)
    return bool(
        problem.n <= SCREEN
        and enough
        and all((x[seen].min(), x[seen].max()) == (x.min(), x.max())
                for x in rows.columns.values())
        and all(set(codes[seen]) == set(codes) for codes in rows.codes.values())
    )  # fmt: skip


def _score(
    found: Fit,
    sure: list[tuple[float, bool]],
    target: Array,
    predicted: Array,
    parts: list[Part],
    criteria: bool,
) -> Score:
    assert found.problem is not None and found.z is not None
    rows = np.any([part for _, part in parts], axis=0)
    count = found.z.size + 1  # the scale of the noise is fitted too
    likelihood = log_likelihood(found.problem, found.z) if criteria else np.nan
    seen, guess = target[rows], predicted[rows]
    error = np.abs(seen - guess)
    size = np.abs(seen).sum()
    spread = float(((seen - seen.mean()) ** 2).sum())
    return Score(
        law=found.law.name,
        parameters=found.z.size,
        n=found.n,
        n_held_out=int(rows.sum()),
        r2=found.r2,
        held_out_r2=1 - float((error**2).sum()) / spread if spread > 0 else np.nan,
        held_out_error=float(error.sum() / size) if size > 0 else np.nan,
        undefined=int((~np.isfinite(guess)).sum()),
        aic=2 * count - 2 * likelihood,
        bic=float(np.log(found.n)) * count - 2 * likelihood,
        share_at_best=found.share_at_best,
        lowest_share=min([found.share_at_best, *(share for share, _ in sure)]),
        converged=all([found.converged, *(good for _, good in sure)]),
    )
