"""What a chapter hands to its prose: every number on a page was computed there."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from precision_lib.errors import Undetermined, UserError

if TYPE_CHECKING:
    from precision_lib.findings.estimate import Estimate

ENDS = ("low", "high")
PREFIX = "application/papermill.record/"  # of outputs that no reader sees


def say(**facts: Any) -> None:
    """Hand numbers and words to the prose, which quotes them with the role glue:text.

    A chapter calls it once, in a cell that the page does not show. What a value is
    called in the prose is said by `named_facts`. Each becomes an output of the kind
    that MyST-NB's ``glue(name, value, display=False)`` leaves, whose import would take
    longer than most chapters compute. Outside of a notebook there is no prose.

    >>> say(runs=7)
    """
    named = named_facts(facts)
    from IPython import get_ipython
    from IPython.display import display

    for name, value in named.items() if get_ipython() else ():
        said = {"scrapbook": {"name": name, "mime_prefix": PREFIX}}
        display({f"{PREFIX}text/plain": repr(value)}, raw=True, metadata=said)


def with_ends(estimate: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval, or with a word where there is none; no minus zero.

    >>> with_ends(0.25, -0.0002, 0.3), with_ends(0.25, math.nan, math.nan, digits=2)
    ('0.250 (0.000 to 0.300)', '0.25 (no interval yet)')
    >>> with_ends(1412, 210, 31516, digits=0)
    '1,412 (210 to 31,516)'
    """
    ends = f"{low:z,.{digits}f} to {high:z,.{digits}f}"
    return f"{estimate:z,.{digits}f} ({'no interval yet' if math.isnan(low) else ends})"


def if_known(find: Callable[[], Estimate]) -> str:
    """What `find` estimates with its interval, or that its runs are not there yet.

    >>> from precision_lib.findings.estimate import Estimate
    >>> if_known(lambda: Estimate(0.25, 0.05, units=9))
    '0.25 (0.15 to 0.35)'
    """
    try:
        found = find()
    except Undetermined:
        return "not known yet"
    return with_ends(found.value, *found.interval(), digits=2)


def named_facts(facts: Mapping[Any, Any], prefix: str = "") -> dict[str, str | float]:
    """Every value of `facts` under the name that the prose quotes it by.

    A pair is an interval: ``x=(1, 2)`` gives ``x_low`` and ``x_high``. Three numbers
    are an estimate and its interval: ``x``, ``x_low`` and ``x_high``. So is a row of a
    table with these columns. A mapping gives one name a key, ``x_key``.

    Raises UserError: two facts have one name, a value is neither a finite number nor a
    text, or an estimate lies outside its interval.

    >>> named_facts({"cost": (0.3, 0.2, 0.4), "at": {3: "more", 4: "less"}})
    {'cost': 0.3, 'cost_low': 0.2, 'cost_high': 0.4, 'at_3': 'more', 'at_4': 'less'}
    >>> named_facts({"gap": pd.Series({"estimate": 0.5, "low": 0.4, "high": 0.6})})
    {'gap': 0.5, 'gap_low': 0.4, 'gap_high': 0.6}
    """
    found: dict[str, str | float] = {}
    for key, value in facts.items():
        name = "_".join(filter(None, [prefix, str(key)]))
        if prefix and key == "estimate":
            name = prefix
        parts = _parts(name, value)
        new = named_facts(parts, name) if parts else {name: _plain(name, value)}
        if twice := found.keys() & new.keys():
            raise UserError(f"two facts are called '{min(twice)}'; rename one.")
        found |= new
    for name in found:
        ends = [found.get(f"{name.removesuffix('_low')}_{end}") for end in ENDS]
        _check(name, [ends[0], found[name], ends[1]])
    return found


def _check(name: str, values: Sequence[str | float | None]) -> None:
    """Refuse an estimate outside its interval, and an interval that runs back."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) == len(values) and numbers != sorted(numbers):
        low, value, high = numbers
        raise UserError(f"fact '{name}' is {value}, outside of {low} to {high}.")


def _parts(name: str, value: Any) -> Mapping[Any, Any] | None:
    """What a fact consists of, by name; None of a single value."""
    if isinstance(value, pd.Series):
        return dict(value)
    if not isinstance(value, tuple | list):
        return value if isinstance(value, Mapping) else None
    names = {2: ENDS, 3: ("estimate", *ENDS)}.get(len(value))
    if names is None:
        raise UserError(
            f"fact '{name}' has {len(value)} values; give one, an interval, or an "
            "estimate with its interval."
        )
    return dict(zip(names, value, strict=True))


def _plain(name: str, value: Any) -> str | float:
    """The value as a type of Python: the page shows its repr."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UserError(
            f"fact '{name}' is a {type(value).__name__}; the prose quotes numbers and "
            "texts."
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"fact '{name}' is {value}, which no sentence can quote.")
    return value
