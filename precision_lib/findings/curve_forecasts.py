"""Ends of our own runs forecast from the first part of their curves, against theirs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from precision_lib.decide.curves import Curve, Schedule, forecast
from precision_lib.runs.run_table import load_curves, load_runs

SHAPE = ["schedule", "warmup", "final_lr", "decay"]


def curves_of(runs: pd.DataFrame, points: pd.DataFrame) -> list[Curve]:
    """Training losses along each run, and at its end the loss on the validation text.

    A stored point is the mean of the training losses since the one before; it stands in
    the middle of them here.

    `runs`, `points`: as `precision_lib.runs.run_table` loads runs and curves.

    >>> runs = load_runs().query("role == 'fit'").head(1)
    >>> (curve,) = curves_of(runs, load_curves())
    >>> curve.seen, curve.loss[-1] == runs["loss"].iloc[0]
    (1.0, np.True_)
    """
    by_run = dict(list(points.groupby("run_id")))
    found = []
    for name, total, end in zip(runs["run_id"], runs["D"], runs["loss"], strict=True):
        tokens = by_run[name]["tokens"].to_numpy(dtype=float)
        middle = tokens - np.diff(tokens, prepend=0.0) / 2
        losses = np.append(by_run[name]["training_loss"].to_numpy(), end)
        found.append(Curve(np.append(middle, total), losses, float(total)))
    return found


def forecast_errors(shares: tuple[float, ...] = (0.5, 0.7)) -> pd.DataFrame:
    """How far forecasts of finished runs of the second table were from their ends.

    Each run is forecast from a share of its curve and from the other runs, whole.

    Returns a row a share: runs, error (root mean square, nats), as_it_stands (the same
    of the last loss seen), covered (share of the 95% intervals that hold the end).
    """
    runs = load_runs().query("role == 'fit' and status == 'finished'")
    kind = runs[SHAPE].iloc[0]
    runs = runs[(runs[SHAPE] == kind).all(axis=1)]
    schedule = Schedule(*kind)
    curves = curves_of(runs, load_curves())
    rows = {}
    for share in shares:
        found = []
        for one, curve in enumerate(curves):
            part = curve.until(share)
            others = curves[:one] + curves[one + 1 :]
            answer = forecast(part, schedule, others)
            low, high = answer.intervals["loss"]
            end = curve.loss[-1]
            held = low <= end <= high
            found.append((answer.values["loss"] - end, part.loss[-1] - end, held))
        error, stands, covered = np.array(found).T
        rows[share] = {
            "runs": len(curves), "error": np.sqrt(np.mean(error**2)),
            "as_it_stands": np.sqrt(np.mean(stands**2)), "covered": covered.mean(),
        }  # fmt: skip
    return pd.DataFrame(rows).T.rename_axis("share")
