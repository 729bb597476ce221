"""An estimate with its standard error, and the intervals that follow from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy import stats


@dataclass(frozen=True)
class Estimate:
    """One number from the runs.

    >>> low, high = Estimate(0.5, 0.1, units=9).interval()
    >>> round(low, 3), round(high, 3)
    (0.304, 0.696)
    """

    #: value, error: the estimate and its standard error
    value: float
    error: float
    units: int  #: what it rests on, counted as the preregistration says; not rows
    #: Degrees of freedom of the error; infinite where it is as good as known
    freedom: float = math.inf
    #: Those of a 95% interval that is not symmetric, such as Wilson's; the error is not
    #: used then
    ends: tuple[float, float] | None = None
    #: The same number from other ranges of D, where it moves with the range; an
    #: interval holds theirs too
    others: tuple[Estimate, ...] = ()

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Both ends, wide enough for the ranges of D that disagree."""
        pairs = [self._own(level), *(one._own(level) for one in self.others)]
        return min(low for low, _ in pairs), max(high for _, high in pairs)

    def over(self, ranges: Sequence[Estimate]) -> Estimate:
        """The same with those of other ranges that differ by more than noise.

        A range is part of the whole, so the variance of the difference is the
        difference of the variances (Hausman 1978, doi:10.2307/1913827).

        >>> whole = Estimate(0.5, 0.01, units=9)
        >>> moved = whole.over([Estimate(0.4, 0.02, 9), Estimate(0.49, 0.02, 9)])
        >>> [one.value for one in moved.others]
        [0.4]
        """
        found = []
        for one in ranges:
            noise = math.sqrt(max(one.error**2 - self.error**2, (one.error / 4) ** 2))
            reach = float(stats.t.ppf(0.975, one.freedom)) * noise
            if abs(one.value - self.value) > reach:
                found.append(one)
        return replace(self, others=(*self.others, *found))

    def row(self, name: str = "estimate", units: str = "units") -> dict[str, float]:
        """The value, the ends of its interval and the units, as a table has them.

        >>> Estimate(0.5, 0.0, units=3).row("cost", "models")
        {'cost': 0.5, 'low': 0.5, 'high': 0.5, 'models': 3}
        """
        low, high = self.interval()
        return {name: self.value, "low": low, "high": high, units: self.units}

    def _own(self, level: float) -> tuple[float, float]:
        if self.ends is not None:
            return self.ends
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return self.value - reach, self.value + reach
