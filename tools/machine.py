"""What decides the last digits of a number: processor, kernels, versions."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

import numpy as np
import scipy.linalg  # noqa: F401  loads SciPy's own BLAS, which is then listed
import torch
from threadpoolctl import threadpool_info

PACKAGES = ("numpy", "scipy", "torch")


def machine() -> dict[str, str]:
    """Facts of this machine by the name that the page shows."""
    return {
        "processor": processor(),
        "BLAS kernel": " and ".join(blas_kernels()) or "unknown",
        "NumPy kernel": numpy_kernel(),
        "PyTorch kernel": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def processor() -> str:
    """Its name, where the system tells one."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text("utf-8").splitlines() if facts.is_file() else []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    name = names[0].strip() if names else platform.processor() or "unknown"
    return f"{name} ({platform.system()} {platform.machine()})"


def blas_kernels() -> list[str]:
    """The processors for which the loaded BLAS chose its code."""
    found = (one for one in threadpool_info() if one["user_api"] == "blas")
    return sorted({one.get("architecture", one["internal_api"]) for one in found})


def numpy_kernel() -> str:
    """The widest vector instructions that NumPy uses here."""
    used = np.show_config(mode="dicts")["SIMD Extensions"]
    return [*used["baseline"], *used.get("found", [])][-1]
