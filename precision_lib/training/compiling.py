"""Whether and how a training step is compiled."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from precision_lib.errors import UserError
from precision_lib.formats.gaussian import gaussian_scale
from precision_lib.paths import cache_folder, writable_folder

LIMIT = 64  # kinds of step in one process; torch's own is 8
CACHE = "TORCHINDUCTOR_CACHE_DIR"


def can_compile(device: str) -> bool:
    """Whether inductor finds what it needs: a C++ compiler, or triton for a GPU.

    With ``ATEN_CPU_CAPABILITY=default`` it writes vector code that does not compile.

    >>> shutil.which(os.environ.get("CXX", "g++")) is not None or not can_compile("cpu")
    True
    """
    if torch.device(device).type == "cuda":
        return torch.utils._triton.has_triton()
    if os.environ.get("ATEN_CPU_CAPABILITY") == "default":
        return False
    return shutil.which(os.environ.get("CXX", "g++")) is not None


def compiled(function: Callable[..., Any], backend: str = "inductor") -> Any:
    """`function` as one graph of fixed shapes.

    What it generates is kept in the user's cache folder: compiling takes half a minute
    the first time on a machine and seconds after that, in every process. Where that
    folder cannot be written, torch keeps it in a temporary one.
    """
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    if os.environ.get(CACHE, default_cache_dir()) == default_cache_dir():
        # a bare GPU machine has no platformdirs
        with suppress(UserError, ModuleNotFoundError):
            os.environ[CACHE] = str(writable_folder(cache_folder() / "compiled"))
    # here, since it imports torch._dynamo
    torch.compiler.assume_constant_result(gaussian_scale)
    torch._dynamo.config.recompile_limit = LIMIT
    warnings.filterwarnings("ignore", "Dynamo detected a call to a `functools.lru")
    return torch.compile(function, backend=backend, fullgraph=True, dynamic=False)
