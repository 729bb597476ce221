"""The parts of a report as tables, for a notebook; and a table to try it on."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd

from precision_lib.decide.decision import brief
from precision_lib.findings.twins import law_runs
from precision_lib.report.build import Report
from precision_lib.report.decisions import Advice
from precision_lib.report.fitted_laws import Fitted
from precision_lib.runs.run_table import load_runs

EXAMPLE_MAP = "N=params_K,D=tokens_M,loss=val_loss_bits,weight_bits=weights"
EXAMPLE_UNITS = {"parameters": "K", "tokens": "M", "loss": "bits"}
DIGITS = 12


def export_example(path: str | os.PathLike[str]) -> None:
    """Write the published runs with quantized weights as another lab might.

    Thousands of parameters, millions of tokens, bits per token, format names: read
    it again with `EXAMPLE_MAP` and `EXAMPLE_UNITS`.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_example(Path(folder) / "runs.csv")
    ...     pd.read_csv(Path(folder) / "runs.csv").columns.tolist()
    ['Name', 'State', 'params_K', 'tokens_M', 'weights', 'val_loss_bits', 'seed']
    """
    runs = law_runs(load_runs(), "weights")
    table = pd.DataFrame(
        {
            "Name": runs["run_id"],
            "State": runs["status"],
            "params_K": (runs["N"] / 1e3).round(DIGITS),
            "tokens_M": (runs["D"] / 1e6).round(DIGITS),
            "weights": runs["weight_format"].replace("float32", "fp32"),
            "val_loss_bits": (runs["loss"] / np.log(2)).round(DIGITS),
            "seed": runs["seed"],
        }
    )
    table.to_csv(path, index=False)


def constants_table(found: Fitted) -> pd.DataFrame:
    """What the data say of each constant of a law.

    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> constants_table(example_fitted()).loc["E", "the data"]
    'known'
    """
    rows = {
        each.name: {
            "value": brief(each.value),
            "95% interval": _span(each.interval),
            "the data": each.state,
            "why": each.why,
        }
        for each in found.constants
    }
    return pd.DataFrame(rows).T


def advice_table(advice: Advice) -> pd.DataFrame:
    """Answers with their intervals, a row each.

    >>> from precision_lib.report.decisions import advise
    >>> from precision_lib.report.fitted_laws import example_fitted
    >>> found = advise([example_fitted()], budget=1e21)[0]
    >>> advice_table(found).columns.tolist()
    ['N', 'D', 'tokens_per_parameter', 'loss']
    """
    rows = {
        given: {
            name: f"{brief(value)} ({_span(answer.intervals.get(name))})".replace(
                " ()", ""
            )
            for name, value in answer.values.items()
        }
        for given, answer in zip(advice.given, advice.answers, strict=True)
    }
    return pd.DataFrame(rows).T


def next_table(report: Report) -> pd.DataFrame:
    """Runs that would narrow an interval the most, a row a quantity.

    >>> from precision_lib.report.build import example_report
    >>> next_table(example_report()).columns.tolist()
    ['run', 'left of the interval', 'after a middling run']
    """
    heads = ["run", "left of the interval", "after a middling run"]
    rows = {each.quantity: each.row[1:] for each in report.nexts}
    return pd.DataFrame.from_dict(rows, orient="index", columns=heads)


def _span(interval: tuple[float, float] | None) -> str:
    return f"{brief(interval[0])} to {brief(interval[1])}" if interval else ""
