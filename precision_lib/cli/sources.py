"""Where the constants of an answer come from: a file, the paper, or our runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from precision_lib.laws import Fit

PAPER = "paper"
PAPER_WITHOUT = "paper-no-offset"
OURS = "ours"


def origin(source: str, fits: Sequence[Fit]) -> list[str]:
    """Where constants come from that no file of the reader's holds, in sentences.

    >>> origin("paper", laws_of("paper"))
    ['Constants printed in arXiv 2411.04330, not fitted here.']
    """
    if source not in (PAPER, PAPER_WITHOUT, OURS):
        return []
    return list(dict.fromkeys(each.warnings[0] for each in fits))


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
