"""How the measured costs of single parts make up that of several together.

With S the part of the loss that a size has to pay, read off the losses of all sizes at
the same D, the shares of the paper multiply when the cost of several parts is
S (prod(1 + c_i / S) - 1); it is the sum of the c_i when costs add.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured
from precision_lib.findings.noise_model import Array, MeanFit, fit_mean
from precision_lib.findings.part_costs import FEW, FORMATS, Cells, fit_cells, label
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION

KINDS = {name: name.replace("_format", "_bits") for name in FORMATS}
RULES = {"sum": "costs add", "product": "shares multiply", "worst": "worst part alone"}


class Mix(NamedTuple):
    """A combination of formats at one size, and its parts.

    >>> Mix(9, "a b", ("a", "b")).parts
    ('a', 'b')
    """

    size: int
    formats: str
    parts: tuple[str, ...]


def between_sum_and_product(measured: Measured, D: float) -> Estimate:
    """0 where the costs of pairs and triples are sums, 1 where shares multiply.

    The costs of the parts, the size part of the loss and this number are fitted
    together, so that its error holds theirs. Combinations with all parts in the same
    bits are left out.

    Raises Undetermined if no combination has all of its parts measured at its size.
    """
    cells = fit_cells(measured, D)
    found = mixes(cells)
    fitted = _fit_rule(cells, found)
    count = len({mix.formats for mix in found})
    return fitted.estimate(lambda p: float(p[0]), count)


def compositions(measured: Measured, D: float) -> pd.DataFrame:
    """Measured cost of each combination beside three rules, without a fit of them.

    Combinations with all parts in the same bits count too.

    Returns columns N, formats, the bits of the three parts, bits (the fewest), tied,
    seeds (models that have it), cost, and for each of `RULES` what it says (sum …), the
    standard error of that less the cost (sum_error …) and the ends of its 95% interval
    (sum_low …), in nats per token. As long as no seed repeats few bits their noise is
    not known, and the ends are missing. Raises Undetermined if no combination has all
    of its parts measured at its size.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "combinations"], "short")
    >>> table = compositions(short, 1.75e6)
    >>> int(table["bits"].min()), bool((table["sum"] > table["worst"]).all())
    (2, True)
    """
    cells = fit_cells(measured, D)
    p, whole = cells.fitted.parameters, size_part(cells)
    keys, known = ["N", "formats"], cells.noise_is_known(0)
    rows = []
    for mix in mixes(cells, tied=True):
        runs = cells.runs[(cells.runs[keys] == [mix.size, mix.formats]).all(axis=1)]
        bits = runs[[*PARTS.values(), "bits"]].astype(int).iloc[0]
        row = {"N": mix.size, "formats": mix.formats, **bits}
        row |= {"tied": bool((runs["part"] == "tied").any())}
        row |= {"seeds": runs["model"].nunique()}
        row |= {"cost": cells.cost(p, mix.size, mix.formats)}
        for rule in RULES:
            above = _above(cells, mix, rule, whole(mix.size))
            found = cells.fitted.estimate(above, row["seeds"])
            low, high = found.interval() if known else (np.nan, np.nan)
            row |= {rule: row["cost"] + found.value, f"{rule}_error": found.error}
            row |= {f"{rule}_low": low, f"{rule}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _above(cells: Cells, mix: Mix, rule: str, whole: float) -> Callable[[Array], float]:
    """What a rule says of a combination, less its measured cost."""

    def above(p: Array) -> float:
        costs = np.array([cells.cost(p, mix.size, part) for part in mix.parts])
        said = {
            "sum": costs.sum(),
            "product": whole * (np.prod(1 + costs / whole) - 1),
            "worst": costs.max(),
        }
        return float(said[rule] - cells.cost(p, mix.size, mix.formats))

    return above


def explained(table: pd.DataFrame) -> pd.DataFrame:
    """How well each rule tells the costs of `compositions`.

    Returns, index the values of `RULES`. Columns: R²; miss, the root mean square of
    what the rule says less the cost, and lean, its mean, in nats per token.
    ``attrs["ceiling"]`` is the R² that a true rule of sums would reach, for the noise
    of the measured costs.

    >>> table = pd.DataFrame({"cost": [0.1, 0.2, 0.3, 0.4], "sum_error": 0.01})
    >>> table = table.assign(sum=table["cost"], product=0.3, worst=0.2)
    >>> explained(table)["R²"].round(2).tolist()
    [1.0, -0.2, -0.2]
    """
    spread = float(table["cost"].var(ddof=0))
    rows = {}
    for rule, name in RULES.items():
        gap = table[rule] - table["cost"]
        square = float((gap**2).mean())
        rows[name] = [1 - square / spread, np.sqrt(square), float(gap.mean())]
    scores = pd.DataFrame.from_dict(rows, "index", columns=["R²", "miss", "lean"])
    noise = float((table["sum_error"] ** 2).mean())
    scores.attrs["ceiling"] = 1 - noise / spread
    return scores


def tied_over_sum(measured: Measured, D: float, bits: int) -> Estimate:
    """ln of the cost of all parts in the same bits over the sum of the three alone.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "joint"], "short")
    >>> abs(tied_over_sum(short, 1.75e6, 4).value) < 0.5
    True
    """
    cells = fit_cells(measured, D)
    parts = [label({kind: bits}) for kind in KINDS.values()]
    tied = label(dict.fromkeys(KINDS.values(), bits))

    def ratio(p: Array, size: int) -> float:
        whole = sum(cells.cost(p, size, part) for part in parts)
        return float(np.log(cells.cost(p, size, tied) / whole))

    return cells.mean(ratio, tied, *parts)


def mixes(cells: Cells, tied: bool = False) -> list[Mix]:
    """The combinations whose parts were all trained alone at their size.

    `tied`: also those with all parts in the same bits.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "combinations"], "short")
    >>> len(mixes(fit_cells(short, 1.75e6))) > 5
    True
    """
    known = set(cells.names)
    rows = cells.runs.drop_duplicates(["N", "formats"])
    rows = rows[rows["part"].isin(["several", "tied"] if tied else ["several"])]
    found = []
    for row in rows.to_dict("records"):
        low = [name for name in FORMATS if row[name] != HIGH_PRECISION]
        parts = tuple(label({name: row[name]}) for name in low)
        size = int(row["N"])
        if all((size, part) in known for part in parts):
            found.append(Mix(size, str(row["formats"]), parts))
    if not found:
        raise Undetermined("no combination has all of its parts measured at its size.")
    return found


def size_part(cells: Cells) -> SizePart:
    """What each size has to pay, fitted to the unquantized losses of all sizes."""
    high = cells.runs[cells.runs["formats"] == label({})]
    mean = high.groupby("N")["loss"].mean()
    sizes = np.log(mean.index.to_numpy(float) / 98e3)
    loss = mean.to_numpy()
    best = min(
        (float(np.linalg.lstsq(_curve(sizes, a), loss, rcond=None)[1].sum()), a)
        for a in np.linspace(0.05, 1.2, 116)
    )[1]
    level, front = np.linalg.lstsq(_curve(sizes, best), loss, rcond=None)[0]
    return SizePart(float(level), float(front), float(best))


class SizePart(NamedTuple):
    """The losses of all sizes at one D as level + front (N / 98k)^-power.

    >>> SizePart(2.0, 1.0, 0.5)(98_000)
    1.0
    """

    level: float
    front: float
    power: float

    def __call__(self, size: float) -> float:
        """What a size lacks to an infinite one, nats."""
        return self.front * float(size / 98e3) ** -self.power


def _curve(sizes: Array, power: float) -> Array:
    return np.column_stack([np.ones_like(sizes), np.exp(-power * sizes)])


def _fit_rule(cells: Cells, found: list[Mix]) -> MeanFit:
    """The number between the rules, then level, front, power, then single costs."""
    singles = sorted({(mix.size, part) for mix in found for part in mix.parts})
    high, rows = label({}), cells.runs
    used = {(m.size, m.formats): m.parts for m in found}
    names = list(zip(rows["N"].astype(int), rows["formats"], strict=True))
    keep = [n[1] == high or n in singles or n in used for n in names]
    rows = rows[keep].reset_index(drop=True)
    names = [name for name, kept in zip(names, keep, strict=True) if kept]
    place = {name: 4 + i for i, name in enumerate(singles)}
    parts = [
        [place[name[0], part] for part in used.get(name, (name[1],))]
        if name[1] != high
        else []
        for name in names
    ]
    size = rows["N"].to_numpy(float) / 98e3

    def mean(p: Array) -> Array:
        whole = np.exp(p[2]) * size ** -np.exp(p[3])
        costs = [p[these] for these in parts]
        added = np.array([c.sum() for c in costs])
        ratio = np.array(
            [np.prod(1 + c / w) for c, w in zip(costs, whole, strict=True)]
        )
        return np.asarray(
            np.log(p[1] + whole + added + p[0] * (whole * (ratio - 1) - added))
        )

    level, front, power = size_part(cells)
    q = cells.fitted.parameters
    start = [0.3, level, np.log(front), np.log(power)]
    start += [cells.cost(q, *name) for name in singles]
    low = rows["part"] != "none"
    rough = {"low precision": low, "few bits": low & (rows["bits"] <= FEW)}
    shared = {"model": rows["model"], "size": rows["N"]}
    return fit_mean(np.log(rows["loss"]), mean, start, shared, rough)
