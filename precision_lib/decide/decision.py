"""The answer to a question: numbers, their intervals, and what to distrust."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from precision_lib.decide.search import Array

BEYOND = "beyond any data"


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
        {'P': 'or less'}
        """
        if self.beyond:
            return {self.beyond: BEYOND}
        words = {-1: "or less", 1: "or more"}
        return {next(iter(self.values)): words[self.end]} if self.end else {}

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
