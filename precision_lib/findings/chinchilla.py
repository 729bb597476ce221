"""What others published about the Chinchilla runs, and how it was fitted."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize

from precision_lib.errors import UserError
from precision_lib.laws import Fit, get_law
from precision_lib.laws.solver.objective import Objective

Array = npt.NDArray[np.float64]

# Hoffmann et al., arXiv 2203.15556, Eq. 10, and the same fit before rounding, from
# the TeX source, as quoted by Besiroglu et al., arXiv 2404.10102.
HOFFMANN_ROUNDED = {"E": 1.69, "A": 406.4, "alpha": 0.34, "B": 410.7, "beta": 0.28}
HOFFMANN = {
    "E": float(np.exp(0.5267228)),
    "A": float(np.exp(6.0073404)),
    "alpha": 0.33917084,
    "B": float(np.exp(6.0179186)),
    "beta": 0.2849083,
}
# Besiroglu et al.: the optimum of the Huber loss, its 95% intervals from 4,000
# replicates, and the constants of the abstract (least absolute deviation).
BESIROGLU_HUBER = {
    "E": 1.817236,
    "A": 477.842,
    "alpha": 0.347313,
    "B": 2143.864,
    "beta": 0.367183,
}
BESIROGLU_OBJECTIVE = 1.0182740e-3
BESIROGLU_INTERVALS = {
    "E": (1.769, 1.871),
    "A": (285.0, 744.0),
    "alpha": (0.317, 0.373),
    "B": (1042.0, 5810.0),
    "beta": (0.331, 0.415),
}
BESIROGLU_ABSTRACT = {
    "E": 1.8172,
    "A": 482.01,
    "alpha": 0.3478,
    "B": 2085.43,
    "beta": 0.3658,
}
DELTA = 1e-3
CHINCHILLA_BUDGET = 5.76e23  # FLOP that trained the model of that name
GRID = {
    "log_A": (0, 5, 10, 15, 20, 25),
    "log_B": (0, 5, 10, 15, 20, 25),
    "log_E": (-1, -0.5, 0, 0.5, 1),
    "alpha": (0, 0.5, 1, 1.5, 2),
    "beta": (0, 0.5, 1, 1.5, 2),
}


def with_constants(params: dict[str, float]) -> Fit:
    """A fit of the Chinchilla law with given constants, to ask questions of.

    >>> row = {"N": [70e9], "D": [1.4e12]}
    >>> with_constants(HOFFMANN_ROUNDED).predict(row).round(3).tolist()
    [1.937]
    """
    nothing = float("nan")
    return Fit(
        law=get_law("chinchilla"),
        params=params,
        objective=nothing,
        settings=Objective(),
        n=240,
        r2=nothing,
        share_at_best=nothing,
    )


def residuals(table: pd.DataFrame, params: dict[str, float]) -> Array:
    """Log of the measured loss minus log of the predicted one, by row.

    >>> table = pd.DataFrame({"N": [70e9], "D": [1.4e12], "loss": [1.937]})
    >>> bool(abs(residuals(table, HOFFMANN_ROUNDED)[0]) < 1e-3)
    True
    """
    predicted = with_constants(params).predict(table)
    found: Array = np.log(table["loss"].to_numpy(dtype=float) / predicted)
    return found


def huber_sum(table: pd.DataFrame, params: dict[str, float]) -> float:
    """The objective of the published fit: Huber losses of the logs, summed.

    >>> table = pd.DataFrame({"N": [70e9], "D": [1.4e12], "loss": [2.0]})
    >>> round(huber_sum(table, HOFFMANN_ROUNDED) * 1e5, 2)
    3.17
    """
    return float(Objective("huber", DELTA).rho(residuals(table, params)).sum())


def fit_by_default(
    table: pd.DataFrame, reduction: str, starts: int, seed: int = 0
) -> pd.DataFrame:
    """Fit as a plain call of SciPy's L-BFGS-B does, from the published grid.

    Returns, by start: ``objective`` (always the sum, so that both compare), iterations,
    and E, A, alpha, B, beta where it stopped. Raises UserError if the reduction or the
    number of starts is not possible.

    `table`: N, D and loss; `reduction`: ``"mean"`` or ``"sum"`` of the Huber losses;
    nothing else differs. `starts`: how many of the 4,500 grid points, drawn without
    return; `seed`: of the draw.

    >>> from precision_lib.laws import example_table
    >>> found = fit_by_default(pd.DataFrame(example_table()), "sum", starts=2)
    >>> found.columns.tolist()[:2], len(found)
    (['objective', 'iterations'], 2)
    """
    points = list(itertools.product(*GRID.values()))
    if reduction not in ("mean", "sum"):
        raise UserError(f"reduction {reduction!r} is unknown; use mean or sum.")
    if not 0 < starts <= len(points):
        raise UserError(f"starts is {starts}; give 1 to {len(points)}.")
    log_N, log_D, log_loss = (
        np.log(table[name].to_numpy(dtype=float)) for name in ("N", "D", "loss")
    )
    objective = Objective("huber", DELTA)

    def losses(x: Array) -> Array:
        size, data = x[0] - x[3] * log_N, x[1] - x[4] * log_D
        predicted = np.logaddexp(np.logaddexp(size, data), x[2])
        return objective.rho(log_loss - predicted)

    reduce = np.mean if reduction == "mean" else np.sum
    chosen = np.random.default_rng(seed).choice(len(points), starts, replace=False)
    rows = []
    for start in chosen:
        with np.errstate(all="ignore"):
            found = minimize(
                lambda x: float(reduce(losses(x))), points[start], method="L-BFGS-B"
            )
            total = float(losses(found.x).sum())
        log_A, log_B, log_E, alpha, beta = found.x
        rows.append((total, found.nit, log_E, log_A, alpha, log_B, beta))
    names = ["objective", "iterations", "E", "A", "alpha", "B", "beta"]
    frame = pd.DataFrame(rows, columns=names)
    with np.errstate(over="ignore"):
        frame[["E", "A", "B"]] = np.exp(frame[["E", "A", "B"]])
    return frame.sort_values("objective", ignore_index=True)
