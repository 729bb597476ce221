"""Where the library reads and keeps files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

DATA = Path(__file__).parents[1] / "data"


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
