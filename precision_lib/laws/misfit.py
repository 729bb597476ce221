"""Whether residuals of a law still go with N, D or bits: then it is wrong there.

A score test: the residuals are held against directions that the law lacks, such as
ln D among the rows of few bits, after what its own constants can explain was taken out
of both. Rows of one N and D share the noise of a seed and count as one (White,
Econometrica 48, 817, 1980, by groups; Cameron and Miller, J. Hum. Res. 50, 317, 2015).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from precision_lib.laws.diagnose import noise
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.rows import Table, has_column

LEVEL = 0.02  # chance that a right law is called wrong, all directions together
CLIP = 2.0  # residuals beyond so many standard deviations count as that many
FEWEST_GROUPS = 8
TIMES = ("created", "created_at", "started", "start_time", "date", "time", "timestamp")
GROUPS = ("group", "sweep", "batch", "cluster", "host", "machine", "corpus", "seed",
          "method", "quantizer", "recipe", "family")  # fmt: skip
MOST_GROUPS = 8
RUN = "run of several rows"  # our name of the column that says which row is whose
EXACT = 1e-12  # residuals of a table that lies on the law: rounding, and no trend


def misfit(fit: Fit, table: Table | None = None) -> tuple[str, ...]:
    """Sentences on the directions in which the law misses its own table.

    `table`: the rows of the fit, with columns that the law does not read: times and
    groups of runs (`TIMES`, `GROUPS`) are tried too. Empty where none is found, where
    the fit was read from a file, and where rows of fewer than 8 pairs of N and D leave
    nothing to judge by.

    >>> from precision_lib.laws import example_fit
    >>> misfit(example_fit())
    ()
    """
    if fit.problem is None or fit.z is None:
        return ()
    columns = fit.problem.rows.columns
    group = groups(columns)
    count = int(group.max()) + 1 if group.size else 0
    if count < FEWEST_GROUPS:
        return ()
    root = np.sqrt(fit.problem.weight)
    left = fit.problem.residuals(fit.z)
    spread = noise(left, fit.z.size)
    if not spread > EXACT:
        return ()
    left = np.clip(left / spread, -CLIP, CLIP) * root
    _, jacobian = fit.problem.model(fit.z[None, :])
    known, _ = np.linalg.qr((jacobian[0] * root).T)
    score = {
        name: _group_score(known, feature * root, left, group)
        for name, feature in (*_directions(columns), *_others(table, left.size))
    }
    from scipy.special import stdtr  # a table with nothing to judge needs none

    chance = {n: float(2 * stdtr(count - 1, -abs(t))) for n, t in score.items()}
    wrong = [name for name in chance if chance[name] < LEVEL / len(chance)]
    return tuple(
        f"The law {fit.law.name!r} is wrong on this table: its residuals "
        f"{'rise' if score[name] > 0 else 'fall'} with {name} "
        f"(p {'< 0.001' if chance[name] < 0.001 else f'= {chance[name]:.1g}'})."
        for name in sorted(wrong, key=lambda name: chance[name])[:2]
    )


def groups(columns: Mapping[str, Array]) -> npt.NDArray[np.intp]:
    """A number for the rows of each pair of N and D.

    >>> groups({"N": np.array([1.0, 1.0, 2.0])}).tolist()
    [0, 0, 1]
    """
    pairs = np.column_stack([columns[name] for name in ("N", "D") if name in columns])
    if not pairs.shape[1]:
        return np.zeros(0, np.intp)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def _directions(columns: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """What the residuals of a right law do not go with, by name."""
    logs = {k: _standard(np.log(columns[k])) for k in ("N", "D") if k in columns}
    for name, x in logs.items():
        yield f"the square of ln {name}", x**2
    if len(logs) == 2:
        yield "ln N times ln D", logs["N"] * logs["D"]
    for name in columns:
        if not name.endswith("_bits") or np.ptp(columns[name]) == 0:
            continue
        few = 1.0 / columns[name] ** 2  # the fewer bits, the more weight
        for letter, x in logs.items():
            yield f"{letter} where {name.replace('_', ' ')} are few", x * few
        yield f"few {name.replace('_', ' ')}", few


def _others(table: Table | None, n: int) -> Iterator[tuple[str, Array]]:
    """Time, and each group of runs, where the table has such a column."""
    for name in (*TIMES, *GROUPS):
        if table is None or not has_column(table, name) or len(table[name]) != n:
            continue
        values = np.asarray(table[name])
        if name in TIMES:
            when = _moments(values)
            if np.unique(when).size > 2:  # NaN counts as one: no times at all
                yield (
                    f"time ({name})",
                    _standard(np.argsort(np.argsort(when)).astype(float)),
                )
            continue
        label = values.astype(str)
        levels = np.unique(label)
        if 2 <= levels.size <= MOST_GROUPS:
            for level in levels[levels.size == 2 :]:
                yield f"{name} {level}", 1.0 * (label == level)


def _moments(values: npt.NDArray[np.generic]) -> Array:
    """Times as numbers; one NaN where they are none."""
    if values.dtype.kind in "iuf":
        return values.astype(float)
    import pandas as pd

    found = pd.to_datetime(pd.Series(values), errors="coerce", format="mixed", utc=True)
    if found.isna().any():
        return np.array([np.nan])
    return found.astype("int64").to_numpy().astype(float)


def _standard(x: Array) -> Array:
    spread = float(np.std(x))
    centred: Array = x - x.mean()
    return centred / spread if spread else centred


def _group_score(
    known: Array, feature: Array, left: Array, group: npt.NDArray[np.intp]
) -> float:
    """Student's t of feature times residual, summed within groups, against zero.

    `known`: basis of what is taken out of both first, shape (n, K).
    """
    size = np.linalg.norm(feature)
    feature, left = (x - known @ (known.T @ x) for x in (feature, left))
    if np.linalg.norm(feature) <= 1e-6 * size:
        return 0.0  # the law has this direction itself
    sums = np.bincount(group, weights=feature * left)
    error = float(np.std(sums, ddof=1)) / np.sqrt(sums.size)
    return float(sums.mean()) / error if error else 0.0
