"""The parts of a model beside each other, by the law of effective parameters."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.decide import paper_fit
from precision_lib.findings.twins import PARTS
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Bootstrap, Fit
from precision_lib.laws.forms.share import kept

Array = npt.NDArray[np.float64]


def share_curves(replicates: Bootstrap, bits: Iterable[float]) -> pd.DataFrame:
    """The share f(P) that each part keeps, with 95% intervals, beside the paper's.

    Returns one row a part and number of bits: part, bits, estimate, low, high, paper.
    Ours is 0 where the law leaves nothing; the paper's, with its offsets, NaN there.

    `replicates`: of the law "effective", whose every replicate holds all three parts;
    `bits`: iterable of float.

    >>> from precision_lib.laws import bootstrap, fit, planted_table
    >>> found = fit(planted_table("effective", 60), "effective", starts=5)
    >>> curves = share_curves(bootstrap(found, replicates=5), [4.0, 8.0])
    >>> curves.columns.tolist()
    ['part', 'bits', 'estimate', 'low', 'high', 'paper']
    """
    paper = paper_fit().params
    rows = []
    for part in PARTS:
        ours = replicates.fit.params
        gamma, n = f"gamma_{part}", f"n_{part}"
        draws = replicates.params[gamma], replicates.params[n]
        for b in bits:
            ends = np.percentile(np.nan_to_num(kept(b, *draws)), [2.5, 97.5])
            estimate = float(np.nan_to_num(kept(b, ours[gamma], ours[n])))
            row = {"part": part, "bits": b, "estimate": estimate}
            published = float(kept(b, paper[gamma], paper[n]))
            rows.append(row | {"low": ends[0], "high": ends[1], "paper": published})
    return pd.DataFrame(rows)


def cost_by_law(fit: Fit, runs: pd.DataFrame) -> Array:
    """Predicted loss of each run above that of its unquantized twin, nats per token.

    >>> from precision_lib.decide import paper_fit
    >>> run = pd.DataFrame({"N": [3e7], "D": [1e9], "weight_bits": [4]})
    >>> cost_by_law(paper_fit(), run.assign(activation_bits=32, kv_bits=32)).round(2)
    array([0.16])
    """
    twins = runs.assign(**dict.fromkeys(PARTS.values(), HIGH_PRECISION_BITS))
    return np.asarray(fit.predict(runs) - fit.predict(twins))
