"""Learning curves of runs: whether they learn, and how twins lie beside each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from precision_lib.findings.paired_contrasts import PAIR
from precision_lib.findings.twins import with_part

LEARNS, STUCK, DIVERGED = "learns", "stuck", "diverged"
ENOUGH = 0.1  # of what the twin learns in the same stretch
WARMUP = 0.2  # share of the tokens before which curves are not compared


def with_curves(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """The points of the curves of some runs, with the columns of the runs.

    Adds ``done``, the share of the run's tokens seen, and ``part`` and ``bits`` as
    `precision_lib.findings.twins.with_part` gives them.

    >>> from precision_lib.runs.run_table import load_curves, load_runs
    >>> points = with_curves(load_runs().head(2), load_curves())
    >>> float(points["done"].max())
    1.0
    """
    points = with_part(runs).merge(curves, on="run_id", validate="one_to_many")
    return points.assign(done=points["tokens"] / points["D"])


def outcomes(points: pd.DataFrame) -> pd.DataFrame:
    """What became of each run.

    Returns one row a run, with its columns and ``early`` and ``late``, its mean
    training loss over the second and over the last fifth of its tokens, ``learned``,
    the difference, and ``outcome``: "diverged" if its status says so, "stuck" if it
    learned less between the two than a tenth of what its twin did, else "learns".

    `points`: as `with_curves` gives it, with the unquantized twins.

    >>> table = pd.DataFrame({"run_id": [*"aabb"], "part": ["none"] * 2 + ["kv"] * 2})
    >>> table = table.assign(training_loss=[5.0, 4.0, 5.6, 5.6], done=[0.3, 0.9] * 2)
    >>> table = table.assign(N=9, D=10, seed=0, status="finished", tokens=[3, 9, 3, 9])
    >>> outcomes(table)["outcome"].tolist()
    ['learns', 'stuck']
    """
    fifth = (points["done"] * 5 - 1e-9).astype(int).clip(upper=4)
    marked = points.assign(fifth=fifth)
    means = marked.pivot_table("training_loss", "run_id", "fifth", dropna=False)
    ends = pd.DataFrame({"early": means.get(1), "late": means.get(4)})
    rows = points.drop_duplicates("run_id").drop(columns=["tokens", "done"])
    rows = rows.drop(columns="training_loss").merge(ends, on="run_id")
    rows = rows.assign(learned=rows["early"] - rows["late"])
    twins = rows.loc[rows["part"] == "none", [*PAIR, "learned"]]
    twins = twins.rename(columns={"learned": "twin_learned"})
    rows = rows.merge(twins, on=list(PAIR), how="left", validate="many_to_one")
    least = ENOUGH * rows["twin_learned"].fillna(0.0)
    outcome = np.where(rows["learned"] > least, LEARNS, STUCK)
    outcome = np.where(rows["status"] == "diverged", DIVERGED, outcome)
    return rows.assign(outcome=outcome)


def beside_twins(points: pd.DataFrame) -> pd.DataFrame:
    """Curves of quantized runs beside those of their unquantized twins.

    Twins saw the same batches in the same order, so that at each point the training
    losses differ by precision alone. Points before the rate has risen are left out.

    Returns the points of quantized runs, with ``twin_loss`` and ``gap``.

    `points`: as `with_curves` gives it, with the unquantized runs.

    >>> table = pd.DataFrame({"training_loss": [4.0, 4.3], "part": ["none", "kv"]})
    >>> table = table.assign(N=9, D=9, seed=0, tokens=5, done=0.5)
    >>> beside_twins(table)["gap"].round(3).tolist()
    [0.3]
    """
    on = [*PAIR, "tokens"]
    late = points[points["done"] >= WARMUP]
    twins = late.loc[late["part"] == "none", [*on, "training_loss"]]
    twins = twins.rename(columns={"training_loss": "twin_loss"})
    paired = late[late["part"] != "none"].merge(twins, on=on, validate="many_to_one")
    return paired.assign(gap=paired["training_loss"] - paired["twin_loss"])


def drifts(paired: pd.DataFrame) -> pd.DataFrame:
    """How each gap moves as training goes on: zero where a curve is only shifted.

    Returns one row a run, with its columns, ``level``, the mean gap in nats, and
    ``difference``, the slope of the gap in nats for each doubling of the tokens.

    `paired`: as `beside_twins` gives it.

    >>> table = pd.DataFrame({"tokens": [1, 2, 4], "gap": [0.1, 0.2, 0.3]})
    >>> drifts(table.assign(run_id="a"))[["level", "difference"]].round(3).values
    array([[0.2, 0.1]])
    """
    rows: list[dict[Any, Any]] = []
    for _, here in paired.groupby("run_id", sort=False):
        known = here.dropna(subset="gap")
        if known["tokens"].nunique() < 2:
            continue
        slope, _ = np.polyfit(np.log2(known["tokens"]), known["gap"], 1)
        level = float(known["gap"].mean())
        row: dict[Any, Any] = here.iloc[0].to_dict()
        rows.append(row | {"level": level, "difference": float(slope)})
    columns = [*paired.columns, "level", "difference"]
    return pd.DataFrame(rows, columns=columns)
