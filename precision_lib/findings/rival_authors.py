"""Whose laws met in the contests of `rivals`, and how they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from precision_lib.findings.rivals import Contest, against, leaders

AUTHORS = {
    "ouyang": "Ouyang", "format-multiplier": "Frantar", "bits-multiplier": "QuEST",
    "quartet": "Quartet", "sun": "Sun", "qat-loss": "Chen",
    "format-multiplier-parts": "Frantar by part", "effective-coupled": "coupled",
}  # fmt: skip
# The paper's own law, by the first word of a contest's name.
PAPER = {
    "rounding": "ptq", "low-bit": "effective-weights", "all": "effective-tied",
    "combinations": "effective", "floating-point": "effective-weights",
}  # fmt: skip
OTHERWISE = "paper without n"


def law_of_paper(contest: str) -> str:
    """The paper's law in the contest of this name.

    >>> law_of_paper("rounding, GPTQ")
    'ptq'
    """
    return PAPER[contest.replace(",", "").split()[0]]


def beside_paper(results: Mapping[str, Contest], seed: int = 0) -> pd.DataFrame:
    """Each rival's held-out error less the paper's, in percent of the paper's.

    Returns, index "contest: author"; estimate, low and high.

    >>> beside_paper(results).index[0]  # doctest: +SKIP
    'rounding, RTN: Ouyang'
    """
    rows = []
    for name, contest in results.items():
        paper = law_of_paper(name)
        found = against(contest, paper, seed=seed)
        share = float(found["error"][paper]) / 100
        gaps = found.drop(index=paper)[["difference", "low", "high"]] / share
        whose = [f"{name}: {AUTHORS.get(law, OTHERWISE)}" for law in gaps.index]
        rows.append(gaps.set_index(pd.Index(whose)))
    return pd.concat(rows).rename(columns={"difference": "estimate"})


def winners(results: Mapping[str, Contest], seed: int = 0) -> pd.Series:
    """Who wins each contest, or ties, by author.

    >>> winners(results)["rounding, RTN"]  # doctest: +SKIP
    'the paper wins'
    """
    names = AUTHORS | dict.fromkeys(PAPER.values(), "the paper")
    first = {
        name: [names.get(law, OTHERWISE) for law in leaders(contest, seed=seed)]
        for name, contest in results.items()
    }
    return pd.Series({name: in_words(laws) for name, laws in first.items()})


def in_words(names: Sequence[str]) -> str:
    """A winner, or a tie, as a reader says it.

    >>> in_words(["ptq"]), in_words(["ptq", "ouyang"])
    ('ptq wins', 'a tie of ptq and ouyang')
    """
    if len(names) == 1:
        return f"{names[0]} wins"
    return f"a tie of {', '.join(names[:-1])} and {names[-1]}"
