"""Make the fits of the chapters as other processors would, and compare the answers.

    python -m tools.processors                      every setting, some minutes each
    python -m tools.processors --replicates 100     shorter

Two variables make one machine compute like another: OPENBLAS_CORETYPE chooses the
kernels of linear algebra, ATEN_CPU_CAPABILITY those of PyTorch. A third one forbids
NumPy the instructions beyond its baseline, with which exp and log round otherwise.
Point fits must agree to 1e-6 of the objective, the ends of bootstrap intervals to a
hundredth of their length.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
OBJECTIVE, ENDS = 1e-6, 1e-2  # relative, and in lengths of the interval
KERNELS = ("Nehalem", "Haswell", "Zen", "SkylakeX")
CAPABILITIES = ("default", "avx2")
Answers = dict[str, dict[str, Any]]


def settings() -> Iterator[dict[str, str]]:
    """Environments of other processors that this one can run.

    >>> {"OPENBLAS_CORETYPE": "Haswell", "ATEN_CPU_CAPABILITY": "avx2"} in settings()
    True
    """
    for kernel in KERNELS:
        if kernel == "SkylakeX" and "X86_V4" not in _instructions():
            continue
        for capability in CAPABILITIES:
            yield {"OPENBLAS_CORETYPE": kernel, "ATEN_CPU_CAPABILITY": capability}
    yield {"NPY_DISABLE_CPU_FEATURES": " ".join(_instructions())}


def _instructions() -> list[str]:
    """Sets of instructions that NumPy uses here beyond its baseline."""
    config: Any = np.show_config(mode="dicts")
    return list(config["SIMD Extensions"].get("found", []))


def chapter_fits() -> Iterator[tuple[str, Any, str, Any, dict[str, Any]]]:
    """Chapter, table, law, groups of the bootstrap and options of each fit."""
    from precision_lib.findings import best_bits, rivals, unified
    from precision_lib.findings.explorer_constants import fitted_runs
    from precision_lib.findings.measured import finished
    from precision_lib.findings.twins import (
        LOWEST,
        cells,
        law_roundings,
        law_runs,
        twin_groups,
    )
    from precision_lib.runs.run_table import load_ptq, load_runs

    runs, ptq = load_runs(), load_ptq()
    plain = law_runs(runs)
    for law in ("chinchilla", "coupled"):
        yield "03", plain, law, cells(plain), {"loss": "ls"}
    long = law_runs(finished(runs, 1.75e6), "weights")
    yield "05", long, "effective-weights", long["model"], {}
    every = law_runs(runs, "any", LOWEST)
    for chapter, law in (("12", "effective"), ("21, 22", "effective-coupled")):
        yield chapter, every, law, twin_groups(every), {}
    tied = best_bits.tied_runs(best_bits.quantized_runs(runs, "base", "ladder", "bits"))
    yield "00", tied, "effective-tied", tied["group"], {}
    ours = fitted_runs(runs)
    yield "10", ours, "effective", cells(ours), {}
    kinds = rivals.kinds_of_training(runs)
    for law in ("format-multiplier", "quartet"):
        yield "21", kinds, law, None, {}
    for method in ("gptq", "rtn", "awq", "noise"):
        table = law_roundings(ptq, (3, 6), method)
        yield f"04, 14, {method}", table, "ptq", cells(table), {}
    rounded = unified.trained_and_rounded(ptq)
    yield "12", unified.unified_rows(runs, rounded), "unified", None, {}


def answers(replicates: int) -> Answers:
    """Objective, constants and ends of intervals of every fit, by chapter and law."""
    from precision_lib.laws import bootstrap, fit

    found: Answers = {}
    for chapter, table, law, groups, options in chapter_fits():
        one = fit(table, law, **options)
        by = None if groups is None else np.asarray(groups)
        kind: Any = "pairs" if by is None else "cluster"
        draws = bootstrap(one, kind, replicates, by=by)
        ends = {name: draws.interval(name) for name in one.params}
        found[f"{chapter}: {law}"] = {"objective": one.objective, "ends": ends}
    return found


def elsewhere(setting: dict[str, str], replicates: int) -> Answers:
    """The answers of a fresh process in another setting."""
    command = [sys.executable, "-m", "tools.processors", "--answer"]
    command += ["--replicates", str(replicates)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | setting, text=True, capture_output=True,
        check=True,
    )  # fmt: skip
    found: Answers = json.loads(done.stdout)
    return found


def differences(known: Answers, other: Answers) -> list[str]:
    """Sentences on all that differs by more than it may.

    >>> known = {"03: coupled": {"objective": 1.0, "ends": {"E": [0.0, 1.0]}}}
    >>> other = {"03: coupled": {"objective": 1.1, "ends": {"E": [0.1, 1.0]}}}
    >>> differences(known, other)
    ['03: coupled: the objective is 1.1 and not 1', '03: coupled: the interval of E \
is 0.1 to 1 and not 0 to 1']
    """
    said = []
    for name, one in known.items():
        two = other[name]
        if not abs(two["objective"] - one["objective"]) <= OBJECTIVE * one["objective"]:
            said.append(
                f"{name}: the objective is {two['objective']:.9g} and not "
                f"{one['objective']:.9g}"
            )
        for parameter, (low, high) in one["ends"].items():
            ends = two["ends"][parameter]
            allowed = ENDS * (high - low) + 1e-12 * abs(high)
            if not np.allclose(ends, [low, high], rtol=0.0, atol=allowed):
                said.append(
                    f"{name}: the interval of {parameter} is {ends[0]:.6g} to "
                    f"{ends[1]:.6g} and not {low:.6g} to {high:.6g}"
                )
    return said


def main() -> int:
    """Compare every setting with this machine as it is; 1 if one differs."""
    parser = argparse.ArgumentParser(prog="tools.processors", description=__doc__)
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        print(json.dumps(answers(options.replicates)))
        return 0
    known = elsewhere({}, options.replicates)
    failed = False
    for setting in settings():
        said = differences(known, elsewhere(setting, options.replicates))
        failed |= bool(said)
        name = " ".join(f"{key}={value!r}" for key, value in setting.items())
        print(f"{name}: {len(known)} fits, {len(said)} differences", *said, sep="\n  ")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
