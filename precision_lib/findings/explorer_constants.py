"""The constants that the explorer page of the book calculates with.

The page's script evaluates the laws itself; it is given fits as `Fit.to_json` writes
them, so that a reader's own fit takes the same way in as ours and the paper's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from precision_lib.decide import paper_degradation, paper_fit
from precision_lib.decide.cost import RATES, RULES, rule_words
from precision_lib.findings.our_laws import load_tables, our_laws
from precision_lib.findings.twins import (
    PARTS,
    cells,
    law_roundings,
    law_runs,
    of_part,
    twin_groups,
)
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit, bootstrap, fit, get_law
from precision_lib.laws.rivals import judged, try_rivals

LOWEST = 3  # bits of the paper's narrowest runs
POST_BITS = (3, 6)  # where the law of PTQ holds, see the chapter on it
METHOD = "gptq"
READABLE = (
    "chinchilla", "chinchilla-tied",
    "effective-weights", "effective-activations", "effective-kv", "effective",
    "effective-tied",
    "effective-weights-no-offset", "effective-activations-no-offset",
    "effective-kv-no-offset", "effective-no-offset", "effective-tied-no-offset",
    "ptq", "ptq-trained-low", "ouyang", "unified",
)  # fmt: skip


@dataclass(frozen=True)
class ConstantSet:
    """Constants to choose on the page.

    `key`, `label`: in the page's address, and for people; `base`: a law of the loss;
    `degradation`: a law of what rounding the weights after training adds; `runs`: what
    was measured: N, D, bits of weights, activations and KV cache in training, bits
    after rounding (None without), and the loss.
    """

    key: str
    label: str
    base: Fit
    degradation: Fit | None
    runs: tuple[tuple[float | None, ...], ...] = ()

    def record(self) -> dict[str, Any]:
        """Plain types for JSON; each fit as the JSON text of its file.

        >>> record = paper_constants(offsets=True).record()
        >>> [json.loads(text)["law"] for text in record["fits"]]
        ['effective', 'ptq']
        """
        fits = (
            [self.base] if self.degradation is None else [self.base, self.degradation]
        )
        return {
            "key": self.key,
            "label": self.label,
            "fits": [each.to_json() for each in fits],
            "runs": [list(row) for row in self.runs],
        }


def quantized_parts(runs: pd.DataFrame) -> list[str]:
    """The parts that some run of a table quantizes in training.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it.

    >>> "weights" in quantized_parts(load_tables()[0])
    True
    """
    return [
        part
        for part, column in PARTS.items()
        if (law_runs(runs, part)[column] < HIGH_PRECISION_BITS).any()
    ]


def fitted_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that our law of the loss is fitted to: of `LOWEST` bits and more.

    `runs`: as `precision_lib.runs.run_table` loads them.

    >>> int(fitted_runs(load_tables()[0])["activation_bits"].min())
    3
    """
    return law_runs(runs, "any", dict.fromkeys(PARTS, LOWEST))


def selection(runs: pd.DataFrame, roundings: pd.DataFrame) -> str:
    """Which runs constants come from, by which method and in which range, in words.

    `runs`, `roundings`: those that the two laws are fitted to.

    >>> one = pd.DataFrame({"N": [12e3, 4e5], "D": [1e6, 14e6], "run_id": ["a", "b"]})
    >>> selection(one, one)
    'Our 2 runs of 3 bits and more in every part (N 12k to 400k, D 1M to 14M); GPTQ \
to 3 to 6 bits of 2 of them'
    """
    size, tokens = (
        " to ".join(f"{end / unit:.3g}{letter}" for end in (one.min(), one.max()))
        for one, unit, letter in ((runs["N"], 1e3, "k"), (runs["D"], 1e6, "M"))
    )
    return (
        f"Our {len(runs)} runs of {LOWEST} bits and more in every part "
        f"(N {size}, D {tokens}); {METHOD.upper()} to {POST_BITS[0]} to "
        f"{POST_BITS[1]} bits of {roundings['run_id'].nunique()} of them"
    )


def our_constants(
    runs: pd.DataFrame,
    ptq: pd.DataFrame,
    replicates: int = 200,
    seed: int = 0,
    judge: bool = False,
) -> ConstantSet:
    """Our constants, of which there is one set: of chapters 4 and 10, explorer and CLI.

    With runs that quantize each of the three parts alone, the law of all three is
    fitted to them and to those that quantize all parts alike; with fewer, the law of
    the first part that has runs. A part without runs gets no constant. `selection`
    says which runs those are.

    `runs`, `ptq`: as `precision_lib.runs.run_table` loads them; `replicates`, `seed`:
    of the bootstrap over N and D, where a law is off if it is. `judge`: try rivals and
    say what is wrong with the laws, for half a minute.

    >>> ours = our_constants(*load_tables(), replicates=2)
    >>> ours.degradation.law.name, len(ours.base.replicates["E"])
    ('ptq', 2)
    """
    parts = quantized_parts(runs)
    law, table = "effective", fitted_runs(runs)
    if len(parts) < len(PARTS):
        law = f"effective-{parts[0]}" if parts else "chinchilla"
        table = table[of_part(table, parts[0] if parts else None)]
        table = table.reset_index(drop=True)
    roundings = law_roundings(ptq, POST_BITS, METHOD)
    said = selection(table, roundings)
    base, rounding = (
        _fitted(*each, said, replicates, seed, judge)
        for each in ((table, law), (roundings, "ptq"))
    )
    measured = (*_measured(table, "loss"), *_measured(roundings, "post_loss"))
    return ConstantSet("ours", said, base, rounding, measured)


def _fitted(
    table: pd.DataFrame, law: str, said: str, replicates: int, seed: int, judge: bool
) -> Fit:
    found = fit(table, law, seed=seed)
    by = cells(table).to_numpy()
    found = found.with_bootstrap(bootstrap(found, "cluster", replicates, seed, by=by))
    if judge:  # one cell alone has most widths: without it, no law speaks of them
        twins = twin_groups(table).to_numpy()
        tried = try_rivals(table, law, twins, seed=seed, criteria=False)
        found = judged(found, table, tried, seed)
    return replace(found, warnings=(f"{said}.", *found.warnings))


def _measured(table: pd.DataFrame, target: str) -> Iterator[tuple[float | None, ...]]:
    """Rows of a table of runs, as the page reads them."""
    columns = ["N", "D", *PARTS.values()]
    bits = table["post_bits"] if target == "post_loss" else [None] * len(table)
    for row, post, value in zip(
        table[columns].to_numpy(dtype=float), bits, table[target], strict=True
    ):
        after = None if post is None else float(post)
        yield (*row.tolist(), after, round(float(value), 5))


def paper_constants(offsets: bool) -> ConstantSet:
    """The paper's constants; their ranges are those of its runs.

    `offsets`: with the offsets of Appendix K, or without them as in the main text.

    >>> paper_constants(offsets=False).base.ranges["N"]
    (30000000.0, 220000000.0)
    """
    return ConstantSet(
        "paper" if offsets else "paper-no-offsets",
        "Paper, with offsets" if offsets else "Paper, without offsets",
        paper_fit(offsets),
        paper_degradation(offsets),
    )


def _lean(fit: Fit) -> Fit:
    """A fit without the replicates of ties that the page can only name."""
    ties = tuple(
        tie if tie.law.name in READABLE else replace(tie, replicates={}, ci={})
        for tie in fit.ties
    )
    return replace(fit, ties=ties)


def page_data(replicates: int | None = None, seed: int = 0) -> str:
    """All that the page's script is given, as JSON that is safe within HTML.

    ``sets`` are constants to choose from, ``laws`` the declarations of the laws that
    the script can read: target, columns and parameters; ``rules`` those of the cost.
    `replicates`, `seed`: of new fits of our runs; without them the kept ones are given.

    >>> data = json.loads(page_data(replicates=2))
    >>> [each["key"] for each in data["sets"]]
    ['ours', 'paper', 'paper-no-offsets']
    >>> data["laws"]["ptq"]["target"]
    'delta'
    """
    ours = our_constants(*load_tables(), replicates or 2, seed)
    if replicates is None:
        base, added = map(_lean, our_laws())
        ours = replace(ours, base=base, degradation=added)
    sets = [
        ours,
        paper_constants(offsets=True),
        paper_constants(offsets=False),
    ]
    laws = {
        name: {
            "target": get_law(name).target,
            "columns": list(get_law(name).columns()),
            "parameters": [each.name for each in get_law(name).parameters],
            "formula": get_law(name).formula,
        }
        for name in READABLE
    }
    rules: dict[str, dict[str, Any]] = {}
    for rule in RULES:
        # a page that works offline names no address in its scripts
        words = rule_words(rule).replace("https://", "")
        rules[rule] = {"name": rule, "words": words}
        if rule in RATES:
            rules[rule]["rates"] = {f"{k:g}": v for k, v in RATES[rule].items()}
    data = {"laws": laws, "rules": rules, "sets": [each.record() for each in sets]}
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
