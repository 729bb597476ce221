"""A small table of made-up runs, for docstrings and for trying things out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from precision_lib.laws.fit import fit
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.dual import Array

PLANTED = {"E": 1.8, "A": 480.0, "alpha": 0.35, "B": 2000.0, "beta": 0.37}


def example_table(noise: float = 0.003, seed: int = 0) -> dict[str, Array]:
    """30 made-up runs that follow the Chinchilla law with known constants.

    >>> sorted(example_table())
    ['D', 'N', 'loss', 'seed']
    """
    sizes, tokens = np.geomspace(1e6, 1e9, 5), np.geomspace(1e8, 1e11, 6)
    N, D = (grid.ravel() for grid in np.meshgrid(sizes, tokens))
    clean = PLANTED["E"] + PLANTED["A"] * N ** -PLANTED["alpha"]
    clean = clean + PLANTED["B"] * D ** -PLANTED["beta"]
    generator = np.random.default_rng(seed)
    loss = clean * np.exp(noise * generator.standard_normal(N.size))
    group: Array = np.arange(N.size, dtype=float) % 3
    return {"N": N, "D": D, "loss": loss, "seed": group}


@lru_cache
def example_fit() -> Fit:
    """The Chinchilla law fitted to `example_table`.

    >>> round(example_fit().r2, 2)
    1.0
    """
    return fit(example_table(), "chinchilla")
