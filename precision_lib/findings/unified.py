"""Precision in training and after it together: rows for one law, and twins of both.

A run trained in few bits and then rounded is compared with two others: its twin that
was not quantized in training, and that twin rounded in the same way.
"""

from __future__ import annotations

import pandas as pd

from precision_lib.findings.paired_contrasts import contrasts
from precision_lib.findings.twins import PARTS, TWIN, law_runs, with_part
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit
from precision_lib.laws.forms.share import shrunk

_COLUMNS = ["run_id", *TWIN, *PARTS.values(), "post_bits", "loss"]


def trained_and_rounded(
    ptq: pd.DataFrame,
    bits: tuple[int, int] = (2, 6),
    method: str = "gptq",
) -> pd.DataFrame:
    """Roundings of the runs to fit, whatever they were trained in, that lose bits.

    Those with ``post_bits`` (first and last of `bits`) below every precision of the
    training, to which alone the law of the paper speaks.

    Returns the rows, with ``part`` and ``bits`` of the training.

    `ptq`: as `precision_lib.runs.run_table.load_ptq` gives it; `bits`: first and last
    number of bits after training; `method`: of rounding.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> rows = trained_and_rounded(load_ptq())
    >>> bool((rows["bits"] > rows["post_bits"]).all())
    True
    """
    keep = (ptq["role"] == "fit") & (ptq["method"] == method)
    keep &= ptq["post_bits"].between(*bits)
    rows = with_part(ptq[keep])
    return rows[rows["bits"] > rows["post_bits"]].reset_index(drop=True)


def unified_rows(runs: pd.DataFrame, roundings: pd.DataFrame) -> pd.DataFrame:
    """Runs and their roundings as rows of one law of the loss.

    A run that is not rounded has ``post_bits`` 32; ``loss`` of a rounding is that
    after rounding. ``excess`` is the loss above the twin that was quantized neither
    in training nor after it, in nats per token, NaN where there is no twin.

    `runs`: as `precision_lib.runs.run_table.load_runs` gives it; `roundings`: as
    `trained_and_rounded` gives it.

    >>> from precision_lib.runs.run_table import load_ptq, load_runs
    >>> rows = unified_rows(load_runs(), trained_and_rounded(load_ptq()))
    >>> bool(rows.query("part == 'none' and post_bits == 32")["excess"].eq(0).all())
    True
    """
    whole = law_runs(runs, "any").assign(post_bits=HIGH_PRECISION_BITS)
    after = roundings.assign(loss=roundings["post_loss"])
    rows = pd.concat([whole[_COLUMNS], after[_COLUMNS]], ignore_index=True)
    base = law_runs(runs)[[*TWIN, "loss"]].rename(columns={"loss": "base"})
    rows = rows.merge(base, on=TWIN, how="left", validate="many_to_one")
    return with_part(rows.assign(excess=rows["loss"] - rows["base"]))


def beside_unquantized(roundings: pd.DataFrame) -> pd.DataFrame:
    """What rounding costs a run trained in few bits and its unquantized twin.

    Returns the roundings of quantized runs that have a twin, with its cost as
    ``reference``, ``difference`` and ``ratio`` as
    `precision_lib.findings.paired_contrasts.contrasts` gives them, and ``gap``, the
    bits by which the rounding is below the training.

    >>> from precision_lib.runs.run_table import load_ptq
    >>> pairs = beside_unquantized(trained_and_rounded(load_ptq()))
    >>> bool((pairs["gap"] >= 1).all())
    True
    """
    paired = contrasts(roundings, "part", "none", "delta", on=[*TWIN, "post_bits"])
    return paired.assign(gap=paired["bits"] - paired["post_bits"])


def with_effective_size(rows: pd.DataFrame, law: Fit) -> pd.DataFrame:
    """The same rows with N_eff in the place of N.

    `law`: of the law "effective", or another with its constants.

    >>> from precision_lib.decide import paper_fit
    >>> row = pd.DataFrame({"N": [1e8], "weight_bits": [4], "activation_bits": [32]})
    >>> with_effective_size(row.assign(kv_bits=32), paper_fit())["N"].round(-6).tolist()
    [70000000.0]
    """
    parts = [
        (
            rows[column].to_numpy(float),
            law.params[f"gamma_{part}"],
            law.params[f"n_{part}"],
        )
        for part, column in PARTS.items()
    ]
    return rows.assign(N=rows["N"] * shrunk(1.0, *parts))


def table_of(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Means of a column: bits in training down, bits after it across, 32 last.

    >>> rows = pd.DataFrame({"bits": [4, 32], "post_bits": [3, 32], "excess": [0.2, 0]})
    >>> table_of(rows, "excess").loc[4, 3]
    np.float64(0.2)
    """
    return rows.pivot_table(column, "bits", "post_bits")
