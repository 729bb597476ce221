"""What a fit minimizes: a robust loss of transformed residuals, summed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.solver.dual import Array

LossName = Literal["huber", "lad", "ls"]
ScaleName = Literal["log", "asinh", "linear"]


@dataclass(frozen=True)
class Objective:
    """Sum over rows of ``weight * rho(g(target) - g(prediction))``.

    >>> Objective("huber", 1.0).rho(np.array([0.5, -3.0])).tolist()
    [0.125, 2.5]
    """

    #: ``"huber"``: ``r**2 / 2`` within `delta`, ``delta * (|r| - delta / 2)`` outside;
    #: ``"lad"``: ``|r|``; ``"ls"``: ``r**2 / 2``
    loss: LossName = "huber"
    delta: float = 1e-3  #: where the Huber loss turns from square to straight
    #: The transform g: ``"log"`` for a loss; ``"asinh"`` for a degradation, ``asinh(x /
    #: floor)``, which is a logarithm far above the floor and straight below it, so that
    #: a degradation may be zero or negative; ``"linear"``
    scale: ScaleName = "log"
    #: For ``"asinh"``: the degradation at which additive noise is as large as relative
    #: noise
    floor: float = 1.0
    #: What the loss of a target above the law counts, beside 1 for one below it: less
    #: than 1 where runs may be undertuned, and so too high but never too low
    above: float = 1.0

    def __post_init__(self) -> None:
        if self.loss not in ("huber", "lad", "ls"):
            raise UserError(f"loss {self.loss!r} is unknown; use huber, lad or ls.")
        if self.scale not in ("log", "asinh", "linear"):
            raise UserError(
                f"scale {self.scale!r} is unknown; use log, asinh or linear."
            )
        if not (np.isfinite(self.delta) and self.delta > 0):
            raise UserError(f"delta is {self.delta}; give a positive number.")
        if not (np.isfinite(self.floor) and self.floor > 0):
            raise UserError(f"floor is {self.floor}; give a positive number.")
        if not 0 < self.above < np.inf:
            raise UserError(f"above is {self.above}; give a positive number.")

    def transform(self, values: Any) -> Any:
        """The scale on which residuals are taken; works on dual numbers too."""
        if self.scale == "log":
            return np.log(values)
        return np.arcsinh(values / self.floor) if self.scale == "asinh" else values

    def inverse(self, values: Array) -> Array:
        """Back from the residual scale to the target's unit."""
        if self.scale == "log":
            return np.exp(values)
        return np.sinh(values) * self.floor if self.scale == "asinh" else values

    def rho(self, residuals: Array) -> Array:
        """Loss of each residual."""
        size = np.abs(residuals)
        if self.loss == "huber":
            size = huber(residuals, self.delta)
        elif self.loss == "ls":
            size = 0.5 * residuals**2
        if self.above == 1.0:
            return size
        return np.where(residuals > 0, self.above * size, size)


def huber(residuals: Array, delta: Any) -> Array:
    """Huber's loss: square within delta, straight outside.

    >>> huber(np.array([2.0]), 1.0).tolist()
    [1.5]
    """
    size = np.abs(residuals)
    inner = np.minimum(size, delta)
    return inner * (size - 0.5 * inner)
