from .conditions import Condition, parse_condition, split_rows
from .external import FOLDER_VARIABLE, ExternalTableAbsent, load_external
from .run_table import (
    TABLES,
    Role,
    load_checked,
    load_costs,
    load_curves,
    load_ptq,
    load_runs,
    load_statistics,
    write_table,
)

__all__ = [
    "Condition",
    "ExternalTableAbsent",
    "FOLDER_VARIABLE",
    "Role",
    "TABLES",
    "load_checked",
    "load_costs",
    "load_curves",
    "load_external",
    "load_ptq",
    "load_runs",
    "load_statistics",
    "parse_condition",
    "split_rows",
    "write_table",
]
