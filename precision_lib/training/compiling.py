"""Whether and how a training step is compiled."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from typing import Any

import torch

from precision_lib.paths import cache_folder

LIMIT = 64  # kinds of step in one process; torch's own is 8


def can_compile(device: str) -> bool:
    """Whether inductor finds what it needs: a C++ compiler, or triton for a GPU.

    Examples
    --------
    >>> can_compile("cpu") == (shutil.which(os.environ.get("CXX", "g++")) is not None)
    True
    """
    if torch.device(device).type == "cuda":
        return torch.utils._triton.has_triton()
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` through inductor as one graph of fixed shapes.

    What it generates is kept in the user's cache folder: compiling takes half a minute
    the first time on a machine and seconds after that, in every process.

    Examples
    --------
    >>> compiled(lambda x: x + 1)  # doctest: +SKIP
    """
    cache = str(cache_folder() / "compiled")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", cache)
    torch._dynamo.config.recompile_limit = LIMIT
    warnings.filterwarnings("ignore", "Dynamo detected a call to a `functools.lru")
    return torch.compile(function, fullgraph=True, dynamic=False)
