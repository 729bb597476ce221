"""Profile likelihood: how bad the best fit gets when one parameter is held."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.likelihood import deviance_scale
from precision_lib.laws.result import Fit
from precision_lib.laws.solver.dual import Array
from precision_lib.laws.solver.problem import Problem
from precision_lib.laws.solver.space import hold

BEYOND = 1.2  # of the way to where an interval ends: a leap to see that it does
LEAPS = 5
ABOVE = 1.3  # times what the line says: farther above it a leap is not believed
STEPS = 30  # refits to one side before the search for the interval's end gives up


@dataclass(frozen=True)
class Profile:
    """Refits with one parameter held at a row of values."""

    name: str  #: the parameter held
    values: Array  #: where it was held, ascending; the optimum is among them
    objective: Array  #: minimized objective at each
    deviance: Array  #: rise of the objective in units of a squared t value
    #: Where the deviance stays below the critical value; an end is infinite (or zero,
    #: for a positive parameter) where the data do not bound it
    interval: tuple[float, float]
    closed: tuple[bool, bool]  #: whether the data bound the parameter below, and above
    level: float  #: of the interval

    @property
    def bounded(self) -> bool:
        """Whether the data bound the parameter on both sides."""
        return all(self.closed)


def profile(fit: Fit, name: str, level: float = 0.95) -> Profile:
    """Profile one parameter of a fit.

    Raises UserError if the parameter is not fitted, or the fit has no table.

    `fit`: from `precision_lib.laws.fit`, not from a file; `name`: a fitted parameter;
    `level`: of the interval.

    >>> from precision_lib.laws import example_fit
    >>> found = profile(example_fit(), "alpha")
    >>> found.bounded, found.interval[0] < 0.35 < found.interval[1]
    (True, True)
    """
    walk, critical = _walk(fit, name, level)
    down, up = walk.side(-1.0, critical), walk.side(1.0, critical)
    steps = sorted({0.0: (fit.objective, 0.0), **down, **up}.items())
    objective = np.array([o for _, (o, _) in steps])
    deviance = np.array([d for _, (_, d) in steps])
    values = np.array([walk.value(at) for at, _ in steps])
    below, above = _crossing(down, critical, -1.0), _crossing(up, critical, 1.0)
    ends = (walk.value(-below), walk.value(above))
    closed = (bool(np.isfinite(below)), bool(np.isfinite(above)))
    return Profile(name, values, objective, deviance, ends, closed, level)


def bounded(fit: Fit, name: str, level: float = 0.95) -> tuple[bool, bool]:
    """Whether the data bound a parameter below, and above: `closed` of its profile.

    It leaps to where a parabola would end the interval, and asks for one refit there.

    Raises UserError as :func:`profile` does.

    >>> from precision_lib.laws import example_fit
    >>> bounded(example_fit(), "alpha")
    (True, True)
    """
    walk, critical = _walk(fit, name, level)
    return walk.ends(-1.0, critical), walk.ends(1.0, critical)


def _walk(fit: Fit, name: str, level: float) -> tuple[_Walk, float]:
    """The refits of a parameter, and the deviance at which its interval ends."""
    from scipy.stats import t as student

    if fit.problem is None or fit.z is None:
        raise UserError("this fit came from a file without its table; fit again.")
    if not 0 < level < 1:
        raise UserError(f"level is {level}; give a number between 0 and 1.")
    hold(fit.problem.space, name, fit.params.get(name, float("nan")))
    critical = float(student.ppf((1 + level) / 2, max(fit.n - fit.z.size, 1))) ** 2
    return _Walk(fit, name), critical


class _Walk:
    """Refits at growing distances from the optimum, each started from the last."""

    def __init__(self, fit: Fit, name: str) -> None:
        assert fit.problem is not None and fit.z is not None
        self.fit, self.name, self.problem = fit, name, fit.problem
        self.scale = max(deviance_scale(fit.problem, fit.z), 1e-300)
        self.best = fit.params[name]
        coordinate = fit.problem.space.slots[name].parameter.coordinate
        self.log = coordinate == "log" and self.best > 0
        self.first = 0.01 if self.log else 0.01 * max(abs(self.best), 0.1)

    def value(self, at: float) -> float:
        if not self.log:
            return self.best + at
        with np.errstate(over="ignore"):
            return float(self.best * np.exp(at))

    def side(self, sign: float, critical: float) -> dict[float, tuple[float, float]]:
        found: dict[float, tuple[float, float]] = {}
        distance, params = self.first, self.fit.params
        reached = 0.0
        for _ in range(STEPS):
            at = sign * distance
            if not self._allowed(at):
                break
            objective, params = self._refit(self.value(at), params)
            if not np.isfinite(objective):
                break
            deviance = 2 * (objective - self.fit.objective) / self.scale
            found[at] = (objective, max(deviance, 0.0))
            if deviance > 1.5 * critical:
                break
            reached = float(np.sqrt(max(deviance, 0.0)))
            distance += _stride(distance, reached, float(np.sqrt(critical)))
        return found

    def ends(self, sign: float, critical: float) -> bool:
        """Whether the deviance reaches the critical value on one side.

        Its root is a line for a parabola, and bends down where the data know little. A
        leap that ends above the line may be another optimum: then the side is walked.
        """
        z, goal = self.fit.z, float(np.sqrt(critical))
        assert z is not None
        limits = self.problem.space.limits()
        along, width = self._valley()
        at, root, slope = 0.0, 0.0, 1 / width
        for _ in range(LEAPS):
            step = min((BEYOND * goal - root) / slope, max(at, 2 * goal * width))
            if not (0 < step < np.inf and self._allowed(sign * (at + step))):
                break
            moved = np.clip(z + sign * (at + step) * along, *limits)
            foot = self.problem.params(moved)
            objective, _ = self._refit(self.value(sign * (at + step)), foot)
            rise = max(objective - self.fit.objective, 0.0)
            reached = float(np.sqrt(2 * rise / self.scale))
            if not reached <= ABOVE * (root + slope * step):
                break
            if reached >= goal:
                return True
            at, root, slope = at + step, reached, max(reached - root, 1e-9) / step
        walked = self.side(sign, critical).values()
        return any(deviance >= critical for _, deviance in walked)

    def _valley(self) -> tuple[Array, float]:
        """The way of the best fits as the parameter moves, were the objective a
        parabola: coordinates a unit of distance, and the distance of deviance one."""
        z, space = self.fit.z, self.problem.space
        assert z is not None
        near = z + 1e-6 * np.vstack([np.eye(z.size), -np.eye(z.size)])
        moved = np.ravel(space.scalars(near)[self.name])
        up, down = (np.log(moved) if self.log else moved).reshape(2, -1)
        slope = (up - down) / 2e-6
        _, jacobian = self.problem.model(z[None, :])
        bend = (jacobian[0] * self.problem.weight) @ jacobian[0].T
        inverse = np.linalg.pinv(bend, hermitian=True)
        spread = max(float(slope @ inverse @ slope), 1e-300)
        return inverse @ slope / spread, float(np.sqrt(spread * self.scale))

    def _allowed(self, at: float) -> bool:
        """Whether the law may have the parameter there at all."""
        parameter = self.problem.space.slots[self.name].parameter
        low, high = parameter.bounds
        if parameter.coordinate in ("exp", "exp-minus"):
            return True
        if parameter.term is not None:  # bounds speak of the whole term
            low, high = (0.0 if low >= 0 else -np.inf), np.inf
        return low <= self.value(at) <= high and abs(at) < 60

    def _refit(
        self, value: float, near: dict[str, float]
    ) -> tuple[float, dict[str, float]]:
        space = hold(self.problem.space, self.name, value)
        problem: Problem = replace(self.problem, space=space)
        low, high = space.limits()
        starts = np.array([space.coordinates(near), space.coordinates(self.fit.params)])
        with np.errstate(invalid="ignore"):
            starts = np.clip(np.nan_to_num(starts), low, high)
        z, losses, _ = problem.solve(starts)
        best = int(np.argmin(losses))
        return float(losses[best]), problem.params(z[best])


def _stride(distance: float, reached: float, goal: float) -> float:
    """How far to go on: a fifth of the way to the goal, at most a doubling."""
    if reached <= 1e-6:
        return distance
    return min(distance, max(0.2 * goal * distance / reached, 0.02 * distance))


def _crossing(
    side: dict[float, tuple[float, float]], critical: float, sign: float
) -> float:
    """Distance from the optimum at which the deviance crosses; else infinity."""
    from scipy.interpolate import PchipInterpolator

    points = sorted((sign * at, float(np.sqrt(d))) for at, (_, d) in side.items())
    distance = np.array([0.0, *(at for at, _ in points)])
    root = np.maximum.accumulate(np.array([0.0, *(r for _, r in points)]))
    goal = float(np.sqrt(critical))
    if root[-1] < goal:
        return float("inf")
    fine = np.linspace(0.0, distance[-1], 4001)
    curve = PchipInterpolator(distance, root)(fine)
    return float(fine[int(np.argmax(curve >= goal))])
