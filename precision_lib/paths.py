"""Where the library reads and keeps files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import platformdirs

DATA = Path(__file__).parents[1] / "data"
# Of short runs, the first; of runs long enough for a law, the second.
RunTable = Literal["short", "main"]
# What pages and tools read that name no table; "main" once the second is complete.
READ_BY_DEFAULT: RunTable = "short"


def table_folder(table: RunTable = READ_BY_DEFAULT) -> Path:
    """The folder of a run table, with its plans and its trained models.

    Examples
    --------
    >>> table_folder("short").relative_to(table_folder("main")).name
    'short'
    """
    return DATA / "short" if table == "short" else DATA


def cache_folder() -> Path:
    """Where fetched text and tokens are kept.

    The environment variable ``PRECISION_LIB_CACHE`` points it elsewhere.

    Examples
    --------
    >>> cache_folder().name
    'precision_lib'
    """
    default = platformdirs.user_cache_dir("precision_lib")
    return Path(os.environ.get("PRECISION_LIB_CACHE", default))
