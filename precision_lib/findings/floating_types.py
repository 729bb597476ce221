"""Runs with floating-point weights: what exponent and mantissa bits each bring."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from precision_lib.findings.paired_contrasts import PAIR, mean_interval
from precision_lib.findings.twins import law_runs, with_twins
from precision_lib.formats import Float, parse_format

FLOAT32 = (8, 23)  # exponent and mantissa bits of the unquantized runs
EXPONENT_STEPS = (("e2m0", "e3m0"), ("e3m2", "e4m2"), ("e4m2", "e5m2"))
MANTISSA_STEPS = (
    ("e2m0", "e2m1"), ("e4m1", "e4m2"), ("e4m2", "e4m3"), ("e5m2", "e5m6"),
)  # fmt: skip
TRADES = (("e3m0", "e2m1"), ("e4m1", "e3m2"), ("e5m2", "e4m3"))


def floating_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Finished runs of the plan floating, and the unquantized ones a law needs.

    Returns the rows with ``exponent_bits``, ``mantissa_bits`` and ``block_size``, the
    number of weights that share a scale, as the law of Sun et al. takes them.

    >>> from precision_lib.runs.run_table import load_runs
    >>> table = floating_runs(load_runs())
    >>> table.query("weight_format == 'e4m3'")["mantissa_bits"].unique().tolist()
    [3]
    """
    quantized = runs[(runs["sweep"] == "floating") & (runs["status"] == "finished")]
    table = pd.concat([law_runs(runs), quantized], ignore_index=True)
    bits = [type_bits(name) for name in table["weight_format"]]
    table[["exponent_bits", "mantissa_bits"]] = pd.DataFrame(bits, index=table.index)
    return table.assign(block_size=table["d_model"])


def type_bits(name: str) -> tuple[int, int]:
    """Exponent and mantissa bits of a floating-point type; those of float32 for it.

    >>> type_bits("e5m2"), type_bits("float32")
    ((5, 2), (8, 23))
    """
    found = parse_format(name)
    return (found.exponent, found.mantissa) if isinstance(found, Float) else FLOAT32


def floating_costs(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs with floating-point or integer weights above their unquantized twins.

    Integers are those of the plan parts at the same N, D and seed. ``kind`` says which
    of the two a run has; the columns are those of `with_twins`.

    >>> from precision_lib.runs.run_table import load_runs
    >>> set(floating_costs(load_runs())["kind"]) <= {"floating point", "integer"}
    True
    """
    quantized = runs[(runs["sweep"] == "floating") & (runs["status"] == "finished")]
    cells = quantized[list(PAIR)].drop_duplicates()
    fitted = law_runs(runs, "weights")
    table = pd.concat([fitted, quantized], ignore_index=True)
    paired = with_twins(table.merge(cells, on=list(PAIR)))
    kind = paired["sweep"].map(lambda s: "floating point" if s == "floating" else "")
    return paired.assign(kind=kind.replace("", "integer"))


def differences(
    costs: pd.DataFrame, pairs: Sequence[tuple[str, str]], value: str = "cost"
) -> pd.DataFrame:
    """What each second type saves over the first, run by run.

    Returns a row a pair of types and N, D, seed, with ``step``, ``first``, ``second``
    and ``saving`` (nats per token; negative if the second type is worse).

    >>> table = pd.DataFrame({"weight_format": ["e2m0", "e3m0"], "cost": [0.3, 0.1]})
    >>> table = table.assign(N=9, D=9, seed=0)
    >>> differences(table, [("e2m0", "e3m0")])["saving"].round(3).tolist()
    [0.2]
    """
    rows = []
    for first, second in pairs:
        sides = [
            costs.loc[costs["weight_format"] == name, [*PAIR, value]]
            for name in (first, second)
        ]
        both = sides[0].merge(sides[1], on=list(PAIR), suffixes=("_first", "_second"))
        saving = both[f"{value}_first"] - both[f"{value}_second"]
        step = f"{first} to {second}"
        rows.append(
            both[list(PAIR)].assign(
                step=step, first=first, second=second, saving=saving
            )
        )
    return pd.concat(rows, ignore_index=True)


def step_means(steps: pd.DataFrame) -> pd.DataFrame:
    """Mean saving of each step, with Student's 95% interval over runs.

    >>> steps = pd.DataFrame({"step": "a to b", "saving": [0.1, 0.2, 0.3]})
    >>> step_means(steps).round(2).to_dict("index")
    {'a to b': {'estimate': 0.2, 'low': -0.05, 'high': 0.45, 'pairs': 3}}
    """
    found = {
        name: (*mean_interval(rows.to_numpy()), len(rows))
        for name, rows in steps.groupby("step", sort=False)["saving"]
    }
    columns = ["estimate", "low", "high", "pairs"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns)


def first_less_last(steps: pd.DataFrame) -> tuple[float, float, float]:
    """How much more the first step saves than the last, with its 95% interval.

    Positive where bits saturate.

    >>> steps = pd.DataFrame({"step": ["a to b", "b to c"], "saving": [0.3, 0.1]})
    >>> round(first_less_last(steps.assign(N=9, D=9, seed=0))[0], 3)
    0.2
    """
    names = list(dict.fromkeys(steps["step"]))
    table = steps.pivot_table("saving", list(PAIR), "step")
    gap = (table[names[0]] - table[names[-1]]).dropna()
    return mean_interval(gap.to_numpy(float))
