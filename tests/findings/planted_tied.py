"""Runs with all parts in the same bits and known constants."""

import numpy as np
import pandas as pd

from precision_lib.findings.twins import TWIN, twin_groups
from precision_lib.laws import get_law


def made_up_runs(seed: int = 0) -> pd.DataFrame:
    """Tied runs that follow ``effective-tied``; their best precision is 5.9 bits."""
    generator = np.random.default_rng(seed)
    cells = [(n, d, s) for n in (2e4, 6e4, 1.5e5) for d in (4e5, 8e5, 1.6e6)
             for s in (0, 1)]  # fmt: skip
    rows = [(*cell, bits) for bits in (32, 3, 4, 5, 6, 8) for cell in cells]
    table = pd.DataFrame(rows, columns=[*TWIN, "weight_bits"])
    table["activation_bits"] = table["kv_bits"] = table["weight_bits"]
    constants = dict(E=1.0, A=60.0, alpha=0.35, B=900.0, beta=0.5, gamma=1.6, n=1.2)
    law = get_law("effective-tied")
    exact = law.predict(*(table[n].to_numpy(float) for n in law.columns()), **constants)
    noise = np.exp(0.003 * generator.standard_normal(len(table)))
    return table.assign(loss=exact * noise, group=twin_groups(table))
