"""Where the constants of an answer come from: a file, the paper, or our runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from precision_lib.laws import Fit

PAPER = "paper"
PAPER_WITHOUT = "paper-no-offset"
OURS = "ours"


def laws_of(source: str) -> tuple[Fit, ...]:
    """All laws of a file, those that the paper prints, or ours.

    >>> [fit.law.name for fit in laws_of("paper")], len(laws_of("ours"))
    (['effective', 'ptq'], 2)
    """
    if source == OURS:
        from precision_lib.findings.our_laws import our_laws

        return our_laws()
    from precision_lib.decide import paper_degradation, paper_fit
    from precision_lib.laws import load_fits

    if source in (PAPER, PAPER_WITHOUT):
        offset = source == PAPER
        return (paper_fit(offset), paper_degradation(offset))
    return load_fits(source)
