"""Tables as a page shows them: words for names of columns, intervals in one cell."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import pandas as pd

from precision_lib.findings.prose import with_ends

WORDS = {
    "post_bits": "bits after", "weight_bits": "bits of weights", "kv": "KV cache",
    "tied": "all three", "train_seconds": "seconds", "gamma_D": "γ_D", "gamma_N": "γ_N",
    "alpha": "α", "beta": "β", "gamma_weights": "γ_w", "gamma_activations": "γ_a",
    "gamma_kv": "γ_kv", "gamma_post": "γ_post", "n_weights": "n_w",
    "n_activations": "n_a", "n_kv": "n_kv", "R2": "R²",
    "final_lr": "end of the rate", "ptq": "the paper", "ouyang": "Ouyang",
    "way": "asked for", "chinchilla": "size and data add", "rtn": "to nearest",
    "tokens_per_parameter": "tokens a parameter", "gptq": "GPTQ", "awq": "AWQ",
    "hqq": "HQQ", "post_loss": "loss after", "weight_format": "format",
    "by_error": "by its error", "batch_size": "batch", "rule_rate": "rate of the rule",
    "delta": "δ", "mlp": "MLP", "gmse": "GMSE", "sweep": "plan", "held_mixes": "mixes",
    "held_28M": "28M tokens", "extrapolation": "four times the compute",
}  # fmt: skip
LONG = 10_000  # from here on a number has its thousands apart


def in_words(table: pd.DataFrame, digits: int = 2) -> pd.DataFrame:
    """Texts of the cells, with an estimate and its 95% interval in one column.

    Ends are columns ``x_low`` and ``x_high`` of a column x, or ``low`` and ``high``
    right after their estimate. What is not known is a dash, and an estimate without an
    interval stands alone.

    >>> table = pd.DataFrame({"gamma_D": [0.5], "low": 0.4, "high": 0.6, "N": 23_936})
    >>> in_words(table.assign(seen=True)).to_dict("records")
    [{'γ_D (95%)': '0.50 (0.40 to 0.60)', 'N': '23,936', 'seen': 'yes'}]
    """
    names = list(table.columns)
    shown = {}
    for place, name in enumerate(names):
        ends = [f"{name}_low", f"{name}_high"]
        if names[place + 1 : place + 3] == ["low", "high"]:
            ends = ["low", "high"]
        if name in ("low", "high") or str(name).endswith(("_low", "_high")):
            continue
        if set(ends) <= set(names):
            cells = table[[name, *ends]].to_numpy(float)
            shown[f"{word(name)} (95%)"] = [
                _text(value, digits)
                if math.isnan(value) or math.isnan(low)
                else with_ends(value, low, high, digits)
                for value, low, high in cells
            ]
        else:
            shown[word(name)] = [_text(value, digits) for value in table[name]]
    index = table.index.set_names([word(one) for one in table.index.names])
    return pd.DataFrame(shown, index).rename(index=word)


def named(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with words for the names of its rows, columns and levels.

    A size in a name has its thousands apart.

    >>> made = pd.DataFrame({"ptq": [1.0]}, pd.Index([23_936], name="post_bits"))
    >>> named(made).reset_index().iloc[0].to_dict()
    {'bits after': '23,936', 'the paper': 1.0}
    """
    table = table.rename(index=word, columns=word)
    table.index = table.index.set_names([word(one) for one in table.index.names])
    table.columns = table.columns.set_names([word(one) for one in table.columns.names])
    return table


def word(name: Any) -> Any:
    """What a page calls a column or a constant; what has no word keeps its name.

    >>> word("gamma_weights"), word("E"), word(23_936)
    ('γ_w', 'E', '23,936')
    """
    if isinstance(name, str):
        return WORDS.get(name, name)
    if isinstance(name, Real) and abs(float(name)) >= LONG:
        return f"{float(name):,.0f}"
    return name


def _text(value: Any, digits: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if pd.isna(value):
        return "–"
    whole = isinstance(value, Integral) or float(value).is_integer() and abs(value) > 1
    return f"{value:,.0f}" if whole else f"{value:z.{digits}f}"
