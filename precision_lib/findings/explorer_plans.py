"""What the explorer says of runs that are still to be made, for its own constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pandas as pd

from precision_lib.decide import judge_plan, next_run, optimal_precision, surface
from precision_lib.decide.cost import PLAIN
from precision_lib.decide.decision import brief
from precision_lib.decide.next_runs import deciding, least_known
from precision_lib.decide.plan import ENOUGH
from precision_lib.findings.table_words import word
from precision_lib.laws import Fit, get_law

LAW = "effective-weights"
GRIDS = (  # numbers of sizes and of lengths, and the bits of the weights
    (2, 2, (4, 16)),
    (3, 3, (4, 8, 16)),
    (3, 3, (3, 4, 6, 16)),
    (5, 5, (3, 4, 6, 16)),
)
LAWS = {"loss": "the loss", "delta": "rounding"}
PARTS = {
    "weight_bits": "weights",
    "activation_bits": "activations",
    "kv_bits": "KV cache",
}
NOISES = (0.003, 0.01)  # of one run, as a share of its loss


def next_runs(fits: Sequence[Fit]) -> pd.DataFrame:
    """Which run would narrow an interval the most, no dearer than those fitted.

    Of the best use of the budget of the dearest run, and of the least-known constant
    of each law.

    `fits`: with replicates; the first is the law of the loss.

    >>> from precision_lib.findings.our_laws import our_laws
    >>> next_runs(our_laws()).columns.tolist()
    ['to learn', 'run', 'left of its interval', 'after a middling run']
    """
    base = fits[0]
    budget = base.ranges["FLOP"][1]
    name, draws = deciding(optimal_precision(surface(base), budget))
    flop = f"{budget:.2g}".replace("e+", "e")
    asked = [next_run(base, draws, f"best {name} for {flop} FLOP")]
    for fit in fits:
        name = least_known(fit)
        said = f"{word(name)} of the law of {LAWS[fit.law.target]}"
        asked.append(next_run(fit, fit.replicates[name], said))
    rows = [[one.row[0], run_words(one.run), *one.row[2:]] for one in asked]
    heads = ["to learn", "run", "left of its interval", "after a middling run"]
    return pd.DataFrame(rows, columns=heads)


def run_words(run: Mapping[str, float | str]) -> str:
    """A run to be made, in words.

    >>> run_words({"N": 7e5, "D": 3e6, "weight_bits": 32, "kv_bits": 3, "post_bits": 4})
    'N 700K, D 3M, KV cache in 3 bits, rounded to 4'
    """
    said = [f"{name} {brief(float(run[name]))}" for name in ("N", "D")]
    few = {part: float(run.get(name, PLAIN)) for name, part in PARTS.items()}
    said += [f"{part} in {bits:g} bits" for part, bits in few.items() if bits < PLAIN]
    if "post_bits" in run:
        return ", ".join([*said, f"rounded to {float(run['post_bits']):g}"])
    return ", ".join(said if min(few.values()) < PLAIN else [*said, "not quantized"])


def judged_grids(base: Fit, tables: int = 20) -> pd.DataFrame:
    """Whether grids of runs could identify the law of the weights, were it so.

    Sizes and lengths are spread over the ranges of the fit, evenly in logarithms; what
    is planted are its constants.

    `base`: a law with the constants of ``effective-weights``; `tables`: how many are
    planted for each grid.

    >>> from precision_lib.decide import paper_fit
    >>> judged_grids(paper_fit(), tables=2)["noise 0.3%"].tolist()[-1]
    'yes'
    """
    law = get_law(LAW)
    params = {each.name: base.params[each.name] for each in law.parameters}
    rows = []
    for sizes, lengths, bits in GRIDS:
        ends = base.ranges
        N, D = np.geomspace(*ends["N"], sizes), np.geomspace(*ends["D"], lengths)
        columns = np.array(list(product(N, D, bits))).T
        table = dict(zip(("N", "D", "weight_bits"), columns, strict=True))
        words = f"{sizes} sizes, {lengths} lengths"
        row = [words, ", ".join(map(str, bits)), str(columns.shape[1])]
        for noise in NOISES:
            plan = judge_plan(table, law, params, noise, tables)
            lost = [name for name, kept in plan.recovered.items() if kept < ENOUGH]
            said = ", ".join(map(word, lost)) or "too few runs"
            if len(lost) > 2:
                said = f"{len(lost)} of {len(params)}"
            row.append(f"no: {said}" if plan.objections else "yes")
        rows.append(row)
    heads = ["N and D", "bits of the weights", "runs"]
    return pd.DataFrame(
        rows, columns=[*heads, *(f"noise {noise:.1%}" for noise in NOISES)]
    )


def grid_words(base: Fit) -> str:
    """Over which sizes and lengths the grids are spread.

    >>> from precision_lib.decide import paper_fit
    >>> grid_words(paper_fit())
    'N from 30M to 220M, D from 1.5B to 26B'
    """
    spans = [f"{n} from {brief(low)} to {brief(high)}"
             for n, (low, high) in base.ranges.items() if n in ("N", "D")]  # fmt: skip
    return ", ".join(spans)
