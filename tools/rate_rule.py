"""Write the rule for rate and batch, data/rate_rule.yaml, from the tuning runs.

python -m tools.rate_rule

The rule stays once a run that it decides has been trained. What it was read off, and
how far the loss of the rule is above the best, goes into data/rate_rule.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import pandas as pd
import yaml

from precision_lib.paths import DATA
from precision_lib.runs.run_table import load_runs, write_table
from precision_lib.sweep.rate_rule import PATH, RateRule, read_rule
from precision_lib.training.rate_fit import RuleConstant, fit_batch, fit_rates
from precision_lib.training.tuning import (
    CELL,
    best_rates,
    cells,
    comparable,
    compare_ends,
    loss_at,
    optimum,
    places_batch,
)

SWEEPS = ["tuning", "tuning_rest"]
POINTS = DATA / "rate_rule.csv"
WORTH = 0.003  # nats that another schedule must gain
HEAD = """\
# Peak learning rate and batch of the second table, at 98k parameters, 7M tokens and 16
# windows a step. Written by `python -m tools.rate_rule` from the tuning runs.
"""


def main() -> int:
    """Fit, write and say; the exit status."""
    runs = load_runs()
    tuning = cells(runs[runs["sweep"].isin(SWEEPS)])
    if frozen := sorted(set(runs["role"]) - {"tuning"}):
        print(f"rate_rule: runs of role {frozen[0]} are trained; the rule stays.")
        rule = read_rule()
    else:
        rule = fitted(tuning)
        text = yaml.safe_dump(rule.model_dump(mode="json"), sort_keys=False)
        PATH.write_text(HEAD + text, encoding="utf-8")
    table = points(tuning, rule)
    write_table(table, POINTS)
    print(table.to_string(index=False))
    checks = runs[runs["sweep"] == "rule_check"]
    if not checks.empty:
        print(checked(cells(checks)).to_string(index=False))
    return 0


def fitted(tuning: pd.DataFrame) -> RateRule:
    """The rule that the tuning runs give."""
    ends = compare_ends(tuning)
    print(ends.to_string(index=False))
    better = ends[ends["difference"] < -np.maximum(2 * ends["error"], WORTH)]
    chosen = {"schedule": "cosine", "final_lr": 0.0}
    for best in better.nsmallest(1, "difference").to_dict("records"):
        chosen = {"schedule": best["schedule"], "final_lr": best["final_lr"]}
    rates = best_rates(comparable(tuning), [*CELL, "batch_size"])
    rate, batch = fit_rates(rates), fit_batch(rates[places_batch(rates)])
    said = {f"rate {name}": one for name, one in rate.items()}
    said |= {f"batch {name}": one for name, one in batch.items()}
    for name, one in said.items():
        print(f"{name}: {one.value:.3f} +- {one.error:.3f}")
    return RateRule.model_validate(
        {
            "source": f"{len(tuning)} runs of the plans {' and '.join(SWEEPS)}",
            **chosen,
            "rate": numbers({k: v for k, v in rate.items() if k != "low"}),
            "batch": numbers(batch),
            "intervals": {
                k: (_digits(v.low), _digits(v.high)) for k, v in said.items()
            },
        }
    )


def numbers(constants: Mapping[str, RuleConstant]) -> dict[str, float]:
    """Values to three digits; ``at`` is no logarithm any more."""
    values = {name: one.value for name, one in constants.items()}
    return {n: _digits(np.exp(v) if n == "at" else v) for n, v in values.items()}


def points(tuning: pd.DataFrame, rule: RateRule) -> pd.DataFrame:
    """Each cell and batch: its best rate, and in the row of the rule's batch its loss.

    ``above`` is the loss at the rule's batch and rate less the lowest of the cell.
    """
    table = best_rates(comparable(tuning), [*CELL, "batch_size"])
    lowest = table.groupby(CELL)["loss"].transform("min")
    grouped = comparable(tuning).groupby([*CELL, "batch_size"])
    rows = []
    for row, low in zip(table.to_dict("records"), lowest, strict=True):
        size, tokens, batch = row["N"], row["tokens"], row["batch_size"]
        rate = rule.peak_lr(size, tokens, batch)
        above = float("nan")
        if batch == rule.batch_size(tokens):
            here = grouped.get_group((size, tokens, row["low"], batch))
            above = loss_at(here, rate) - low
        rows.append(row | {"rule_rate": rate, "above": round(above, 4)})
    return pd.DataFrame(rows).merge(best_batches(table), on=CELL)


def best_batches(rates: pd.DataFrame) -> pd.DataFrame:
    """The best batch of each cell, and whether a smaller and a larger were worse."""
    rows = []
    for key, here in rates.groupby(CELL):
        found = optimum(np.log(here["batch_size"].to_numpy(float)), here["loss"])
        row = dict(zip(CELL, key, strict=True)) | {"best_batch": np.exp(found.at)}
        rows.append(row | {"batch_bracketed": found.bracketed})
    return pd.DataFrame(rows)


def checked(checks: pd.DataFrame) -> pd.DataFrame:
    """Mean losses of the plan rule_check, the lowest of each cell first."""
    by = [*CELL, "batch_size", "peak_lr"]
    table = checks.groupby(by)["loss"].agg(["mean", "std", "size"]).reset_index()
    return table.sort_values([*CELL, "mean"])


def _digits(value: float) -> float:
    return float(f"{value:.3g}")


if __name__ == "__main__":
    sys.exit(main())
