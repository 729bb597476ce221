"""Precisions that a law knows by name or by shape, not as one number of bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from precision_lib.decide.surface import SHAPE, Surface

MOST_BITS = 16
REFERENCE = (np.array([0]), 1e8, 1e10)  # replicate, N and D at which twins compare


def choices(surface: Surface) -> dict[float, Surface]:
    """One surface for each number of bits that can be chosen; none for other laws.

    Of several formats with as many bits the one with the lowest loss is taken; a
    format whose bits nobody knows has no price and cannot be chosen.

    Returns, by bits, rising.

    `surface`: of a law with a multiplier for each name (the names that the fit has
    seen), or with exponent and mantissa bits (one sign bit, up to 16 bits).

    >>> from precision_lib.decide import paper_fit, surface
    >>> choices(surface(paper_fit()))
    {}
    """
    found: dict[float, tuple[float, Surface]] = {}
    for bits, held in _all(surface):
        loss = float(held.loss(*REFERENCE, bits)[0])
        if bits not in found or loss < found[bits][0]:
            found[bits] = (loss, held)
    return {bits: found[bits][1] for bits in sorted(found)}


def unpriced(surface: Surface) -> list[str]:
    """Names of formats that the fit has seen and whose bits nobody knows.

    >>> from precision_lib.decide import paper_fit, surface
    >>> unpriced(surface(paper_fit()))
    []
    """
    fit = surface.base
    names = {name for c in fit.law.categories() for name in fit.levels[c]}
    return sorted(name for name in names if _bits(name) is None)


def _all(surface: Surface) -> Iterator[tuple[float, Surface]]:
    fit = surface.base
    columns = [c for c in fit.law.categories() if c not in surface.levels]
    if columns:
        shared = set.intersection(*(set(fit.levels[column]) for column in columns))
        for name in sorted(shared):
            bits = _bits(name)
            if bits is not None:
                yield bits, surface.holding(levels=dict.fromkeys(columns, name))
    elif surface.reads(*SHAPE):
        for exponent in range(9):
            for mantissa in range(MOST_BITS - exponent):
                shape = dict(zip(SHAPE, (exponent, mantissa), strict=True))
                yield 1.0 + exponent + mantissa, surface.holding(columns=shape)


def _bits(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        from precision_lib.formats import bits_named  # imports torch

        return bits_named(name)
