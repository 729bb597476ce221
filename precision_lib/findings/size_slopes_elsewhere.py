"""Whether size and data add in unquantized runs of others, a thousand times ours.

The estimand is that of our finding "additivity": the exponent in D of what more
parameters gain at equal D, zero where size and data add (arXiv 2411.04330, Eq. 1).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import finished, load_measured, unquantized
from precision_lib.findings.size_slope import fit_slopes
from precision_lib.runs.external import load_external

BILLIONS = (10, 20, 40, 80, 160, 320)  # tokens of Gemstones that are looked at
LEAST = 1.75e6  # tokens of our runs, as registered
TEXTS = {"c4_original": "C4", "rpj": "RedPajama", "rw_original": "RefinedWeb"}


def exponent(runs: pd.DataFrame) -> Estimate:
    """Exponent in D of the size slope of runs with N, tokens and loss.

    >>> D, N = (x.ravel() for x in np.meshgrid([1e9, 2e9, 4e9, 8e9], [1e7, 4e7, 16e7]))
    >>> loss = 3 + 20 * D**-0.2 + 0.05 * (D / 1e9) ** 0.1 * np.log(1e9 / N)
    >>> loss += 0.002 * np.sin(np.arange(12.0))  # what seeds do
    >>> runs = pd.DataFrame({"N": N, "tokens": D, "loss": loss})
    >>> round(exponent(runs).value, 1)
    0.1
    """
    model = runs["N"].astype(str)
    rows = runs.assign(model=model, cell=model + "-" + runs["tokens"].astype(str))
    fitted = fit_slopes(rows.reset_index(drop=True))
    return fitted.estimate(lambda p: float(p[0]), model.nunique())


def at_doublings(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs at tokens that are powers of two, in billions, by interpolation in ln D.

    Of each size between its shortest and its longest run, where those are a factor of
    two apart: where tokens follow N, no two sizes have an equal D. A size of one run
    is left out.

    >>> runs = pd.DataFrame({"N": 1, "D": [0.9e9, 2e9], "loss": [3.0, 2.0]})
    >>> at_doublings(runs)["tokens"].tolist()
    [1000000000, 2000000000]
    """
    grid = 2.0 ** np.arange(-6, 10)
    parts = []
    for size, one in runs.sort_values("D").groupby("N"):
        ends = one["D"].min() / 1e9, one["D"].max() / 1e9
        D = grid[(grid >= ends[0]) & (grid <= ends[1])] * 1e9
        if len(one) < 2:
            continue
        loss = PchipInterpolator(np.log(one["D"]), one["loss"])(np.log(D))
        parts.append(pd.DataFrame({"N": size, "tokens": D.astype(int), "loss": loss}))
    return pd.concat(parts, ignore_index=True)


def side_by_side() -> pd.DataFrame:
    """The exponent in runs of others and in ours.

    Returns, index whose runs; exponent, low, high (95%), models, N_low, N_high, D_low,
    D_high.
    """
    gemstones = load_external("gemstones")
    gemstones = gemstones.assign(tokens=(gemstones["D"] / 1e9).round().astype(int))
    tables = {"Gemstones": gemstones[gemstones["tokens"].isin(BILLIONS)]}
    for name, runs in load_external("gadre").groupby("train_set"):
        each = at_doublings(runs)
        many = each.groupby("tokens")["N"].transform("nunique") > 1
        tables[f"Gadre, {TEXTS[str(name)]}"] = each[many]
    tables["ours"] = unquantized(finished(load_measured(["base"]).runs, LEAST))
    rows = {}
    for whose, runs in tables.items():
        if whose == "ours":
            found = fit_slopes(runs).estimate(
                lambda p: float(p[0]), runs["model"].nunique()
            )
        else:
            tokens = runs["tokens"] * (1e9 if whose == "Gemstones" else 1)
            runs = runs.assign(tokens=tokens.astype(int))
            found = exponent(runs)
        rows[whose] = found.row("exponent", "models") | {
            "N_low": runs["N"].min(), "N_high": runs["N"].max(),
            "D_low": runs["tokens"].min(), "D_high": runs["tokens"].max(),
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index")


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """`side_by_side` as a page has it.

    >>> row = {"exponent": 0.1, "low": 0.05, "high": 0.15, "models": 5}
    >>> row |= {"N_low": 1e7, "N_high": 1e9, "D_low": 2e9, "D_high": 6.4e10}
    >>> shown(pd.DataFrame([row])).iloc[0].astype(str).tolist()
    ['0.10 (0.05 to 0.15)', '5', '10M to 1B', '2B to 64B']
    """
    ends = [
        [f"{_short(low)} to {_short(high)}"
         for low, high in zip(table[f"{side}_low"], table[f"{side}_high"], strict=True)]
        for side in ("N", "D")
    ]  # fmt: skip
    power = [
        f"{r.exponent:.2f} ({r.low:.2f} to {r.high:.2f})" for r in table.itertuples()
    ]
    columns = {"power of D": power, "models": table["models"]}
    return pd.DataFrame(columns | {"N": ends[0], "D": ends[1]}, index=table.index)


def _short(count: float) -> str:
    """In thousands, millions or billions, to two digits."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{float(f'{count / size:.2g}'):g}{letter}"
    return f"{count:g}"


def facts(table: pd.DataFrame) -> dict[str, str | int]:
    """What a page says of `side_by_side`.

    >>> row = {"exponent": 0.1, "low": 0.05, "high": 0.15}
    >>> facts(pd.DataFrame([row, row], index=["Gemstones", "ours"]))["slope-above"]
    1
    """
    theirs = table.drop(index="ours")
    said = {
        name: "{exponent:.3f} ({low:.3f} to {high:.3f})".format(**table.loc[name])
        for name in ("Gemstones", "ours")
    }
    return {
        "slope-tables": len(theirs),
        "slope-above": int((theirs["low"] > 0).sum()),
        "slope-gemstones": said["Gemstones"],
        "slope-ours": said["ours"],
    }
