"""Granularity in training: how many numbers share a scale, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.errors import Undetermined
from precision_lib.findings.measured import Measured
from precision_lib.findings.part_costs import Cells, fit_cells, label
from precision_lib.findings.twins import PARTS

Array = npt.NDArray[np.float64]
Settings = Mapping[str, Mapping[str, Any]]
# The coarse scale of each part comes first.
SETTINGS: dict[str, Settings] = {
    "weights": {
        "a scale a tensor": {"weight_granularity": "tensor"},
        "a scale a channel": {},
    },
    "activations": {
        "a scale a tensor": {},
        "rotated, a scale a tensor": {"rotation": 16},
        "a scale a token": {"activation_granularity": "token"},
    },
}
WIDTHS = range(2, 9)
WORTH = ("worth", "worth_low", "worth_high")


def costs_by_scale(measured: Measured, D: float, part: str) -> pd.DataFrame:
    """What a part alone costs at D, by its bits and by what shares a scale.

    `part`: "weights" or "activations". Only sizes that have the part under each of its
    `SETTINGS` count.

    Returns columns setting, bits, cost with the ends of its 95% interval (low, high) in
    nats per token, and models.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "granularity"], "short")
    >>> sorted(set(costs_by_scale(short, 1.75e6, "weights")["setting"]))
    ['a scale a channel', 'a scale a tensor']
    """
    cells, rows = fit_cells(measured, D), []
    size = _size(cells, part)
    for setting, how in SETTINGS[part].items():
        for bits in WIDTHS:
            formats = label({PARTS[part]: bits, **how})
            if (size, formats) not in cells.names:
                continue
            found = cells.cost_estimate(size, formats).row("cost", "models")
            rows.append({"setting": setting, "bits": bits, **found})
    return pd.DataFrame(rows)


def saved_by_scale(measured: Measured, D: float, part: str) -> pd.DataFrame:
    """What each finer setting saves over the coarse one, in nats and in bits.

    Returns, index setting and bits. Columns nats per token, low and high (95%); worth,
    how many bits more the coarse setting needs for the same cost, with worth_low and
    worth_high, NaN where its widths do not reach that cost; and models.

    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "granularity"], "short")
    >>> bool(saved_by_scale(short, 1.75e6, "weights")["nats"].gt(0).any())
    True
    """
    cells = fit_cells(measured, D)
    size = _size(cells, part)
    (coarse, how), *finer = SETTINGS[part].items()
    known = [b for b in WIDTHS if (size, label({PARTS[part]: b, **how})) in cells.names]
    rows = {}
    for (setting, other), bits in ((one, b) for one in finer for b in known):
        formats = label({PARTS[part]: bits, **other})
        if (size, formats) not in cells.names:
            continue

        def of_coarse(p: Array, width: int) -> float:
            return cells.cost(p, size, label({PARTS[part]: width, **how}))

        def saved(p: Array, bits: int = bits, formats: str = formats) -> float:
            return of_coarse(p, bits) - cells.cost(p, size, formats)

        def worth(p: Array, bits: int = bits, formats: str = formats) -> float:
            costs = np.array([of_coarse(p, width) for width in known])
            above = costs > 0
            cost = cells.cost(p, size, formats)
            if not (above.any() and costs[above].min() <= cost <= costs.max()):
                return float("nan")
            logs = np.log(costs[above])[::-1]
            needed = np.interp(np.log(cost), logs, np.array(known)[above][::-1])
            return float(needed) - bits

        units = cells.models(size, formats)
        row = cells.fitted.estimate(saved, units).row("nats", "models")
        if np.isfinite(worth(cells.fitted.parameters)):
            in_bits = cells.fitted.estimate(worth, units)
            row |= dict(zip(WORTH, (in_bits.value, *in_bits.interval()), strict=True))
        rows[setting, bits] = row
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.rename_axis(["setting", "bits"])
    return table.reindex(columns=["nats", "low", "high", *WORTH, "models"])


def _size(cells: Cells, part: str) -> int:
    """The smallest size that has the part under each of its settings."""
    having = []
    for how in SETTINGS[part].values():
        names = {label({PARTS[part]: bits, **how}) for bits in WIDTHS}
        having.append({size for size, formats in cells.names if formats in names})
    if not (shared := set.intersection(*having)):
        raise Undetermined(f"no size has {part} under each granularity.")
    return min(shared)
