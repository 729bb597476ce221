"""The table of a pretrained model's roundings: made row by row, and loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from precision_lib import ptq
from precision_lib.errors import UserError
from precision_lib.formats import Format, Int
from precision_lib.paths import DATA, cache_folder
from precision_lib.pretrained.by_text import (
    BEFORE,
    TOKENS,
    add_texts,
    load_texts,
    texts_path,
)
from precision_lib.pretrained.language_model import (
    PACKAGED,
    SCORED_WINDOWS,
    Pretrained,
    calibration_set,
    load_pretrained,
    score,
    window_texts,
)
from precision_lib.pretrained.weight_grid import linear_weights
from precision_lib.ptq.calibration import Calibration
from precision_lib.rounding.sharing import block_size
from precision_lib.runs.run_table import load_checked, write_table
from precision_lib.text.corpus import Corpus
from precision_lib.text.loading import load_corpus

METHODS = ["rtn", "gptq", "awq"]
BITS = [8, 6, 5, 4, 3, 2]
USUAL = "default-32x128-seed0"  # calibration
KEY = ["model", "method", "grid", "granularity", "calibration", "post_bits", "tokens"]
_POSITIVE = pa.Check.gt(0)
SCHEMA = pa.DataFrameSchema(
    {
        "model": pa.Column(str),
        "N": pa.Column(int, _POSITIVE),
        "D": pa.Column(float, _POSITIVE, nullable=True),
        "method": pa.Column(str),
        "grid": pa.Column(str),
        "granularity": pa.Column(str),
        "calibration": pa.Column(str),
        "post_bits": pa.Column(int, pa.Check.in_range(1, 16)),
        "bits_per_parameter": pa.Column(float, _POSITIVE),
        "tokens": pa.Column(int, _POSITIVE),
        "loss": pa.Column(float, _POSITIVE),
        "post_loss": pa.Column(float, _POSITIVE),
        "delta": pa.Column(float),
        "bytes_per_token": pa.Column(float, _POSITIVE),
        "corpus_digest": pa.Column(str),
    },
    unique=KEY,
    strict=True,
    coerce=True,
)


def load_pretrained_table(path: Path | None = None) -> pd.DataFrame:
    """The roundings of pretrained models, checked; columns in ``data/README.md``.

    Raises UserError if the file is missing, is no CSV, or a column or value breaks its
    rule.

    >>> "rtn" in set(load_pretrained_table()["method"])
    True
    """
    return load_checked(path or DATA / "pretrained.csv", SCHEMA)


def extend_table(
    path: Path,
    loaded: Pretrained,
    corpus: Corpus,
    *,
    methods: list[str],
    bits: list[int],
    granularity: str = "channel",
    windows: int = SCORED_WINDOWS,
    calibration: Calibration | None = None,
    trained: float = math.nan,
    progress: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Add the roundings that the table at `path` does not have yet; returns all of it.

    Every row is written as soon as it is measured, so that the work can be stopped
    and resumed; the nats of each text go into a table beside it (`by_text`). The
    validation text of the corpus scores, its training text calibrates.

    `methods`, `granularity`: as in `precision_lib.ptq.quantize`; `bits`: widths of the
    integers; `windows`: validation windows that are scored; `calibration`: of a name of
    its own, instead of 32 sequences of 128 tokens of training text; `trained`: D, where
    :data:`PACKAGED` has none; `progress`: gets a line for each row.
    """
    rows: list[Any] = []
    if path.exists():
        rows = load_pretrained_table(path).to_dict("records")
    done = {tuple(row[name] for name in KEY) for row in rows}
    texts, beside = window_texts(corpus, windows), texts_path(path)
    before = score(loaded.model, loaded.tokenizer, texts)
    unrounded = dict.fromkeys(["granularity", "calibration"], "") | {"post_bits": 0}
    for kind, values in ((BEFORE, before.nats), (TOKENS, before.counts)):
        add_texts(beside, unrounded | {"model": loaded.name, "method": kind}, values)
    if calibration is None and set(methods) - {"rtn"}:
        calibration = calibration_set(corpus, loaded.tokenizer, seed=0)
    for method, width in product(methods, bits):
        fmt, seen = Int(width), None if method == "rtn" else calibration
        about = _about(loaded, method, fmt, granularity, trained)
        about["calibration"] = "" if seen is None else seen.name
        if tuple((about | {"tokens": before.tokens})[name] for name in KEY) in done:
            continue
        result = ptq.quantize(loaded.model, method, fmt, seen, granularity)
        after = score(result.model, loaded.tokenizer, texts)
        add_texts(beside, about, after.nats)
        measured = {
            "tokens": before.tokens,
            "loss": before.loss,
            "post_loss": after.loss,
            "delta": after.loss - before.loss,
            "bytes_per_token": before.bytes_per_token,
            "corpus_digest": corpus.digest,
        }
        rows.append(about | measured)
        write_table(pd.DataFrame(rows)[list(SCHEMA.columns)], path)
        progress(f"{method} {width} bits: {before.loss:.4f} -> {after.loss:.4f}")
    return load_pretrained_table(path)


def _about(
    loaded: Pretrained, method: str, fmt: Int, granularity: str, trained: float
) -> dict[str, Any]:
    """What a row says before anything is measured, its calibration excepted."""
    return {
        "model": loaded.name,
        "N": loaded.n_non_embedding,
        "D": trained_tokens(loaded.name, trained),
        "method": method,
        "grid": fmt.grid,
        "granularity": granularity,
        "post_bits": fmt.bits,
        "bits_per_parameter": stored_bits(loaded, fmt, granularity),
    }


def table_for(runs: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The roundings of the packaged model that the notebook works on.

    Returns the table and the nats of each text, as of `by_text.load_texts`.

    Raises UserError if `runs` is neither of the two, or the model cannot be had.

    `runs`: "published" reads the published table. "retrain" measures every row here,
    keeping finished ones between calls; the published table stays as it is.

    >>> table_for("published")[0]["model"].unique().tolist()
    ['smollm2']
    """
    path = DATA / "pretrained.csv"
    if runs == "retrain":
        path = cache_folder() / "pretrained" / "roundings.csv"
        loaded, corpus = load_pretrained("smollm2"), load_corpus()
        extend_table(path, loaded, corpus, methods=METHODS, bits=BITS)
    elif runs != "published":
        raise UserError(f"runs is '{runs}'; choose published or retrain.")
    return load_pretrained_table(path), load_texts(texts_path(path))


def longest(table: pd.DataFrame) -> pd.DataFrame:
    """Of each method and width the row on most tokens, calibrated as by default.

    With a column `over_nearest`: its delta over that to nearest on the same tokens.

    `table`: as of `load_pretrained_table`, of one model and granularity.

    >>> usual = longest(load_pretrained_table())
    >>> usual.loc[usual["method"] == "rtn", "over_nearest"].unique().tolist()
    [1.0]
    """
    by = ["post_bits", "tokens"]
    nearest = table[table["method"] == "rtn"].set_index(by)["delta"].rename("nearest")
    usual = table[table["calibration"].isin(["", USUAL])].join(nearest, on=by)
    usual["over_nearest"] = usual["delta"] / usual["nearest"]
    best = usual.sort_values("tokens", kind="stable")
    return best.drop_duplicates(["method", "post_bits"], keep="last")


def trained_tokens(name: str, stated: float = math.nan) -> float:
    """D of a packaged model as its makers state it; for others what is `stated`.

    >>> trained_tokens("smollm2")
    2000000000000.0
    """
    return PACKAGED[name].trained_tokens if name in PACKAGED else stated


def stored_bits(loaded: Pretrained, fmt: Format, granularity: str) -> float:
    """Bits a weight of the linear layers takes up, its share of the scales included."""
    total = count = 0.0
    for weight in linear_weights(loaded.model).values():
        block = block_size(granularity, weight.shape)
        total += fmt.bits_per_parameter(block, weight.shape) * weight.numel()
        count += weight.numel()
    return round(total / count, 4)


def growth(table: pd.DataFrame) -> pd.DataFrame:
    """How delta grows over checkpoints of one training: a row a method and width.

    The power of D is the least-squares slope of log delta on log D, over checkpoints
    whose delta is positive; a method and width with fewer than two of them has no row.

    `table`: as of `load_pretrained_table`, of one model, D known.

    >>> rows = {"method": "rtn", "post_bits": 4, "D": [1e9, 1e10], "delta": [0.1, 0.2]}
    >>> growth(pd.DataFrame(rows))["gamma_D"].round(3).tolist()
    [0.301]
    """
    found = []
    positive = table[table["delta"] > 0]
    for (method, bits), rows in positive.groupby(["method", "post_bits"]):
        if (D := rows["D"]).nunique() > 1:
            slope = np.polyfit(np.log(D), np.log(rows["delta"]), 1)[0]
            found.append((method, bits, slope, D.min(), D.max(), len(D)))
    columns = ["method", "post_bits", "gamma_D", "least", "most", "checkpoints"]
    return pd.DataFrame(found, columns=columns)
