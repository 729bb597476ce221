"""Whether the cost of low precision grows with D, and faster than what size gains.

Low precision that takes parameters away (arXiv 2411.04330, Eq. 3) costs what smaller
models lose: its cost has the size slope's exponent in D. An error of its own that grows
with D (Chen et al., arXiv 2505.14302) has a larger one. One number for every table that
can be asked: the exponent in D of the cost less that of the size slope.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.findings.cost_growth import LADDER, fit_growth
from precision_lib.findings.cost_powers import powers, size_gaps
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.forward_cost import excess
from precision_lib.findings.measured import Measured, finished
from precision_lib.findings.noise_model import Array
from precision_lib.findings.twins import with_part

LENGTHS = 3  # of a part, below which a power of D is a guess
MEAN = "all four"
ENDS = ["", "_low", "_high"]


def with_lengths(measured: Measured, ranges: Sequence[float]) -> list[float]:
    """Those least D from which every part of the ladder has three lengths.

    >>> from precision_lib.findings.measured import load_measured
    >>> with_lengths(load_measured(["base", "parts", "joint"], "short"), [1.5e6, 4e5])
    [400000.0]
    """
    found = []
    for least in ranges:
        rows = with_part(finished(measured.runs, least))
        ladder = rows[rows["part"].map(LADDER) == rows["bits"]]
        counts = ladder.groupby("part")["tokens"].nunique().reindex(list(LADDER))
        if (counts >= LENGTHS).all():
            found.append(float(least))
    return found


def of_ours(
    measured: Measured, least: float, ranges: Sequence[float] = ()
) -> pd.DataFrame:
    """Exponents in D of what each part costs, and their excess over the size slope's.

    Returns, index "all four", the mean, and the parts. Columns: D and excess with
    their ends (``D_low`` …), and slope, the exponent of the size slope. Raises
    UserError if the runs do not determine the exponents.

    `measured`: unquantized runs and those of the ladder; `least`: runs of fewer tokens
    are left out. `ranges`: other least D; one that disagrees widens the interval of the
    excess.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "joint"], "short")
    >>> of_ours(short, 4e5).index.tolist()
    ['all four', 'weights', 'activations', 'kv', 'tied']
    """
    whole, *others = (_estimates(measured, one) for one in (least, *ranges))
    rows = {}
    for name, (power, beyond, slope) in whole.items():
        wide = beyond.over([other[name][1] for other in others])
        rows[name] = {**_named("D", power), **_named("excess", wide), "slope": slope}
    table = pd.DataFrame.from_dict(rows, orient="index")
    if not np.isfinite(table.to_numpy()).all():
        raise UserError("the runs do not determine how the costs go with D.")
    return table


def _estimates(
    measured: Measured, least: float
) -> dict[str, tuple[Estimate, Estimate, float]]:
    """Of the mean and each part: exponent of the cost, its excess, the size slope's."""
    with np.errstate(all="ignore"):  # of steps of the optimizer that lead astray
        growth = fit_growth(measured, least)
        found = {}
        for name in (MEAN, *growth.parts):
            beyond = growth.excess(0, growth.parts if name == MEAN else [name])

            def power(p: Array, beyond: Callable[[Array], float] = beyond) -> float:
                return beyond(p) + float(p[0])

            slope = float(growth.fitted.parameters[0])
            found[name] = growth.estimate(power), growth.estimate(beyond), slope
    return found


def _named(name: str, found: Estimate) -> dict[str, float]:
    values = (found.value, *found.interval())
    return {f"{name}{end}": v for end, v in zip(ENDS, values, strict=True)}


def of_quest(runs: pd.DataFrame, draws: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Powers in the QuEST runs, of which few are unquantized: 2 and 3 bits above 4.

    If low precision takes parameters away, the difference of two widths has the size
    slope's exponents as well. That slope is read off the runs of 2, 3 and 4 bits.

    Returns, index "2 and 3 bits" and "size slope"; columns as
    `precision_lib.findings.cost_powers.powers` has them.

    `runs`: as `precision_lib.runs.external.load_external` gives "quest".

    >>> from precision_lib.runs.external import load_external
    >>> of_quest(load_external("quest"), draws=20)["runs"].tolist()
    [25.0, 12.0]
    """
    kept = runs[(runs["group"] == "quest") & runs["weight_bits"].isin([2, 3, 4])]
    four = kept[kept["weight_bits"] == 4].set_index(["N", "D"])["loss"].rename("four")
    pairs = kept[kept["weight_bits"] < 4].join(four, on=["N", "D"], how="inner")
    pairs = pairs.assign(cost=pairs["loss"] - pairs["four"])
    gaps = size_gaps(kept.assign(seed=kept["weight_bits"]))
    found = {
        "2 and 3 bits": powers(pairs, "weight_bits", draws, seed),
        "size slope": powers(gaps, "seed", draws, seed),
    }
    return pd.DataFrame.from_dict(found, orient="index").astype(float)


def of_others(tables: Mapping[str, tuple[pd.DataFrame, str]]) -> pd.DataFrame:
    """The same columns as `of_ours`, a row a table of others.

    `tables`: by label: powers, as `precision_lib.findings.forward_cost.of_others` or
    `of_quest` has them, and the row that is the cost.

    >>> from precision_lib.findings.kept_results import kept_table
    >>> table = kept_table("quartet2", "forward"), "forward"
    >>> of_others({"Quartet II": table})["D"].round(2).tolist()
    [0.16]
    """
    rows = {}
    for label, (table, row) in tables.items():
        own = table.loc[row, [f"D{end}" for end in ENDS]].astype(float)
        beyond = excess(table, row, "D")
        names = [f"excess{end}" for end in ENDS]
        rows[label] = {
            **own,
            **dict(zip(names, beyond, strict=True)),
            "slope": float(table["D"]["size slope"]),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def answers(table: pd.DataFrame, margin: float) -> dict[str, int]:
    """How many tables say what of the two questions.

    Returns tables; grows, those whose cost has an exponent above zero; faster, whose
    excess is above the margin; excluded, whose excess is not; slower, whose excess is
    below it on the other side of zero; open, those neither faster nor excluded.

    `table`: a row a table of runs; `margin`: an excess below it is none.

    >>> rows = pd.DataFrame({"D_low": [0.1, -0.1], "excess_low": [0.1, -0.2]})
    >>> answers(rows.assign(excess_high=[0.3, 0.2]), 0.05)
    {'tables': 2, 'grows': 1, 'faster': 1, 'excluded': 0, 'slower': 0, 'open': 1}
    """
    low, high = table["excess_low"], table["excess_high"]
    faster, excluded = low > margin, high <= margin
    counts = {
        "tables": len(table),
        "grows": (table["D_low"] > 0).sum(),
        "faster": faster.sum(),
        "excluded": excluded.sum(),
        "slower": (high < -margin).sum(),
        "open": (~(faster | excluded)).sum(),
    }
    return {name: int(count) for name, count in counts.items()}
