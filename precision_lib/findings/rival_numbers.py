"""What the stored runs measure of each claim of `rival_claims`, beside what is claimed.

No row has a word: nothing of this was registered before its runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from precision_lib.findings.forward_cost import excess


class Claim(NamedTuple):
    """A row of the table: whose, what is claimed, so that our number is, ours (95%).

    >>> Claim("Zhang", "int2 keeps all of the data", "1", "0.94 (0.9 to 1)").claimed
    '1'
    """

    whose: str
    claim: str
    claimed: str
    numbers: str


def beside_claims(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a claim.

    Parameters
    ----------
    found : mapping
        The tables of the chapter: "int to float" and "float to int" of
        `precision_lib.findings.format_error.carried_over`; "int" and "float",
        "exponents", "tails", "calibration" and "noise" of
        `precision_lib.findings.rival_claims`; "crest", with a row for each kind of
        scale and a column claimed; "channel", of
        `precision_lib.findings.channel.channel_contest` with the width as a level of
        its index before the form; "parts", of
        `precision_lib.findings.forward_cost.of_ours`.
    """
    claims = [_of_panferov(found), *_of_zhang(found), *_of_spectra(found["exponents"])]
    claims += [*_of_crest(found["crest"]), _of_vlassis(found["tails"])]
    claims += [*_of_ouyang(found["channel"]), _of_chen(found["parts"])]
    claims += [*_of_zhou(found["calibration"]), _of_springer(found["noise"])]
    return pd.DataFrame(claims)


def _of_panferov(found: Mapping[str, pd.DataFrame]) -> Claim:
    ways = [_row(found[name], "capacity") for name in ("int to float", "float to int")]
    return Claim(
        "Panferov",
        "GMSE predicts the cost of a format better than its bits do",
        "below 0",
        "; ".join(_text(way, "difference", 4) for way in ways) + " nats",
    )


def _of_zhang(found: Mapping[str, pd.DataFrame]) -> list[Claim]:
    claims = []
    for kind, names, less, all_of in (
        ("int", ("int2", "int3"), ("eff_N", "parameters"), ("eff_D", "data")),
        ("float", ("e2m1", "e4m1"), ("eff_D", "data"), ("eff_N", "parameters")),
    ):
        rows = [_row(found[kind], name) for name in names]
        of = f"{' and '.join(names)} keep"
        for share, what, claimed in ((*less, "below 1"), (*all_of, "1")):
            amount = "less" if claimed != "1" else "all"
            texts = "; ".join(_text(row, share) for row in rows)
            claims.append(
                Claim("Zhang", f"{of} {amount} of the {what}", claimed, texts)
            )
    return claims


def _of_spectra(table: pd.DataFrame) -> list[Claim]:
    alpha, beta = _row(table, "alpha"), _row(table, "beta")
    smaller, larger = "is smaller at 2 bits", "is larger at 2 bits"
    return [
        Claim("Spectra", f"the exponent of N {smaller}", "below 0", _text(alpha)),
        Claim("Spectra", f"the exponent of D {larger}", "above 0", _text(beta)),
    ]


def _of_crest(table: pd.DataFrame) -> list[Claim]:
    return [
        Claim(
            "INT v.s. FP",
            f"{kind}: the crest factor up to which 4-bit integers win",
            f"{row['claimed']:.2f}",
            _text(row),
        )
        for kind, row in table.iterrows()
    ]


def _of_vlassis(table: pd.DataFrame) -> Claim:
    return Claim(
        "Vlassis",
        "heavier tails do not mean a higher cost across ways to train",
        "0 or below",
        f"rank correlations {table['within'].min():.2f} to {table['within'].max():.2f}",
    )


def _of_zhou(table: pd.DataFrame) -> list[Claim]:
    what = "more calibration lowers the cost of GPTQ, {} on"
    return [
        Claim("Zhou", what.format(name), "below 0", _text(row, digits=3))
        for name, row in table.iloc[:2].iterrows()
    ]


def _of_ouyang(table: pd.DataFrame) -> list[Claim]:
    what = "a channel predicts losses beyond the fitted better than the paper's form"
    claims = []
    for bits, rows in table.xs("channel", level="form").groupby(level="bits"):
        texts = "; ".join(_text(row, digits=1) for _, row in rows.iterrows())
        claim = f"{what}, {int(str(bits))} bits"
        claims.append(Claim("Ouyang 2026", claim, "below 0", f"{texts} %"))
    return claims


def _of_chen(table: pd.DataFrame) -> Claim:
    value, low, high = excess(table, "weights", "D", over="activations")
    return Claim(
        "Chen",
        "the error of weights grows faster with data than that of activations",
        "above 0",
        f"{value:.2f} ({low:.2f} to {high:.2f})",
    )


def _of_springer(table: pd.DataFrame) -> Claim:
    return Claim(
        "Springer",
        "noise costs with the same power of D as rounding",
        "0",
        _text(_row(table, "ratio")),
    )


def _row(table: pd.DataFrame, name: str) -> pd.Series:
    return {str(label): row for label, row in table.iterrows()}[name]


def _ends(row: pd.Series, name: str = "") -> tuple[float, float]:
    start = f"{name}_" if name else ""
    return float(row[f"{start}low"]), float(row[f"{start}high"])


def _text(row: pd.Series, name: str = "", digits: int = 2) -> str:
    value = float(row[name or ("estimate" if "estimate" in row else "difference")])
    low, high = _ends(row, name)
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
