"""The answer to a question: numbers, their intervals, and what to distrust."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from precision_lib.decide.search import Array

BEYOND = "beyond any data"
BITS = ("P", "P_post")
LABELS = {
    "N": "N, parameters",
    "D": "D, tokens",
    "P": "P, bits",
    "P_post": "P after training, bits",
    "loss": "loss, nats per token",
    "tokens_per_parameter": "D/N",
    "N_eff": "N unquantized, as good",
    "share": "its share of N",
    "factor": "N over it",
    "above": "above the best",
    "delta": "rounding adds, nats",
    "GB": "GB of weights",
    "N_from": "nearly as good: N from",
    "N_to": "to",
    "qat_share": "share of the tokens in few bits",
    "D_start": "tokens before",
    "perplexity_ratio": "perplexity, times",
    "token_share": "as good unrounded on a share of D",
    "size_share": "or of N",
    "normal_from": "95% of such models add from",
    "normal_to": "to",
    "measured_over_predicted": "measured / predicted",
    "chance": "chance of one as far off",
    "end_gains": "gained by the fall of the rate, nats",
    "tokens_gain": "gained by tokens to come, nats",
}  # of what questions answer, for people


def brief(value: float) -> str:
    """A number in three digits, large ones with K, M, B or T; a dash for none.

    >>> brief(1.234e9), brief(0.0123), brief(350_000), brief(2e16), brief(float("nan"))
    ('1.23B', '0.0123', '350K', '2e+16', '-')
    """
    if value != value:
        return "-"
    for limit, mark in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if limit <= abs(value) < 1e15:
            return f"{value / limit:.3g}{mark}"
    return f"{value:.3g}"


@dataclass(frozen=True)
class Decision:
    """What a law answers.

    >>> Decision("How many?", {"P": 7.0}, {"P": (6.5, 7.6)}).values["P"]
    7.0
    """

    question: str  #: in one line
    #: The answer by name: N parameters, D tokens, P bits, loss (nats/token),
    values: dict[str, float]
    #: Middle 95% (or the level asked for) over the bootstrap replicates; empty where
    #: the fit carries none
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  #: what to distrust, in sentences
    #: The answer under each replicate, shape (R,)
    draws: dict[str, Array] = field(default_factory=dict, repr=False, compare=False)
    #: -1 or 1 where the first value lies at the lower or upper end of the range that
    #: was searched, so that the optimum may be lower or higher; else 0
    end: int = 0
    #: Name of a value that no training will ever reach; empty for none
    beyond: str = ""
    #: What of it lies outside the runs that were fitted, "N and D"; empty for nothing
    outside: str = ""

    def noting(self, *sentences: str) -> Decision:
        """The same answer with these sentences before its notes.

        >>> Decision("How many?", {}, notes=("b",)).noting("a").notes
        ('a', 'b')
        """
        return replace(self, notes=(*sentences, *self.notes))

    @property
    def at_end(self) -> dict[str, str]:
        """What to say behind a value at an end of the range, or beyond any data.

        >>> Decision("How many?", {"P": 4.0, "N": 1e9}, end=-1).at_end
        {'P': 'or fewer'}
        """
        if self.beyond:
            return {self.beyond: BEYOND}
        if not self.end:
            return {}
        name = next(iter(self.values))
        less = "or fewer" if name in BITS else "or less"
        return {name: less if self.end < 0 else "or more"}

    def to_dict(self) -> dict[str, Any]:
        """Plain types for JSON; a value that does not exist is None.

        >>> Decision("How many?", {"P": float("nan")}).to_dict()["values"]
        {'P': None}
        """
        return {
            "question": self.question,
            "values": {name: _plain(v) for name, v in self.values.items()},
            "intervals": {
                name: [_plain(low), _plain(high)]
                for name, (low, high) in self.intervals.items()
            },
            "at_end": self.at_end,
            "outside": self.outside,
            "notes": list(self.notes),
        }


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
