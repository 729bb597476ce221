"""The texts that the chapter on other people's runs says of forward passes."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from precision_lib.findings.forward_cost import excess
from precision_lib.findings.prose import with_ends


def shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The powers with their intervals as texts, and how many runs they rest on.

    >>> one = pd.DataFrame({"kind": "forward", "runs": 9.0}, index=["ours: tied"])
    >>> for side in ("D", "N"):
    ...     one[[side, f"{side}_low", f"{side}_high"]] = [0.2, 0.1, 0.3]
    >>> shown(one)["power of D"].tolist()
    ['0.20 (0.10 to 0.30)']
    """
    powers = {
        f"power of {side}": rows.apply(in_words, axis=1, side=side) for side in "DN"
    }
    return pd.DataFrame({"runs": rows["runs"].astype(int), **powers})


def in_words(row: pd.Series, side: str) -> str:
    """A power with its interval as the prose has it.

    >>> in_words(pd.Series({"D": 0.2, "D_low": 0.1, "D_high": 0.3}), "D")
    '0.20 (0.10 to 0.30)'
    """
    value, low, high = row[[side, f"{side}_low", f"{side}_high"]]
    return with_ends(value, low, high, digits=2)


def facts(
    theirs: Mapping[str, pd.DataFrame], ours: Mapping[str, pd.DataFrame]
) -> dict[str, str]:
    """What the chapter's prose says of the powers, as texts.

    `theirs`: "Quartet" and "Quartet II", as `of_others` has them; `ours`: as `of_ours`.

    >>> from precision_lib.findings.kept_results import kept_table
    >>> table = kept_table("quartet2", "forward")
    >>> facts({"Quartet": table, "Quartet II": table}, {})["forward-word"]
    'grows'
    """
    found: dict[str, str] = {}
    beyond = []
    for name, table in theirs.items():
        key = name.lower().replace(" ii", "2")
        rows = dict(table.iterrows())
        forward, backward = rows["forward"], rows["backward"]
        value, low, high = excess(table, "forward", "D")
        beyond.append("yes" if low > 0 else "no" if high < 0 else "open")
        found |= {
            f"{key}-D": in_words(forward, "D"),
            f"{key}-N": in_words(forward, "N"),
            f"{key}-arms": str(forward["arms"]),
            f"{key}-back": in_words(backward, "D"),
            f"{key}-excess": with_ends(value, low, high, digits=2),
        }
    ends = pd.concat([table.loc[["forward"]] for table in theirs.values()])
    low, high = float(ends["D_low"].min()), float(ends["D_high"].max())
    parts = [table["D"].drop("size slope") for table in ours.values()]
    mine = pd.concat(parts) if parts else ends["D"]
    same = {"yes": "it does in both", "no": "it does not in either"}
    both = same.get(beyond[0], "the tables leave it open")
    return found | {
        "forward-word": "grows" if low > 0 else "falls" if high < 0 else "may grow",
        "excess-word": both if len(set(beyond)) == 1 else "the tables differ",
        "ours-D": f"{mine.min():.2f} to {mine.max():.2f}",
    }
