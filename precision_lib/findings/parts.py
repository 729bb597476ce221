"""What each part costs alone at each width, measured and by a law."""

from __future__ import annotations

from itertools import product

import pandas as pd

from precision_lib.decide import paper_fit
from precision_lib.findings.composition import size_part
from precision_lib.findings.measured import Measured
from precision_lib.findings.noise_model import Array
from precision_lib.findings.part_costs import fit_cells, label
from precision_lib.findings.twins import PARTS
from precision_lib.laws.forms.share import kept


def costs_by_width(measured: Measured, D: float) -> pd.DataFrame:
    """Cost of each part alone at each width and size, and the share that it leaves.

    Returns columns N, part, bits, models (that have it), cost with the ends of its 95%
    interval (low, high) in nats per token, share, of the parameters, read off the
    losses of all sizes at the same D, and paper, its law's share with the offsets. As
    long as no seed repeats few bits their noise is not known, and the ends of their
    costs are missing.

    >>> from precision_lib.findings.measured import load_measured
    >>> table = costs_by_width(load_measured(["base", "parts"], "short"), 1.75e6)
    >>> table.groupby("part")["bits"].min().tolist()
    [2, 2, 2]
    """
    cells, paper = fit_cells(measured, D), paper_fit().params
    whole = size_part(cells)
    alone = cells.runs[cells.runs["part"].isin(PARTS)]
    rows = []
    for run in alone.drop_duplicates(["N", "formats"]).to_dict("records"):
        size, part, bits = int(run["N"]), str(run["part"]), int(run["bits"])
        formats = label({PARTS[part]: bits})
        if run["formats"] != formats:  # other scales
            continue
        found = cells.as_known(cells.cost_estimate(size, formats), bits)
        share = (1 + max(found.value, 0) / whole(size)) ** (-1 / whole.power)
        published = kept(float(bits), paper[f"gamma_{part}"], paper[f"n_{part}"])
        row = {"N": size, "part": part, "bits": bits, **found.row("cost", "models")}
        rows.append(row | {"share": share, "paper": float(published)})
    return pd.DataFrame(rows).sort_values(["N", "part", "bits"], ignore_index=True)


def above_weights(measured: Measured, D: float) -> pd.DataFrame:
    """What activations and KV cache cost above weights in the same bits.

    Returns, index part and bits, where a size has both. Columns: nats, low and high
    (95%, as in `costs_by_width`), and models.

    >>> from precision_lib.findings.measured import load_measured
    >>> table = above_weights(load_measured(["base", "parts"], "short"), 1.75e6)
    >>> bool(table.loc[("activations", 4), "low"] > 0)
    True
    """
    cells, rows = fit_cells(measured, D), {}
    have = pd.DataFrame(cells.names, columns=["N", "formats"]).groupby("formats")["N"]
    sizes = have.agg(set).to_dict()
    for part, bits in product(("activations", "kv"), range(2, 9)):
        two = label({PARTS[part]: bits}), label({PARTS["weights"]: bits})
        if not sizes.get(two[0], set()) & sizes.get(two[1], set()):
            continue

        def gap(p: Array, size: int, two: tuple[str, str] = two) -> float:
            return cells.cost(p, size, two[0]) - cells.cost(p, size, two[1])

        found = cells.as_known(cells.mean(gap, *two), bits)
        rows[part, bits] = found.row("nats", "models")
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(["part", "bits"])
