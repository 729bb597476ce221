"""Rival laws on the same runs: which predicts runs that it has not seen better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from precision_lib.findings import twins
from precision_lib.findings.best_bits import COLUMNS, quantized_runs, tied_runs
from precision_lib.findings.cost_powers import always_cost, power_of
from precision_lib.findings.group_bootstrap import mean_of, resampled
from precision_lib.findings.parts import cost_by_law
from precision_lib.findings.twins import PARTS, law_roundings, with_part, with_twins
from precision_lib.formats import HIGH_PRECISION_BITS, parse_format
from precision_lib.formats.floating import Float
from precision_lib.laws import Comparison, Fit, Law, compare, exponent
from precision_lib.laws.forms.base import DATA, FLOOR, SIZE
from precision_lib.laws.forms.formats import multiplier

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
FORMATS = [f"{part.removesuffix('s')}_format" for part in PARTS]
FLOAT32 = (8, 23)  # exponent and mantissa bits of an unquantized weight


class QATLoss(Law):
    """Chinchilla plus an error of training in low precision that grows with data.

    ``L = E + A N^-alpha + B D^-beta + (1 / eff - 1) D^gamma_D N^-gamma_N``, eff a
    number for each weight format and 1 without quantization. The form of Chen et al.,
    arXiv 2505.14302, for one group size, with a free factor for each width.

    >>> QATLoss.categories()
    ('weight_format',)
    """

    name = "qat-loss"
    formula = (
        "L = E + A N^-alpha + B D^-beta"
        " + (1 / eff[weight_format] - 1) D^gamma_D N^-gamma_N"
    )
    source = "Chen et al. 2025, arXiv 2505.14302, with a factor for each format"
    parameters = (
        *FLOOR,
        *SIZE,
        *DATA,
        replace(exponent("gamma_N", "how fast more size lowers the error")),
        replace(
            exponent("gamma_D", "how fast more data raises the error"),
            start=(0.02, 1.0),
        ),
        multiplier("eff", "1 / (1 + error at N = D = 1)", "weight_format"),
    )

    @staticmethod
    def predict(
        N: Any, D: Any, weight_format: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_N: Any, gamma_D: Any, eff: Any,
    ) -> Any:  # fmt: skip
        error = (1 / eff - 1) * D**gamma_D * N**-gamma_N
        return E + A * N**-alpha + B * D**-beta + error


@dataclass(frozen=True)
class Contest:
    """Laws fitted to the same rows and judged on the same held-out ones.

    Attributes
    ----------
    table : DataFrame
        The rows.
    judged : array of bool
        Rows whose held-out prediction counts.
    comparison : Comparison
        The fits and the held-out predictions.
    errors : DataFrame
        A row a judged run, a column a law: ``|log(measured / predicted)|``.
    groups : Series
        What was held out together, for each judged row.
    """

    table: pd.DataFrame
    judged: Mask
    comparison: Comparison
    errors: pd.DataFrame
    groups: pd.Series


def contest(
    table: pd.DataFrame,
    laws: Sequence[str | type[Law]],
    judged: Mask,
    hold_out: Mask | None = None,
    folds: int = 8,
    seed: int = 0,
    **options: Any,
) -> Contest:
    """Predict each cell of N and D from the others, or the rows of a rule.

    `table`: with columns N and D; rows of one N and D are held out together, whatever
    their seed, so that no law has seen a run's neighbours. `laws`: names or classes;
    `judged`: rows that count; a rule of `hold_out` narrows them. `hold_out`: rows never
    fitted; without it, cross-validation by cells. `folds`, `seed`: of the
    cross-validation; `**options`: of the fits, such as the scale of residuals.

    >>> from precision_lib.findings.best_bits import made_up_runs
    >>> runs = made_up_runs()
    >>> low = (runs["weight_bits"] < 32).to_numpy()
    >>> laws = ["effective-tied", "effective-tied-no-offset"]
    >>> against(contest(runs, laws, low), "effective-tied")["word"].tolist()
    ['reference', 'worse']
    """
    cells = twins.cells(table)
    folds = min(folds, cells.nunique())
    found = compare(
        table, laws, hold_out=hold_out, folds=folds, by=cells, seed=seed, **options
    )
    if hold_out is not None:
        judged = judged & hold_out
    names = [law if isinstance(law, str) else law.name for law in laws]
    target = found.fits[names[0]].law.target
    measured = table[target].to_numpy(float)
    with np.errstate(all="ignore"):
        errors = pd.DataFrame(
            {n: np.abs(np.log(measured / found.predictions[n])) for n in names},
            index=table.index,
        )
    errors = errors.replace([np.inf, -np.inf], np.nan)
    return Contest(table, judged, found, errors[judged], cells[judged])


def against(
    contest: Contest, reference: str, draws: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Each law's held-out error, and its difference to that of a reference.

    The difference is paired: a bootstrap draws cells of N and D, and a cell brings the
    errors of both laws on the same runs. Rows for which some law gives no number (see
    the column undefined) are left out for all.

    Returns, index law; error, difference, low and high in percent (mean of the
    logarithmic error), undefined, runs, and word: "better", "worse" or "tie" by the 95%
    interval, "reference" for the reference.

    >>> table = pd.DataFrame({"N": [1, 2], "D": 9})
    >>> errors = pd.DataFrame({"a": [0.01, 0.02], "b": [0.03, 0.04]})
    >>> made = Contest(table, np.array([True, True]), None, errors, table["N"])
    >>> against(made, "a")["word"].tolist()
    ['reference', 'worse']
    """
    known = contest.errors.dropna()
    groups = contest.groups.loc[known.index]
    rows = {}
    for law in contest.errors:
        gap = known[law] - known[reference]
        mean, low, high = resampled(mean_of(100 * gap), groups, draws, seed)
        word = "better" if high < 0 else "worse" if low > 0 else "tie"
        rows[law] = {
            "error": 100 * known[law].mean(),
            "difference": mean,
            "low": low,
            "high": high,
            "undefined": int(contest.errors[law].isna().sum()),
            "runs": len(known),
            "word": "reference" if law == reference else word,
        }
    return pd.DataFrame(rows).T.infer_objects()


def leaders(contest: Contest, seed: int = 0) -> list[str]:
    """The law with the smallest held-out error and those that tie with it, in order.

    >>> table = pd.DataFrame({"N": [1, 2], "D": 9})
    >>> errors = pd.DataFrame({"a": [0.01, 0.02], "b": [0.03, 0.04]})
    >>> leaders(Contest(table, np.array([True, True]), None, errors, table["N"]))
    ['a']
    """
    mean = contest.errors.dropna().mean().sort_values()
    beside = against(contest, str(mean.index[0]), seed=seed)
    return [str(law) for law in mean.index if beside.loc[law, "word"] != "worse"]


def seen_often(table: pd.DataFrame, columns: Sequence[str], folds: int = 8) -> Mask:
    """Rows whose formats occur in enough cells of N and D to be held out.

    A law with a number for each format cannot predict a format that it has not seen;
    with cells held out by turns, each must be in more of them than a fold has.

    >>> table = pd.DataFrame({"N": [1, 2, 3, 4], "D": 9, "f": ["a", "a", "a", "b"]})
    >>> seen_often(table, ["f"], folds=4).tolist()
    [True, True, True, False]
    """
    cells = twins.cells(table)
    needed = -(-cells.nunique() // folds) + 1
    keep = np.ones(len(table), dtype=bool)
    for column in columns:
        keep &= (cells.groupby(table[column]).transform("nunique") >= needed).to_numpy()
    return keep


def weight_only(runs: pd.DataFrame, *plans: str, lowest: int = 2) -> pd.DataFrame:
    """The runs of `quantized_runs` in which nothing but the weights is quantized.

    >>> from precision_lib.runs.run_table import load_runs
    >>> set(weight_only(load_runs(), "base", "parts")["kv_bits"])
    {32}
    """
    table = quantized_runs(runs, *plans, lowest=lowest)
    other = [column for column in COLUMNS if column != "weight_bits"]
    return table[(table[other] == HIGH_PRECISION_BITS).all(axis=1)].reset_index(
        drop=True
    )


def tied_table(runs: pd.DataFrame, folds: int = 8) -> pd.DataFrame:
    """Unquantized and tied runs whose width occurs often enough.

    >>> from precision_lib.runs.run_table import load_runs
    >>> table = tied_table(load_runs())
    >>> bool((table["weight_bits"] == table["kv_bits"]).all())
    True
    """
    table = tied_runs(quantized_runs(runs, "base", "joint"))
    return table[seen_often(table, ["weight_format"], folds)].reset_index(drop=True)


def combinations(runs: pd.DataFrame) -> tuple[pd.DataFrame, Mask]:
    """Runs of parts and tied widths to fit, and arbitrary combinations to predict.

    From 2 bits for weights and KV cache and from 3 for activations; combinations with a
    format that the fitted runs lack are left out.

    Returns
    -------
    table, held_out
        And which of its rows are combinations.

    Examples
    --------
    >>> from precision_lib.runs.run_table import load_runs
    >>> table, held_out = combinations(load_runs())
    >>> set(table["sweep"][~held_out]) <= {"base", "parts", "joint"}
    True
    """
    table = quantized_runs(runs, "base", "parts", "joint", "combinations", lowest=2)
    table = table[table["activation_bits"] >= 3]
    held = (table["sweep"] == "combinations").to_numpy()
    known = np.ones(len(table), dtype=bool)
    for column in FORMATS:
        known &= table[column].isin(set(table.loc[~held, column])).to_numpy()
    return table[known].reset_index(drop=True), held[known]


def float_table(runs: pd.DataFrame, folds: int = 8) -> pd.DataFrame:
    """Unquantized runs and those with floating-point weights, with the formats' shape.

    Columns exponent_bits and mantissa_bits are those of the format, and block_size the
    input dimension, which shares a scale here: a constant factor in the law of Sun et
    al.

    >>> from precision_lib.runs.run_table import load_runs
    >>> table = float_table(load_runs())
    >>> {"exponent_bits", "mantissa_bits", "block_size"} <= set(table)
    True
    """
    table = weight_only(runs, "base", "floating")
    shapes = [_shape(name) for name in table["weight_format"]]
    exponents, mantissas = np.array(shapes).reshape(-1, 2).T
    table = table.assign(
        exponent_bits=exponents, mantissa_bits=mantissas, block_size=table["d_model"]
    )
    return table[seen_often(table, ["weight_format"], folds)].reset_index(drop=True)


def _shape(name: str) -> tuple[int, int]:
    fmt = parse_format(name)
    if isinstance(fmt, Float):
        return fmt.exponent, fmt.mantissa
    return FLOAT32


def base_roundings(
    ptq: pd.DataFrame, method: str, bits: tuple[int, int] = (3, 6)
) -> pd.DataFrame:
    """Roundings of the unquantized runs of the plan base, by one method.

    Costs at or below zero, of which a logarithmic error cannot speak, are left out.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> base_roundings(load_ptq(), "rtn")["sweep"].unique().tolist()
    ['base']
    """
    rows = law_roundings(ptq, bits, method)
    return rows[rows["delta"] > 0].reset_index(drop=True)


def cost_of_data(
    runs: pd.DataFrame, draws: int = 1000, seed: int = 0, law: Fit | None = None
) -> pd.DataFrame:
    """The power of D with which the cost of training in low precision goes.

    A regression of the logarithm of the cost above the unquantized twin on log N, log
    D and the width, over the widths of which every run cost something, so that taking
    the logarithm selects nothing.

    Returns, index: single parts and all parts tied, those with runs at two values of D
    or more; columns estimate, low, high, runs and, with a law, by_law.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it; `draws`, `seed`: of
    the bootstrap over cells of N and D; `law`: of all three parts; what it says of the
    same pairs is a column more.

    >>> from precision_lib.runs.run_table import load_runs
    >>> cost_of_data(load_runs(), draws=10).columns.tolist()
    ['estimate', 'low', 'high', 'runs']
    """
    table = quantized_runs(runs, "base", "parts", "joint", lowest=2)
    pairs = with_twins(table)
    rows = {}
    for name, problem in _problems(pairs).items():
        found = always_cost(problem, "bits")
        if found["D"].nunique() > 1 and found["N"].nunique() > 1:
            rows[name] = power_of(found, "D", "bits", draws, seed)
            if law:
                told = found.assign(cost=cost_by_law(law, found))
                by_law = power_of(told, "D", "bits", 1, seed)
                rows[name]["by_law"] = by_law["estimate"]
    return pd.DataFrame(rows).T


def _problems(pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    named = with_part(pairs)
    parts = {f"{part} alone": part for part in PARTS} | {"all parts tied": "tied"}
    return {name: named[named["part"] == part] for name, part in parts.items()}
