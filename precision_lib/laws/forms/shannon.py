"""Training as a noisy channel: more data is more signal and more noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from precision_lib.laws.law import Law, Parameter, coefficient, exponent


def _noise(name: str, meaning: str, term: Any) -> Parameter:
    """A coefficient whose term is its share of the signal at the table's centre."""
    known = coefficient(name, meaning, term)
    return replace(known, start=(1e-3, 1.0), bounds=(1e-9, 1e6))


class Shannon(Law):
    """Loss is one over the capacity of a channel, and may rise again with data.

    Size is the bandwidth, data the signal, and what a rounding or another disturbance
    adds is noise, so each width is a fit of its own. Only ratios to b matter, so that
    it is held at 1 and eight of the nine constants are fitted. Three independent
    summaries agree on the form; none prints the constants of the fits to Pythia.

    >>> known = dict(a=0.1, alpha=0.0, b=1.0, beta=1.0, gamma=0.0, d=0.0, delta=0.0)
    >>> float(Shannon.predict(1e8, 3.0, **known, c=1.0, e=0.0))
    5.0
    """

    name = "shannon"
    formula = "L = 1 / [a N^alpha log2(1 + b D^beta / (c (D N)^gamma + d D^delta + e))]"
    source = "Ouyang et al. 2026, arXiv 2605.23901 (by three secondary sources)"
    parameters = (
        replace(
            coefficient("a", "bandwidth", lambda N, alpha: N**alpha),
            start=(0.003, 0.3),
        ),
        replace(exponent("alpha", "how fast size widens the channel"),
                start=(0.02, 0.5)),
        Parameter("b", "signal", "", (0.5, 2.0), (1e-9, 1e9), "log", fixed=1.0),
        exponent("beta", "how fast data raises the signal"),
        _noise("c", "noise of model and data",
               lambda N, D, gamma, beta: (D * N) ** gamma * D**-beta),
        exponent("gamma", "how fast size and data raise their noise"),
        _noise("d", "noise of the data", lambda D, delta, beta: D ** (delta - beta)),
        exponent("delta", "how fast data raises its noise"),
        _noise("e", "noise that is always there", lambda D, beta: D**-beta),
    )  # fmt: skip

    @staticmethod
    def predict(N, D, *, a, alpha, b, beta, c, gamma, d, delta, e):
        noise = c * (D * N) ** gamma + d * D**delta + e
        return 1 / (a * N**alpha * np.log2(1 + b * D**beta / noise))
