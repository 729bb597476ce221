"""Where the constants of an answer come from: a file, the paper, our runs, a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from precision_lib.cli.options import Fitting
from precision_lib.cli.output import refuse_unused, working
from precision_lib.cli.reading import Reading

if TYPE_CHECKING:
    import typer

    from precision_lib.laws import Fit

PAPER = "paper"
PAPER_WITHOUT = "paper-no-offset"
OURS = "ours"
FROM = (
    "A table of runs, or a file of fit --out or report --save-fit, or paper or "
    "paper-no-offset for the paper's printed constants, or ours for those of our "
    "runs: 3 bits and more in every part, GPTQ to 3 to 6 bits."
)


def origin(source: str, fits: Sequence[Fit]) -> list[str]:
    """Where constants come from that no file of the reader's holds, in sentences.

    >>> origin("paper", laws_of("paper"))
    ['Constants printed in arXiv 2411.04330, not fitted here.']
    """
    if source not in (PAPER, PAPER_WITHOUT, OURS):
        return []
    return list(dict.fromkeys(each.warnings[0] for each in fits))


def is_table(source: str) -> bool:
    """Whether it is runs, to be fitted, and not constants that are known.

    >>> is_table("runs.csv"), is_table("ours"), is_table("absent.json")
    (True, False, False)
    """
    path = Path(source)
    if source in (PAPER, PAPER_WITHOUT, OURS):
        return False
    if path.suffix != ".json":
        return True
    return path.is_file() and b'"law"' not in path.read_bytes()


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


def laws_for(
    ctx: typer.Context,
    source: str,
    reading: Reading,
    fitting: Fitting,
    rounding: bool = True,
) -> tuple[tuple[Fit, ...], list[str]]:
    """The laws that are known, or those a report would fit to runs, and what to say.

    Raises UserError for options of reading and fitting where nothing is fitted.

    `rounding`: whether the law of what rounding adds is wanted too.
    """
    if is_table(source):
        return _fitted(ctx, source, reading, fitting, rounding)
    names = [each.name for group in (Reading, Fitting) for each in fields(group)]
    refuse_unused(ctx, names, f"{source}, which holds constants and no runs")
    fits = laws_of(source)
    return fits, origin(source, fits)


def _fitted(
    ctx: typer.Context, runs: str, reading: Reading, fitting: Fitting, rounding: bool
) -> tuple[tuple[Fit, ...], list[str]]:
    asked = fitting.check(ctx)
    checked = reading.read(Path(runs), extra=fitting.extra, more=asked)
    from precision_lib.report.fitted_laws import deciding_fits

    with working(f"Fitting {len(checked.table)} runs"):
        options = fitting.options()
        found = deciding_fits(checked.table, fitting.law, rounding, **options)
    said = [
        f"{each.law.name} was fitted to {each.n} rows with R2 {each.r2:.4f}."
        + f" {reason}" * (not fitting.law)
        for reason, each in found
    ]
    said += [f"{each.law.name}: {w}" for _, each in found for w in each.warnings]
    return tuple(each for _, each in found), [*said, *checked.remarks]
