"""The share of its parameters that a model in few bits is worth, read off the runs.

Which unquantized model would lose as much after as many tokens? The losses of all sizes
at one D say it; nothing is asked of any other D, and no law of the bits is fitted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.composition import size_part
from precision_lib.findings.format_error import predicted_cost
from precision_lib.findings.measured import Measured, finished
from precision_lib.findings.noise_model import Array, MeanFit, fit_mean
from precision_lib.findings.part_costs import FEW, Cells, fit_cells, label
from precision_lib.findings.twins import PARTS, with_part
from precision_lib.laws import fit

ENDS = ("share", "low", "high")
SIZES = 4  # that a curve with three constants has to pass
START = 3  # of the shares among the parameters: level, front and power come first


def shares(measured: Measured, D: float, part: str = "weights") -> pd.DataFrame:
    """The share of N that counts, of one part alone in few bits, after D tokens.

    An unquantized size has the loss ``level + front N^-power``, a size in few bits that
    of a share of its parameters. All of it is fitted together, so that the intervals
    hold what the sizes leave open about the curve.

    Returns a row a size and width: N, tokens, bits, models (that have it), share, low
    and high (95%). As long as no seed repeats few bits, their ends are missing. Raises
    Undetermined if there is no such run, or the sizes do not determine the curve.

    >>> from precision_lib.findings.measured import load_measured
    >>> table = shares(load_measured(["base", "parts"], "short"), 1.75e6)
    >>> bool((table.query("bits == 3")["share"] < 0.9).all())
    True
    """
    cells = fit_cells(measured, D)
    fitted, place = fit_curve(cells)
    alone, found = cells.runs[cells.runs["part"] == part], []
    alone = alone.drop_duplicates(["N", "formats"])
    for run in alone.to_dict("records"):
        size, bits, formats = int(run["N"]), int(run["bits"]), str(run["formats"])
        if formats != label({PARTS[part]: bits}):  # other scales
            continue
        units = cells.models(size, formats)
        share = cells.as_known(fitted.parameter(place[size, formats], units), bits)
        row = {"N": size, "tokens": int(run["tokens"]), "bits": bits, "models": units}
        values = np.exp([share.value, *share.interval()])
        found.append(row | dict(zip(ENDS, values, strict=True)))
    if not found:
        raise Undetermined(f"no run of {D:,.0f} tokens has {part} alone in few bits.")
    return pd.DataFrame(found).sort_values(["N", "bits"], ignore_index=True)


def fit_curve(cells: Cells) -> tuple[MeanFit, dict[tuple[int, str], int]]:
    """The losses of one D as a curve of the sizes and a share for every set of formats.

    Returns the fit, whose parameters are level, ln front, ln power and the logarithms
    of the shares, and the place of each of these by size and label of the formats.

    >>> from precision_lib.findings.measured import load_measured
    >>> cells = fit_cells(load_measured(["base", "joint"], "short"), 1.75e6)
    >>> len(fit_curve(cells)[1]) == len(cells.names) - cells.runs["N"].nunique()
    True
    """
    rows, high = cells.runs, label({})
    names = [name for name in cells.names if name[1] != high]
    place = {name: START + i for i, name in enumerate(names)}
    keys = list(zip(rows["N"].astype(int), rows["formats"], strict=True))
    at = np.array([place.get(key, -1) for key in keys])
    size = np.log(rows["N"].to_numpy(float) / 98e3)

    def mean(p: Array) -> Array:
        counted = size + np.where(at < 0, 0.0, p[at])
        return np.asarray(np.log(p[0] + np.exp(p[1] - np.exp(p[2]) * counted)))

    whole, known = size_part(cells), cells.fitted.parameters
    start = [whole.level, np.log(whole.front), np.log(whole.power)]
    for name in names:
        cost = max(cells.cost(known, *name), 1e-3)
        start.append(-np.log1p(cost / whole(name[0])) / whole.power)
    low = rows["part"] != "none"
    shared = {"model": rows["model"], "size": rows["N"]}
    rough = {"low precision": low, "few bits": low & (rows["bits"] <= FEW)}
    return fit_mean(np.log(rows["loss"]), mean, start, shared, rough), place


def lengths(measured: Measured, part: str = "weights") -> list[int]:
    """Every D that has the part alone in few bits and `SIZES` sizes unquantized.

    >>> from precision_lib.findings.measured import load_measured
    >>> lengths(load_measured(["base", "parts"], "short"))[-1]
    1750000
    """
    rows = with_part(finished(measured.runs))
    sizes = rows[rows["part"] == "none"].groupby("tokens")["N"].nunique()
    low = set(rows.loc[rows["part"] == part, "tokens"])
    return [int(D) for D in sizes.index[sizes >= SIZES] if D in low]


def unseen_widths(
    runs: pd.DataFrame, asked: pd.DataFrame, laws: Iterable[str], seed: int = 0
) -> pd.DataFrame:
    """What each width costs by laws that were fitted without any run of that width.

    Returns, index the bits; a column a law, in nats.

    `runs`: unquantized runs and those with weights alone in few bits, with what the
    laws read. `asked`: the runs whose cost is predicted; the mean of each width counts.
    `seed`: of the starts of the fits.

    >>> from precision_lib.laws import planted_table
    >>> table = pd.DataFrame(planted_table("effective-weights", 80))
    >>> table = table.assign(gmse=0.0)
    >>> low = table[table["weight_bits"] == 4]
    >>> unseen_widths(table, low, ["effective-weights"]).index.tolist()
    [4]
    """
    found: dict[int, dict[str, float]] = {}
    for bits in sorted(set(asked["weight_bits"])):
        rows = asked[asked["weight_bits"] == bits]
        seen = runs[runs["weight_bits"] != bits]
        found[int(bits)] = {
            law: float(predicted_cost(fit(seen, law, seed=seed), rows).mean())
            for law in laws
        }
    return pd.DataFrame.from_dict(found, orient="index").rename_axis("bits")
