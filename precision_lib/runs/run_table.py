"""The run tables: their columns, what is checked on load, and how they are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import pandas as pd
import pandera.pandas as pa

from precision_lib.errors import UserError
from precision_lib.paths import RunTable, table_folder, write_whole

# What a run is for; see `precision_lib.sweep.plans.Plan`.
Role = Literal["tuning", "fit", "validation", "extrapolation", "ablation", "held-out"]

_POSITIVE = pa.Check.gt(0)
_BITS = pa.Check.in_range(1, 32)
_TIME = pa.Check.str_matches(r"^\d{4}-\d\d-\d\dT[\d:]{8}\+00:00$")
_SHARED = {
    "run_id": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{12}$")),
    "sweep": pa.Column(str),
    "role": pa.Column(str, pa.Check.isin(get_args(Role))),
    "seed": pa.Column(int, pa.Check.ge(0)),
    "N": pa.Column(int, _POSITIVE),
    "D": pa.Column(int, _POSITIVE),
    "weight_bits": pa.Column(int, _BITS),
    "activation_bits": pa.Column(int, _BITS),
    "kv_bits": pa.Column(int, _BITS),
}
_TEXT = ["weight_format", "activation_format", "kv_format", "query_format"]
_TEXT += ["weight_granularity", "activation_granularity", "kv_granularity"]
_TEXT += ["scale", "straight_through", "schedule", "corpus"]
_COUNTS = ["batch_size", "sequence", "d_model", "n_layers", "n_heads", "d_mlp"]
_SHARES = ["warmup", "final_lr", "decay", "averaging"]
_COUNTS += [f"params_{g}" for g in ("embedding", "attention", "mlp", "norm", "head")]
_LOSSES = [f"loss_{s}" for s in ("gcide", "wikipedia", "botocore", "google")]

RUNS = pa.DataFrameSchema(
    {
        **_SHARED,
        "status": pa.Column(str, pa.Check.isin(["finished", "diverged"])),
        "loss": pa.Column(float, _POSITIVE, nullable=True),
        **{name: pa.Column(float, _POSITIVE, nullable=True) for name in _LOSSES},
        **{name: pa.Column(str) for name in _TEXT},
        **{name: pa.Column(int, _POSITIVE) for name in _COUNTS},
        "peak_lr": pa.Column(float, _POSITIVE),
        "weight_decay": pa.Column(float, pa.Check.ge(0)),
        **{name: pa.Column(float, pa.Check.in_range(0, 1)) for name in _SHARES},
        "rotation": pa.Column(int, pa.Check.ge(0)),
        "epochs": pa.Column(float, _POSITIVE),
        "extra_norm": pa.Column(bool),
        "corpus_digest": pa.Column(str),
        "torch": pa.Column(str),
        # the first table has none: all of it was trained on a CPU from the beginning
        "device": pa.Column(str, required=False),
        "dtype": pa.Column(str, required=False),
        "start_from": pa.Column(str, required=False),
    },
    checks=[
        pa.Check(
            lambda t: t["loss"].notna() | (t["status"] == "diverged"),
            error="a finished run has a loss",
        ),
        pa.Check(
            lambda t: (
                t["N"] == t["params_attention"] + t["params_mlp"] + t["params_norm"]
            ),
            error="N is the sum of its parameter groups",
        ),
    ],
    unique=["run_id"],
    strict=True,
)
PTQ = pa.DataFrameSchema(
    {
        **_SHARED,
        "loss": pa.Column(float, _POSITIVE),
        "method": pa.Column(str),
        "grid": pa.Column(str),
        "granularity": pa.Column(str),
        "calibration": pa.Column(str),
        "post_bits": pa.Column(int, _BITS),
        "post_loss": pa.Column(float, _POSITIVE),
        "delta": pa.Column(float),
        # the first table has none
        "weight_error": pa.Column(float, pa.Check.ge(0), required=False),
    },
    unique=["run_id", "method", "grid", "granularity", "calibration", "post_bits"],
    strict=True,
)
CURVES = pa.DataFrameSchema(
    {
        "run_id": _SHARED["run_id"],
        "tokens": pa.Column(int, _POSITIVE),
        "training_loss": pa.Column(float, nullable=True),
    },
    unique=["run_id", "tokens"],
    strict=True,
)
COSTS = pa.DataFrameSchema(
    {
        "run_id": _SHARED["run_id"],
        "sweep": _SHARED["sweep"],
        "train_seconds": pa.Column(float, pa.Check.ge(0)),
        "seconds": pa.Column(float, pa.Check.ge(0)),
        "peak_memory_mb": pa.Column(float, _POSITIVE, nullable=True),
        # the first table has no times
        "finished": pa.Column(str, _TIME, required=False),
    },
    unique=["run_id"],
    strict=True,
)
STATISTICS = pa.DataFrameSchema(
    {
        "run_id": _SHARED["run_id"],
        **{
            f"{kind}_{of}_{over}": pa.Column(float, pa.Check.ge(1))
            for kind in ("weight", "activation")
            for of in ("kurtosis", "peak")
            for over in ("mean", "max")
        },
    },
    unique=["run_id"],
    strict=True,
)
TABLES = {
    "runs": RUNS,
    "ptq": PTQ,
    "curves": CURVES,
    "costs": COSTS,
    "statistics": STATISTICS,
}


def load_runs(path: Path | None = None, *, table: RunTable = "main") -> pd.DataFrame:
    """The table of runs, checked; see ``data/README.md`` for its columns.

    Raises UserError if the file is missing, a column is missing, or a value breaks its
    rule.

    `path`: another file than a published one; `table`: "short", the first table, or
    "main", the second.

    >>> {"N", "D", "loss", "weight_bits"} <= set(load_runs().columns)
    True
    """
    return load_checked(path or table_folder(table) / "runs.csv", RUNS)


def load_ptq(path: Path | None = None, *, table: RunTable = "main") -> pd.DataFrame:
    """The table of (run, PTQ setting) pairs, checked.

    >>> load_ptq()["post_bits"].unique().tolist()
    [2, 3, 4, 5, 6, 8]
    """
    return load_checked(path or table_folder(table) / "ptq.csv", PTQ)


def load_curves(path: Path | None = None, *, table: RunTable = "main") -> pd.DataFrame:
    """The table of learning curves, checked.

    >>> list(load_curves().columns)
    ['run_id', 'tokens', 'training_loss']
    """
    return load_checked(path or table_folder(table) / "curves.csv", CURVES)


def load_costs(path: Path | None = None, *, table: RunTable = "main") -> pd.DataFrame:
    """The table of what each run took, checked: measured, so never twice the same.

    >>> (load_costs()["train_seconds"] <= load_costs()["seconds"]).all()
    np.True_
    """
    return load_checked(path or table_folder(table) / "costs.csv", COSTS)


def load_statistics(
    path: Path | None = None, *, table: RunTable = "main"
) -> pd.DataFrame:
    """The table of how weights and activations spread, checked; not of the first."""
    return load_checked(path or table_folder(table) / "statistics.csv", STATISTICS)


def read_table(path: Path) -> pd.DataFrame:
    """A CSV as it was written, not checked: floats to the bit, no text missing.

    >>> "" in read_table(table_folder() / "ptq.csv")["calibration"].to_list()
    True
    """
    may_be_empty = ("calibration", "start_from")
    table = pd.read_csv(path, dtype=dict.fromkeys(("run_id", *may_be_empty), str))
    return table.fillna({name: "" for name in may_be_empty if name in table})


def load_checked(path: Path, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """A table that fits its schema.

    Raises UserError if the file is missing or no table, a column is missing or unknown,
    or a value breaks its rule.

    >>> len(load_checked(table_folder() / "runs.csv", RUNS)) == len(load_runs())
    True
    """
    try:
        return schema.validate(read_table(path))
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; name a table of runs.") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        raise UserError(f"{path} is not a CSV table ({error}).") from error
    except pa.errors.SchemaErrors as errors:
        raise UserError(f"{path}: {_sentence(errors.schema_errors[0])}") from errors
    except pa.errors.SchemaError as error:
        raise UserError(f"{path}: {_sentence(error)}") from error


def _sentence(error: pa.errors.SchemaError) -> str:
    reason = error.reason_code.name if error.reason_code else ""
    cases = error.failure_cases
    if reason == "COLUMN_NOT_IN_DATAFRAME":
        return f"column '{cases}' is missing."
    if reason == "COLUMN_NOT_IN_SCHEMA":
        return f"column '{cases}' is unknown."
    name = getattr(error.schema, "name", None)
    where = f"column '{name}'" if name else "the table"
    rule = getattr(error.check, "error", None) or error.check or reason.lower()
    rule = "each row stands once" if "uniqueness" in str(rule) else rule
    if isinstance(cases, pd.DataFrame) and len(cases):
        first = cases.iloc[0]
        row = "" if pd.isna(first.get("index")) else f" in row {first['index']}"
        return f"{where}{row} holds {first['failure_case']}, which breaks: {rule}."
    return f"{where} breaks: {rule}."


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a CSV; the old file stays whole until the new one is.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_table(pd.DataFrame({"a": [1]}), Path(name, "a.csv"))
    ...     Path(name, "a.csv").read_text()
    'a\\n1\\n'
    """
    text = table.to_csv(index=False, lineterminator="\n")
    write_whole(path, text.encode())
