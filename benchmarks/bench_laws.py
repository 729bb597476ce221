"""CPU time of the law fitter beside the way the published fit was made.

    python -m benchmarks.bench_laws [--sample 90] [--replicates 4000]

Measures, on one thread and as CPU time of this process:

1. our fit of the 240 Chinchilla points from 50 random starts and 4,000 bootstrap
   replicates;
2. the published procedure (Besiroglu et al., 2024): 4,500 starts of a grid with
   L-BFGS-B and finite differences, then 4,000 replicates with BFGS; a random
   sample of both is timed and scaled up;
3. the PyPI package `chinchilla` (benchmarks/requirements.txt) on the same loss;
4. vpnls (Open-Athena, arXiv 2603.22339), which projects E, A and B out: on its own
   objective, Huber's loss of the residuals themselves, and by least squares, beside
   our fit of the same;
5. the unified law on 1,000 made-up rows with 1,000 replicates.

The points are read from the folder that PRECISION_LIB_EXTERNAL names. Without
them a made-up table of the same shape takes their place, and the output says so.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from precision_lib.laws import bootstrap, fit, planted_table
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.objective import huber

POINTS = "chinchilla_besiroglu_245.csv"
PUBLISHED = {"E": 1.817236, "A": 477.842, "B": 2143.864, "alpha": 0.347313,
             "beta": 0.367183}  # fmt: skip
DELTA = 1e-3
GRID_STARTS, REPLICATES = 4500, 4000
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def one_thread() -> None:
    """Start this command again with one thread in every library, if need be."""
    if all(os.environ.get(name) == "1" for name in THREADS):
        return
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    command = [sys.executable, "-m", "benchmarks.bench_laws", *sys.argv[1:]]
    os.execve(sys.executable, command, environment)


def points() -> tuple[pd.DataFrame, str]:
    """The 240 points, or a made-up table like them; and which of the two."""
    folder = os.environ.get("PRECISION_LIB_EXTERNAL", "")
    path = Path(folder) / POINTS
    if folder and path.is_file():
        table = pd.read_csv(path)
        return table[table["in_240"] == 1][["N", "D", "loss"]], "240 Chinchilla points"
    generator = np.random.default_rng(0)
    N = 10 ** generator.uniform(7.6, 10.2, 240)
    D = 10 ** generator.uniform(8.6, 11.3, 240)
    p = PUBLISHED
    clean = p["E"] + p["A"] * N ** -p["alpha"] + p["B"] * D ** -p["beta"]
    loss = clean * np.exp(0.006 * generator.standard_t(3, 240))
    words = f"MADE-UP table of 240 points ({POINTS} is not in PRECISION_LIB_EXTERNAL)"
    return pd.DataFrame({"N": N, "D": D, "loss": loss}), words


def timed(task: Callable[[], Any]) -> tuple[Any, float]:
    """The result of a task and its CPU seconds."""
    start = time.process_time()
    result = task()
    return result, time.process_time() - start


def published_objective(x: Array, log_n: Array, log_d: Array, log_l: Array) -> float:
    """Sum of Huber losses in the parameters (a, b, e, alpha, beta) of the paper."""
    a, b, e, alpha, beta = x
    small = np.logaddexp(a - alpha * log_n, b - beta * log_d)
    return float(huber(log_l - np.logaddexp(small, e), DELTA).sum())


def published_grid() -> Array:
    """The 4,500 starts of the published script."""
    axes = (
        np.arange(0, 30, 5), np.arange(0, 30, 5), np.arange(-1, 1.5, 0.5),
        np.arange(0, 2.5, 0.5), np.arange(0, 2.5, 0.5),
    )  # fmt: skip
    return np.array(list(itertools.product(*axes)), dtype=float)


def baseline(
    table: pd.DataFrame, sample: int, best: dict[str, float]
) -> dict[str, Any]:
    """Time a sample of the published procedure and scale it up."""
    logs = tuple(np.log(table[name].to_numpy()) for name in ("N", "D", "loss"))
    generator = np.random.default_rng(0)
    grid = published_grid()
    chosen = grid[generator.choice(len(grid), sample, replace=False)]

    def starts() -> list[float]:
        return [
            minimize(published_objective, x, args=logs, method="L-BFGS-B").fun
            for x in chosen
        ]

    x0 = [np.log(best["A"]), np.log(best["B"]), np.log(best["E"]),
          best["alpha"], best["beta"]]  # fmt: skip
    draws = generator.integers(0, len(table), (max(sample // 3, 4), len(table)))

    def replicates() -> list[float]:
        return [
            minimize(
                published_objective, x0, args=tuple(v[rows] for v in logs),
                method="BFGS",
            ).fun
            for rows in draws
        ]  # fmt: skip

    with np.errstate(all="ignore"):
        found, start_seconds = timed(starts)
        _, draw_seconds = timed(replicates)
    lowest = published_objective(np.array(x0), *logs)
    return {
        "starts": start_seconds / len(chosen) * GRID_STARTS,
        "replicates": draw_seconds / len(draws) * REPLICATES,
        "share": float(np.mean(np.array(found) <= lowest * (1 + 1e-6))),
        "timed": (len(chosen), len(draws)),
    }


def peer(table: pd.DataFrame) -> dict[str, Any] | str:
    """The PyPI package `chinchilla` on the same loss from a grid of 32 starts."""
    try:
        package = importlib.import_module("chinchilla")
        metrics = importlib.import_module("chinchilla._metrics")
    except ImportError as error:
        return f"not installed ({error}); see benchmarks/requirements.txt"
    grid = {
        "e": (0.0, 1.0), "a": (5.0, 10.0), "b": (5.0, 10.0),
        "alpha": (0.3, 0.7), "beta": (0.3, 0.7),
    }  # fmt: skip
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        model = package.Chinchilla(
            project_dir=str(Path(folder) / "project"),
            param_grid=grid,
            loss_fn=lambda y, guess: metrics.log_huber(y, guess, DELTA),
            log_level=50,
        )
        model.database.df = table.assign(C=6 * table["N"] * table["D"])
        model.visualizer.optim = lambda *args, **options: None
        _, seconds = timed(lambda: model.fit(parallel=False))
    found = model.get_params()
    law = found["E"] + found["A"] * table["N"] ** -found["alpha"]
    law = law + found["B"] * table["D"] ** -found["beta"]
    residuals = (np.log(table["loss"]) - np.log(law)).to_numpy()
    return {"seconds": seconds, "starts": 32,
            "objective": float(huber(residuals, DELTA).sum())}  # fmt: skip


def projected(table: pd.DataFrame) -> str:
    """CPU seconds and objective of vpnls and of ours, on both of its objectives."""
    try:
        package = importlib.import_module("vpnls.api")
    except ImportError as error:
        return f"\nvpnls: not installed ({error}); see benchmarks/README.md."
    columns = [table[name].to_numpy(float, copy=True) for name in ("N", "D", "loss")]
    wide = package.bounds(A=(1e-6, 1e6), B=(1e-6, 1e6))
    lines = ["\n| objective | vpnls | ours | objective of ours over theirs |",
             "|---|---|---|---|"]  # fmt: skip
    for words, given, options in (
        ("Huber of residuals", {"loss": package.huber(DELTA)}, {"delta": DELTA}),
        ("least squares", {}, {"loss": "ls"}),
    ):
        asked = partial(package.fit_vpnls, method="scipy", bounds=wide, **given)
        theirs, seconds = timed(partial(asked, *columns))
        own_fit = partial(fit, table, "chinchilla", scale="linear", **options)
        ours, own = timed(own_fit)
        rho = np.square if "loss" in options else lambda r: huber(r, DELTA)
        law = theirs.E + theirs.A * columns[0] ** -theirs.alpha
        law = law + theirs.B * columns[1] ** -theirs.beta
        ratio = rho(columns[2] - ours.predict(table)).sum()
        ratio = ratio / rho(columns[2] - law).sum() - 1
        lines.append(f"| {words} | {seconds:.3f} s | {own:.3f} s | {ratio:+.1e} |")
    return "\n".join(lines)


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=90)
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    asked = parser.parse_args()
    one_thread()
    table, words = points()
    print(f"Table: {words}. CPU seconds on one thread, NumPy {np.__version__}.\n")

    found, ours_fit = timed(lambda: fit(table, "chinchilla", starts=50))
    _, ours_draws = timed(lambda: bootstrap(found, "pairs", asked.replicates))
    ours = ours_fit + ours_draws * REPLICATES / asked.replicates
    theirs = baseline(table, asked.sample, found.params)
    whole = theirs["starts"] + theirs["replicates"]
    print("| what | point fit | 4,000 replicates | sum | starts at the optimum |")
    print("|---|---|---|---|---|")
    print(f"| precision_lib, 50 starts | {ours_fit:.3f} | {ours - ours_fit:.2f} | "
          f"{ours:.2f} | {found.share_at_best:.0%} |")  # fmt: skip
    scaled = "scaled from {} and {}".format(*theirs["timed"])
    row = [theirs["starts"], theirs["replicates"], whole]
    cells = " | ".join(f"{seconds:.0f}" for seconds in row)
    print(f"| published procedure, 4,500 starts ({scaled}) "
          f"| {cells} | {theirs['share']:.0%} |")  # fmt: skip
    print(f"\nRatio: {whole / ours:.0f} times less CPU time (asked for: 100).")
    print(f"Objective: {found.objective:.10e}; share of starts asked for: 95%.")

    other = peer(table)
    if isinstance(other, str):
        print(f"\nPyPI package chinchilla: {other}.")
    else:
        print(f"\nPyPI package chinchilla: {other['seconds']:.2f} s for "
              f"{other['starts']} starts; its objective is "
              f"{other['objective'] / found.objective - 1:+.2e} of ours.")  # fmt: skip

    print(projected(table))

    runs = planted_table("unified", 1000, noise=0.003)
    whole_fit, seconds = timed(lambda: fit(runs, "unified"))
    _, more = timed(lambda: bootstrap(whole_fit, "pairs", 1000))
    both = f"fit {seconds:.1f} s, 1,000 replicates {more:.1f} s"
    print(f"\nUnified law, 1,000 rows: {both}, sum {seconds + more:.1f} s "
          "(asked for: under 30 s).")  # fmt: skip


if __name__ == "__main__":
    main()
