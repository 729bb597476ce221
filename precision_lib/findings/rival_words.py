"""What the stored runs say of each claim of `rival_claims`, in a word and its numbers.

The words are those of the scorecard: a claim is supported where its interval leaves
out the contrary, contradicted where it leaves out the claim, else undecided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from precision_lib.findings.forward_cost import excess

SUPPORTS, CONTRADICTS, UNDECIDED = "supports", "contradicts", "undecided"
NEAR = 0.2  # of a share, or a rank correlation that is small
SAME = 0.1  # powers that differ by less are the same
NOTHING = 0.02  # power of a set's size that changes the cost by a hundredth a doubling


def below(interval: tuple[float, float], limit: float = 0.0) -> str:
    """Whether a number is below a limit.

    >>> below((-2.0, -1.0)), below((-1.0, 1.0)), below((1.0, 2.0))
    ('supports', 'undecided', 'contradicts')
    """
    low, high = interval
    return SUPPORTS if high < limit else CONTRADICTS if low > limit else UNDECIDED


def within(interval: tuple[float, float], value: float, margin: float) -> str:
    """Whether a number is a value, to a margin.

    >>> intervals = ((-0.05, 0.02), (0.05, 0.15), (0.2, 0.3))
    >>> [within(interval, 0.0, 0.1) for interval in intervals]
    ['supports', 'undecided', 'contradicts']
    """
    low, high = interval
    if value - margin < low and high < value + margin:
        return SUPPORTS
    beyond = low > value + margin or high < value - margin
    return CONTRADICTS if beyond else UNDECIDED


def both(*words: str) -> str:
    """One word of several that must hold together.

    >>> both("supports", "supports"), both("supports", "contradicts")
    ('supports', 'undecided')
    """
    return words[0] if len(set(words)) == 1 else UNDECIDED


class Claim(NamedTuple):
    """A row of the table: whose, what is claimed, our word, the numbers.

    >>> Claim("Zhang", "integers keep all data", SUPPORTS, "0.94").word
    'supports'
    """

    whose: str
    claim: str
    word: str
    numbers: str


def verdicts(found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
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

    Examples
    --------
    >>> verdicts(found)["word"].tolist()  # doctest: +SKIP
    ['undecided', 'supports', ...]
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
        both(*(below(_ends(way, "difference")) for way in ways)),
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
        words = both(*(below(_ends(row, less[0]), 1.0) for row in rows))
        texts = "; ".join(_text(row, less[0]) for row in rows)
        claims.append(Claim("Zhang", f"{of} less of the {less[1]}", words, texts))
        words = both(*(within(_ends(row, all_of[0]), 1.0, NEAR) for row in rows))
        texts = "; ".join(_text(row, all_of[0]) for row in rows)
        claims.append(Claim("Zhang", f"{of} all of the {all_of[1]}", words, texts))
    return claims


def _of_spectra(table: pd.DataFrame) -> list[Claim]:
    alpha, beta = _row(table, "alpha"), _row(table, "beta")
    low, high = _ends(beta)
    return [
        Claim("Spectra", "the exponent of N is smaller at 2 bits",
              below(_ends(alpha)), _text(alpha)),
        Claim("Spectra", "the exponent of D is larger at 2 bits",
              below((-high, -low)), _text(beta)),
    ]  # fmt: skip


def _of_crest(table: pd.DataFrame) -> list[Claim]:
    return [
        Claim(
            "INT v.s. FP",
            f"{kind}: 4-bit integers win up to a crest factor of {row['claimed']:.2f}",
            within(_ends(row), float(row["claimed"]), SAME),
            _text(row),
        )
        for kind, row in table.iterrows()
    ]


def _of_vlassis(table: pd.DataFrame) -> Claim:
    lows, highs = zip(
        *(_ends(row, "within") for _, row in table.iterrows()), strict=True
    )
    word = SUPPORTS if max(highs) < NEAR else UNDECIDED
    return Claim(
        "Vlassis",
        "heavier tails do not mean a higher cost across ways to train",
        CONTRADICTS if max(lows) > 0 else word,
        f"rank correlations {table['within'].min():.2f} to {table['within'].max():.2f}",
    )


def _of_zhou(table: pd.DataFrame) -> list[Claim]:
    claims = []
    for name, row in table.iloc[:2].iterrows():
        nothing = within(_ends(row), 0.0, NOTHING) == SUPPORTS
        word = below(_ends(row))
        word = CONTRADICTS if nothing and word == UNDECIDED else word
        what = f"more calibration lowers the cost of GPTQ, {name} on"
        claims.append(Claim("Zhou", what, word, _text(row, digits=3)))
    return claims


def _of_ouyang(table: pd.DataFrame) -> list[Claim]:
    channel = table.xs("channel", level="form")
    claims = []
    for bits, rows in channel.groupby(level="bits"):
        methods = [row for _, row in rows.iterrows()]
        what = (
            "a channel predicts losses beyond the fitted better than the paper's form"
        )
        word = both(*(below(_ends(row)) for row in methods))
        texts = "; ".join(_text(row, digits=1) for row in methods)
        claims.append(
            Claim("Ouyang 2026", f"{what}, {int(str(bits))} bits", word, f"{texts} %")
        )
    return claims


def _of_chen(table: pd.DataFrame) -> Claim:
    value, low, high = excess(table, "weights", "D", over="activations")
    return Claim(
        "Chen",
        "the error of weights grows faster with data than that of activations",
        below((-high, -low)),
        f"{value:.2f} ({low:.2f} to {high:.2f})",
    )


def _of_springer(table: pd.DataFrame) -> Claim:
    ratio = _row(table, "ratio")
    return Claim(
        "Springer",
        "noise costs with the same power of D as rounding",
        within(_ends(ratio), 0.0, SAME),
        _text(ratio),
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
