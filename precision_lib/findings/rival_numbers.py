"""What the second table measures of each claim of others, beside what is claimed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from precision_lib.findings.prose import with_ends

ANY = math.inf
WORDS = {
    "alpha": "α",
    "beta": "β",
    "kv 3": "KV cache, 3 bits",
    "tied 4": "all parts, 4 bits",
    "weights 3": "weights, 3 bits",
    "activations 4": "activations, 4 bits",
}


class Claim(NamedTuple):
    """Whose claim it is, of which number, and from where to where they have it.

    `ranges`: by row of the table of ours; "" is for those that are not named.

    >>> claims = Claim("Zhang", "share of the data kept", {"": (1.0, 1.0)})
    >>> claims.range_of("weights 3")
    (1.0, 1.0)
    """

    whose: str
    quantity: str
    ranges: Mapping[str, tuple[float, float]]

    def range_of(self, name: str) -> tuple[float, float]:
        """What is claimed of a row."""
        return self.ranges.get(name, self.ranges.get("", (math.nan, math.nan)))


BELOW_0, ABOVE_0, ZERO = (-ANY, 0.0), (0.0, ANY), (0.0, 0.0)
CLAIMS = {
    "error": Claim("Panferov", "nats above integers of equal error", {"": ZERO}),
    "tails": Claim("Vlassis", "rank correlation, tails and cost", {"": BELOW_0}),
    "size": Claim("Zhang", "share of the parameters kept", {"": (-ANY, 1.0)}),
    "data": Claim("Zhang", "share of the data kept", {"": (1.0, 1.0)}),
    "exponents": Claim(
        "Spectra", "power, 3 bits less unquantized", {"alpha": BELOW_0, "beta": ABOVE_0}
    ),
    "channel": Claim("Ouyang 2026", "% error less the paper's form", {"": BELOW_0}),
    "crest": Claim(
        "INT v.s. FP", "crest factor, integers win below",
        {"MX": (2.04, 2.04), "NV": (2.39, 2.39)},
    ),
    "calibration": Claim("Zhou", "power of the calibration set", {"": BELOW_0}),
    "parts": Claim("Chen", "power of D, weights less activations", {"": ABOVE_0}),
    "pair": Claim("Chen", "cost together over sum, 4 bits", {"": (0.906, 0.906)}),
    "noise": Claim("Springer", "power of D, noise less rounding", {"": ZERO}),
}  # fmt: skip


def beside_claims(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a number: whose claim, of what, ours with its interval, and theirs.

    Returns columns whose, quantity, of, estimate, low, high, and least and most,
    between which they claim it to be.

    `found`: by the names of `CLAIMS`: tables with estimate, low and high, as the
    functions of `precision_lib.findings.rival_claims` give them.

    >>> one = pd.DataFrame({"estimate": 0.1, "low": 0.0, "high": 0.2}, ["NV"])
    >>> beside_claims({"crest": one})[["of", "least"]].values.tolist()
    [['NV', 2.39]]
    """
    rows = []
    for key in [key for key in CLAIMS if key in found]:
        claim = CLAIMS[key]
        for name, ours in found[key].iterrows():
            least, most = claim.range_of(str(name))
            rows.append({
                "whose": claim.whose, "quantity": claim.quantity,
                "of": WORDS.get(str(name), str(name)),
                **ours[["estimate", "low", "high"]], "least": least, "most": most,
            })  # fmt: skip
    return pd.DataFrame(rows)


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `beside_claims` as a reader sees them.

    >>> one = pd.DataFrame({"estimate": 2.2, "low": 2.1, "high": 2.3}, ["NV"])
    >>> in_words(beside_claims({"crest": one})).iloc[0].tolist()[2:]
    ['2.39', '2.200 (2.100 to 2.300)']
    """
    return pd.DataFrame({
        "claim of": table["whose"],
        "number": table["quantity"] + ": " + table["of"],
        "claimed": [_claimed(*one) for one in table[["least", "most"]].to_numpy()],
        "ours (95%)": [
            with_ends(*one) for one in table[["estimate", "low", "high"]].to_numpy()
        ],
    })  # fmt: skip


def _claimed(least: float, most: float) -> str:
    if least == most:
        return f"{least:g}"
    return f"below {most:g}" if math.isinf(least) else f"above {least:g}"
