"""The tables of the chapter on other people's runs, where their runs are at hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from precision_lib.findings.chinchilla import (
    BESIROGLU_ABSTRACT,
    BESIROGLU_HUBER,
    BESIROGLU_INTERVALS,
)
from precision_lib.findings.kept_results import kept_results
from precision_lib.laws import Bootstrap, Fit, fit
from precision_lib.runs.external import (
    FOLDER_VARIABLE,
    ExternalTableAbsent,
    load_external,
)

QUEST_MULTIPLIERS = {1: 0.02, 2: 0.16, 3: 0.43, 4: 0.70, 8: 1.02}  # arXiv 2502.05003
EPOCHS = ["once", "to 4", "to 16", "to 64", "more"]


def table_or_none(name: str) -> pd.DataFrame | None:
    """An external table, or None where it is absent.

    >>> table = table_or_none("chinchilla")
    >>> table is None or len(table) == 245
    True
    """
    try:
        return load_external(name)
    except ExternalTableAbsent:
        return None


def notice(name: str, table: pd.DataFrame | None) -> str:
    """One sentence on whether a table is there, and what is shown if it is not.

    >>> notice("quartet2", None)  # doctest: +ELLIPSIS
    "The table 'quartet2' is absent here; shown is what was computed from https://... \
on 20..., see PRECISION_LIB_EXTERNAL."
    """
    if table is None:
        kept = kept_results(name)
        return (
            f"The table {name!r} is absent here; shown is what was computed from "
            f"{kept['url']} on {kept['date']}, see {FOLDER_VARIABLE}."
        )
    return f"The table {name!r} is here: {len(table)} runs."


def beside_published(ours: Fit, draws: Bootstrap) -> pd.DataFrame:
    """Our constants and intervals beside the published ones, a row a parameter.

    `ours`, `draws`: of the Huber loss.

    >>> from precision_lib.laws import bootstrap, example_fit
    >>> free = example_fit()
    >>> table = beside_published(free, bootstrap(free, replicates=20))
    >>> table.index.tolist()
    ['E', 'A', 'alpha', 'B', 'beta']
    """
    rows = {}
    for name, value in BESIROGLU_HUBER.items():
        low, high = draws.interval(name)
        known = BESIROGLU_INTERVALS[name]
        rows[name] = {
            "ours": f"{ours.params[name]:.6g}",
            "published": f"{value:.6g}",
            "our 95%": f"{low:.4g} to {high:.4g}",
            "published 95%": f"{known[0]:.4g} to {known[1]:.4g}",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def beside_abstract(deviation: Fit) -> pd.DataFrame:
    """Our constants of least absolute deviation beside the published abstract's.

    >>> from precision_lib.laws import example_fit
    >>> beside_abstract(example_fit()).columns.tolist()
    ['ours', 'abstract']
    """
    rows = {
        name: {"ours": f"{deviation.params[name]:.6g}", "abstract": f"{value:.6g}"}
        for name, value in BESIROGLU_ABSTRACT.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def holding(
    table: pd.DataFrame, law: str, name: str, values: tuple[float, ...]
) -> pd.DataFrame:
    """Fits with one parameter held at each of some values, a row each.

    >>> from precision_lib.laws import example_table
    >>> runs = pd.DataFrame(example_table())
    >>> holding(runs, "chinchilla", "E", (1.7, 1.9)).index.tolist()
    [1.7, 1.9]
    """
    rows = {}
    for value in values:
        found = fit(table, law, fixed={name: value})
        free = {k: v for k, v in found.params.items() if k not in found.fixed}
        rows[value] = {"objective": found.objective, "R2": found.r2, **free}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(name)


def repetition_table(runs: pd.DataFrame) -> pd.DataFrame:
    """How far runs that repeat their data lie above a law fitted to those that do not.

    `runs`: N, D (tokens seen), U_unique (tokens that differ) and loss.

    >>> from precision_lib.laws import example_table
    >>> table = pd.DataFrame(example_table())
    >>> once, often = table.assign(U_unique=table["D"]), table.copy()
    >>> often["U_unique"] = often["D"] / 30
    >>> repetition_table(pd.concat([once, often]))["runs"].tolist()
    [30, 30]
    """
    epochs = runs["D"] / runs["U_unique"]
    base = fit(runs[epochs <= 1], "chinchilla")
    above = np.log(runs["loss"].to_numpy(dtype=float) / base.predict(runs))
    bins = pd.cut(epochs, [0, 1, 4, 16, 64, np.inf], labels=EPOCHS)
    grouped = pd.Series(above, index=runs.index).groupby(bins, observed=True)
    frame = pd.DataFrame({"runs": grouped.size(), "median": grouped.median()})
    frame["loss above the law, %"] = (100 * frame.pop("median")).round(2)
    return frame.rename_axis("times each token was seen")


def multiplier_table(found: Fit, published: Mapping[float, float]) -> pd.DataFrame:
    """Multipliers by bits of a fit of ``bits-multiplier`` beside published ones.

    >>> from dataclasses import replace
    >>> from precision_lib.laws import example_fit
    >>> fit = replace(example_fit(), params={"eff[4]": 0.7})
    >>> multiplier_table(fit, {4: 0.69}).round(2).to_dict("index")
    {4: {'ours': 0.7, 'published': 0.69}}
    """
    rows = {
        bits: {"ours": found.params.get(f"eff[{bits:g}]", np.nan), "published": value}
        for bits, value in published.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")
