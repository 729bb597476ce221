"""The best scale for normally distributed numbers, by exact integrals."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from precision_lib.formats import Element, Int

SCALES = 240  # tried before the best of them is refined
NODES = 48  # of the quadrature over the maximum
MANY_LEVELS = 4096  # formats this fine have one flat minimum: a tenth will do


def grid_values(fmt: Element) -> np.ndarray:
    """Every value of a format in rising order; an asymmetric grid's around zero.

    >>> from precision_lib.formats import parse_format
    >>> grid_values(parse_format("int2-midrise")).tolist()
    [-1.5, -0.5, 0.5, 1.5]
    """
    if isinstance(fmt, Int):
        low = fmt.range[0] or -(2 ** (fmt.bits - 1))
        return low + np.arange(fmt.levels, dtype=float)
    values = np.array(fmt.values)
    return values if values[0] < 0 else np.concatenate([-values[:0:-1], values])


def gaussian_error(fmt: Element, scale: float) -> float:
    """Mean squared rounding error of a standard normal under `scale`.

    >>> from precision_lib.formats import Int
    >>> round(gaussian_error(Int(1, "midrise"), 2 * math.sqrt(2 / math.pi)), 4)
    0.3634
    """
    from scipy.special import ndtr

    values = grid_values(fmt) * scale
    middles = (values[1:] + values[:-1]) / 2
    density = np.exp(-(middles**2) / 2) / math.sqrt(2 * math.pi)
    below = np.concatenate([[0.0], ndtr(middles), [1.0]])
    mean = -np.diff(np.concatenate([[0.0], density, [0.0]]))  # of x, in each cell
    return float(1 - 2 * values @ mean + values**2 @ np.diff(below))


def gaussian_absmax_error(fmt: Element, count: int) -> float:
    """Mean squared error of a standard normal where `count` numbers share a scale.

    The scale takes the largest of them to the end of the grid, as absmax does, so that
    it is exact and the others lie within: the error given that maximum, averaged over
    the maximum of `count` normal numbers. For grids with the same ends on both sides.
    This is the GMSE of Panferov et al. (arXiv 2506.01863, section 4.1) for our scales.

    >>> from precision_lib.formats import Int
    >>> [round(gaussian_absmax_error(Int(b), 64), 4) for b in (2, 3, 4, 8)]
    [0.5148, 0.0631, 0.0116, 0.0]
    """
    from scipy.special import ndtr, ndtri

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    shares = (nodes + 1) / 2  # of the distribution function of the maximum
    total = 0.0
    for share, weight in zip(shares, weights / 2, strict=True):
        largest = float(ndtri((1 + share ** (1 / count)) / 2))
        above = 2 * float(ndtr(-largest))
        density = math.exp(-(largest**2) / 2) / math.sqrt(2 * math.pi)
        clipped = (1 + largest**2) * above - 2 * largest * density
        whole = gaussian_error(fmt, largest / max(map(abs, fmt.range)))
        total += weight * (whole - clipped) / (1 - above)
    return float((count - 1) / count * total)


def gaussian_scale(fmt: Element) -> tuple[float, float]:
    """Scale with the least mean squared error on a standard normal, and that error.

    Floats repeat themselves every factor of two, with several minima, so a range of
    scales is tried before the best is refined.

    >>> from precision_lib.formats import Int
    >>> scale, error = gaussian_scale(Int(1, "midrise"))
    >>> round(scale / 2, 4), round(-10 * math.log10(error), 2)
    (0.7979, 4.4)
    """
    return _least_error(fmt)


@lru_cache
def _least_error(fmt: Element) -> tuple[float, float]:
    count = SCALES if fmt.levels < MANY_LEVELS else SCALES // 10
    from scipy.optimize import minimize_scalar  # a bare GPU machine may lack it

    tried = np.log(np.geomspace(0.5, 64, count) / max(map(abs, fmt.range)))
    errors = [gaussian_error(fmt, math.exp(s)) for s in tried]
    best, step = tried[int(np.argmin(errors))], tried[1] - tried[0]
    found = minimize_scalar(
        lambda s: gaussian_error(fmt, math.exp(s)),
        bounds=(best - step, best + step),
        method="bounded",
        options={"xatol": 1e-9},
    )
    return math.exp(found.x), float(found.fun)
