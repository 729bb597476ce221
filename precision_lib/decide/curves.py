r"""The end of a run from the first part of its curve, the schedule's end included.

While the rate is high a loss lies above what its weights would reach at a low one, and
comes down as the rate does ("river valley": Wen et al., arXiv 2410.05192; an annealing
term beside a power law of the area under the rate: Tissue et al., arXiv 2408.11029):
``L(t) = E + A S(t)^-1/2 + K r(t)`` with ``r`` the rate over its peak and ``S`` the
tokens weighted by it. E and A are read off the curve. K is not there before the rate
falls: it comes from finished runs, which also say how wrong such a forecast was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from precision_lib.decide.decision import Decision, brief
from precision_lib.errors import UserError

Array = npt.NDArray[np.float64]
SCHEDULES = ("cosine", "linear", "constant", "wsd")
POWERS = (0.01, 0.3, 0.5, 1.0)  # of S, in the interval of a lone curve; 0.5 is used
EARLY = 0.35  # of the curve so far, which says little of its end
FEWEST_POINTS, FEWEST_RUNS = 4, 3
GRID = np.linspace(0.0, 1.0, 2001)
FALLS = 0.02  # of the peak that the rate must still lose for its end to matter


@dataclass(frozen=True)
class Schedule:
    """A learning rate over a run: linear warmup, then what the name says.

    >>> Schedule("linear").rate(np.array([0.05, 0.1, 0.55, 1.0])).round(3).tolist()
    [0.5, 1.0, 0.5, 0.0]
    """

    #: One of `SCHEDULES`; ``wsd`` is constant and then linear over the last `decay`
    name: str
    #: warmup, final, decay: share of the run, last rate over the peak, share of the run
    warmup: float = 0.1
    final: float = 0.0
    decay: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a name that there is not, and shares that are none."""
        if self.name not in SCHEDULES:
            raise UserError(
                f"there is no schedule {self.name!r}; choose from "
                f"{', '.join(SCHEDULES)}."
            )
        for name in ("warmup", "final", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(
                    f"{name} is {getattr(self, name):g}; give a share from 0 to 1."
                )

    def rate(self, share: Array) -> Array:
        """Rate over its peak at shares of the run."""
        start = self.warmup if self.name != "wsd" else max(self.warmup, 1 - self.decay)
        done = np.clip((share - start) / max(1 - start, 1e-12), 0, 1)
        left = 1 - done
        if self.name == "cosine":
            left = 0.5 * (1 + np.cos(np.pi * done))
        elif self.name == "constant":
            left = np.ones_like(share)
        up = np.clip(share / max(self.warmup, 1e-12), 0, 1)
        found: Array = np.minimum(up, self.final + (1 - self.final) * left)
        return found

    def area(self, share: Array) -> Array:
        """Integral of the rate from 0 to shares of the run."""
        found: Array = np.interp(share, GRID, self._areas)
        return found

    @cached_property
    def _areas(self) -> Array:
        """The integral on the grid, the same for every curve of a recipe."""
        height = self.rate(GRID)
        steps = (height[1:] + height[:-1]) / 2 * np.diff(GRID)
        return np.concatenate([[0], np.cumsum(steps)])


@dataclass(frozen=True)
class Curve:
    """Losses along one run."""

    #: tokens, loss: rising tokens, and the loss there in nats per token (n,)
    tokens: Array
    loss: Array
    total: float  #: tokens at the end of the run

    @property
    def seen(self) -> float:
        """Share of the run that the curve shows."""
        return float(self.tokens[-1] / self.total)

    def until(self, share: float) -> Curve:
        """Its first part."""
        kept = self.tokens <= share * self.total * (1 + 1e-9)
        return Curve(self.tokens[kept], self.loss[kept], self.total)


def forecast(
    curve: Curve,
    schedule: Schedule,
    finished: Sequence[Curve] = (),
    level: float = 0.95,
) -> Decision:
    """Loss at the end of a run.

    Returns loss, end_gains (what the fall of the rate that is still to come takes off)
    and tokens_gain (what the tokens that are still to come take off). The same forecast
    of the finished runs says how wrong it is: their mean error is taken off, and the
    interval is that of their errors. Where the rate does not fall any more a lone curve
    will do, with an interval over powers of S. Raises UserError where the rate will
    fall and fewer than 3 finished runs show what that gains, or too few losses are
    there.

    `curve`: so far; `schedule`: of the whole run; `finished`: whole curves of runs of
    one recipe, which may differ in N and D.

    >>> tokens = np.linspace(0.05, 1, 20) * 1e9
    >>> wsd = Schedule("wsd")
    >>> def planted(gain):
    ...     share = tokens / 1e9
    ...     drop = 5 * wsd.area(share) ** -0.5
    ...     return Curve(tokens, 2 + drop / 5 + gain * wsd.rate(share), 1e9)
    >>> whole = [planted(gain) for gain in (0.19, 0.2, 0.21)]
    >>> found = forecast(planted(0.2).until(0.7), wsd, whole)
    >>> bool(abs(found.values["loss"] - planted(0.2).loss[-1]) < 1e-3)
    True
    """
    _usable(curve, schedule)
    falls = float(
        schedule.rate(np.array([curve.seen]))[0] - schedule.rate(GRID[-1:])[0]
    )
    if falls < FALLS and len(finished) < FEWEST_RUNS:
        return _lone(curve, schedule, level)
    if len(finished) < FEWEST_RUNS:
        raise UserError(
            f"the rate of this {schedule.name} schedule still falls by {falls:.0%} of "
            "its peak, and what that gains is not in the curve; give at least "
            f"{FEWEST_RUNS} finished runs of the same recipe beside it."
        )
    gains = np.array([_gain(each, schedule) for each in finished])
    errors = _errors(curve.seen, schedule, finished, gains)
    end, tokens = _end(curve, schedule, float(gains.mean()))
    bias, spread = float(np.mean(errors)), float(np.std(errors, ddof=1))
    end -= bias
    arm = _student(level, len(errors) - 1) * spread * np.sqrt(1 + 1 / len(errors))
    values = {"loss": end, "end_gains": float(gains.mean()) * falls}
    values["tokens_gain"] = tokens
    said = (
        f"On the {len(errors)} finished runs, forecast from their first "
        f"{curve.seen:.0%}, this was off by {spread:.2g} nats (standard deviation) "
        f"once their mean error of {bias:+.2g} was taken off, as it is here."
    )
    return Decision(_what(curve), values, {"loss": (end - arm, end + arm)}, (said,))


def _errors(
    seen: float, schedule: Schedule, finished: Sequence[Curve], gains: Array
) -> list[float]:
    """How far each finished run, forecast from a share and the others, was off."""
    errors = []
    for one, each in enumerate(finished):
        part = each.until(seen)
        _usable(part, schedule)
        others = float(np.delete(gains, one).mean())
        errors.append(_end(part, schedule, others)[0] - float(each.loss[-1]))
    return errors


def _what(curve: Curve) -> str:
    return f"loss at {brief(curve.total)} tokens, {curve.seen:.0%} of them seen"


def _usable(curve: Curve, schedule: Schedule) -> None:
    if curve.tokens.size and curve.seen > 1 + 1e-9:
        raise UserError(
            f"the curve goes to {brief(curve.tokens[-1])} tokens, beyond the "
            f"{brief(curve.total)} of the run; check the total."
        )
    count = int(_late(curve, schedule).sum()) if curve.tokens.size else 0
    if count < FEWEST_POINTS:
        raise UserError(
            f"only {count} losses lie between the warmup and where the curve ends; at "
            f"least {FEWEST_POINTS} are needed."
        )


def _late(curve: Curve, schedule: Schedule) -> npt.NDArray[np.bool_]:
    start = max(1.2 * schedule.warmup * curve.total, EARLY * curve.tokens[-1])
    late: npt.NDArray[np.bool_] = curve.tokens > start
    return late


def _columns(
    curve: Curve, schedule: Schedule, power: float = 0.5
) -> tuple[Array, Array, float]:
    """One and S^-power at the losses and at the end, the rate there, and its end."""
    share = np.append(curve.tokens[_late(curve, schedule)] / curve.total, 1.0)
    area = schedule.area(share) / schedule.area(share[-1:])
    rate = schedule.rate(share)
    return np.column_stack([np.ones(share.size), area**-power]), rate[:-1], rate[-1]


def _gain(curve: Curve, schedule: Schedule) -> float:
    """K of a finished run: what all of the peak rate adds to its loss."""
    design, rate, _ = _columns(curve, schedule)
    loss = curve.loss[_late(curve, schedule)]
    found, *_ = np.linalg.lstsq(np.column_stack([design[:-1], rate]), loss)
    return float(found[2])


def _end(
    curve: Curve, schedule: Schedule, gain: float, power: float = 0.5
) -> tuple[float, float]:
    """Loss at the end for a given K, and what the tokens until then take off."""
    design, rate, last = _columns(curve, schedule, power)
    loss = curve.loss[_late(curve, schedule)] - gain * rate
    (floor, drop), *_ = np.linalg.lstsq(design[:-1], loss)
    if drop < 0:  # a curve that rises has nothing to gain from tokens
        floor, drop = loss.mean(), 0.0
    end = floor + drop * design[-1, 1] + gain * last
    return float(end), float(drop * (design[-2, 1] - design[-1, 1]))


def _lone(curve: Curve, schedule: Schedule, level: float) -> Decision:
    """Where the rate has fallen, or never does: the curve alone, its power unknown."""
    late = _late(curve, schedule)
    ends = []
    for power in POWERS:
        end, _ = _end(curve, schedule, 0.0, power)
        design, *_ = _columns(curve, schedule, power)
        left = np.linalg.qr(design[:-1])[0]
        noise = curve.loss[late] - left @ (left.T @ curve.loss[late])
        spread = np.sqrt(noise @ noise / max(noise.size - 2, 1))
        solved = np.linalg.solve(design[:-1].T @ design[:-1], design[-1])
        arm = _student(level, max(noise.size - 2, 1)) * spread
        arm *= np.sqrt(1 + design[-1] @ solved)
        ends += [end - arm, end + arm]
    end, tokens = _end(curve, schedule, 0.0)
    values = {"loss": end, "end_gains": 0.0, "tokens_gain": tokens}
    said = (
        "The power with which tokens lower the loss is assumed; finished runs beside "
        "this one would say how wrong that is."
    )
    return Decision(
        _what(curve), values, {"loss": (float(min(ends)), float(max(ends)))}, (said,)
    )


def _student(level: float, freedom: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))
