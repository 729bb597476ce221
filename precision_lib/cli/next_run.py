"""The command that says which run to make next."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from precision_lib.cli.options import AsJson, CostRule, Fitting, grouped, sized
from precision_lib.cli.output import emit_json, refuse_unused, show_notes, show_table
from precision_lib.cli.reading import Reading
from precision_lib.cli.sources import FROM, laws_for
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.decide import NextRun
    from precision_lib.laws import Fit


@grouped
def next_run(
    ctx: typer.Context,
    fit: Annotated[str, typer.Argument(help=FROM)],
    of: Annotated[
        str | None, typer.Option("--of", help="A constant to be known better.")
    ] = None,
    budget: Annotated[
        float | None,
        sized("--budget", "Or what is best for so many FLOP, 6 N D at 16 bits."),
    ] = None,
    cost_rule: CostRule = None,
    most: Annotated[
        float | None, sized("--most", "FLOP that the run may cost; else the dearest.")
    ] = None,
    *,
    reading: Reading,
    fitting: Fitting,
    as_json: AsJson = False,
) -> None:
    """Say which run would narrow an interval of your runs or a fitted law the most.

    Without --of or --budget, for the least-known constant of each law.
    """
    from precision_lib import decide
    from precision_lib.decide.next_runs import least_known

    if of and budget:
        raise UserError("--of and --budget name two things; give one of them.")
    if not budget:
        refuse_unused(ctx, ("cost_rule",), "a question without --budget")
    fits, said = laws_for(ctx, fit, reading, fitting, not budget)
    if not all(each.replicates for each in fits):
        raise UserError(
            f"{fit} holds no intervals that a run could narrow; give a table of runs, "
            "or a fit with --bootstrap 1000."
        )
    if budget:
        found = [_for_a_budget(ctx, fits, budget, cost_rule or "all", most)]
    else:
        named = [each for each in fits if of is None or of in each.params]
        if not named:
            known = ", ".join(name for each in fits for name in each.params)
            raise UserError(f"--of: there is no constant {of!r}, only {known}.")
        found = []
        for each in named:
            name = of or least_known(each)
            found.append(decide.next_run(each, each.replicates[name], name, most))
    if as_json:
        emit_json({"next": [asdict(each) for each in found], "notes": said})
        return
    rows = [each.row for each in found]
    heads = ["to learn", "run", "left of its interval", "after a middling run"]
    show_table("The run that narrows an interval the most", heads, rows)
    show_notes([*(doubt for each in fits for doubt in each.doubts), *said])


def _for_a_budget(
    ctx: typer.Context,
    fits: tuple[Fit, ...],
    budget: float,
    rule: str,
    most: float | None,
) -> NextRun:
    """For the best P, or the best N where a law knows no bits."""
    from precision_lib import decide
    from precision_lib.decide.next_runs import deciding
    from precision_lib.decide.precision import knows_bits

    base = next((each for each in fits if each.law.target == "loss"), None)
    if base is None:
        raise UserError(f"--budget is not used by {fits[0].law.name}, a law of delta.")
    law = decide.surface(base, columns={"post_bits": float("inf")})
    if knows_bits(law):
        answer = decide.optimal_precision(law, budget, rule=rule)
    else:
        refuse_unused(ctx, ("cost_rule",), f"a law of no bits ({base.law.name})")
        answer = decide.allocation(law, budget, rule=rule)
    name, draws = deciding(answer)
    return decide.next_run(base, draws, f"{name} for {budget:.3g} FLOP", most)
