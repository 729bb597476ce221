"""How far beyond the runs that were fitted a law is asked without being told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.size import Contour
from precision_lib.decide.widths import WidthTable
from precision_lib.laws import Fit

REACH = 10.0  # times the largest, or a tenth of the smallest, N and D of the runs
SIZES = ("N", "D")


def out_of_reach(fits: Sequence[Fit], values: Mapping[str, float]) -> str:
    """The first N or D far beyond the runs of a fit, in words; empty for none.

    `values`: by name; others than N and D are left out.

    >>> from precision_lib.decide import paper_fit
    >>> out_of_reach([paper_fit()], {"N": 1.3e9})
    ''
    >>> out_of_reach([paper_fit()], {"N": 2500.0})
    'N = 2.5K is more than 10 times beyond the runs that were fitted (30M to 220M)'
    """
    for fit in fits:
        for name in (each for each in SIZES if each in values):
            low, high = fit.ranges.get(name, (0.0, float("inf")))
            if values[name] < low / REACH or values[name] > high * REACH:
                return (
                    f"{name} = {brief(values[name])} is more than {REACH:g} times "
                    f"beyond the runs that were fitted ({brief(low)} to {brief(high)})"
                )
    return ""


def answer_out_of_reach(
    fits: Sequence[Fit], answer: Decision | Contour | WidthTable
) -> str:
    """What of an answer lies far beyond the runs, in words; empty for nothing.

    Of a table of widths it is the best one that counts; what is called beyond any data
    is none of it.

    >>> from precision_lib.decide import allocation, paper_fit, surface
    >>> law = surface(paper_fit())
    >>> answer_out_of_reach(law.fits, allocation(law, 1e21))[:2]
    'N '
    """
    rows: list[dict[str, float]]
    if isinstance(answer, Decision):
        rows = [{k: v for k, v in answer.values.items() if k != answer.beyond}]
    elif isinstance(answer, WidthTable):
        best = answer.above == 0
        pairs = zip(answer.N[best], answer.D[best], strict=True)
        rows = [{"N": float(n), "D": float(d)} for n, d in pairs]
    else:
        rows = [{"N": float(n), "D": answer.D} for n in answer.N]
    found = (out_of_reach(fits, row) for row in rows)
    return next((words for words in found if words), "")
