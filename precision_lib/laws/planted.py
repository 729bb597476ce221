"""Made-up tables that follow a law with known constants, to try the fitter on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from precision_lib.laws.law import Law
from precision_lib.laws.registry import get_law
from precision_lib.laws.solver.problem import predict_rows
from precision_lib.laws.solver.rows import read_rows

BASE = {"E": 2.7648, "A": 4299.0, "alpha": 0.4965, "B": 18060.0, "beta": 0.4965}
UNTIED = {**BASE, "beta": 0.47}
OFFSETS = {
    "gamma_weights": 2.6745, "n_weights": 0.3037,
    "gamma_activations": 2.2102, "n_activations": 1.4072,
    "gamma_kv": 0.9578, "n_kv": 2.4185,
}  # fmt: skip
COST = {
    "C_T": 0.0598 * float(np.exp(1.1277)), "gamma_D": 0.5068, "gamma_N": 0.3439,
    "gamma_post": 0.5907, "b": 0.0,
}  # fmt: skip
ROBUST = {"C_weights": 0.9, "C_activations": 0.6, "C_kv": 1.4}
COUPLED = {
    "E": 1.2, "A": 5e4, "alpha": 0.6, "B": 2e6, "beta": 0.65, "gamma": 0.6
}  # fmt: skip
LEVELS = {"eff[int3]": 0.5, "eff[int4]": 0.75, "eff[int8]": 0.95}

# Published constants where a paper states them (see the docstring of each law),
# else constants of the same size.
CONSTANTS: dict[str, dict[str, float]] = {
    "chinchilla": UNTIED,
    "chinchilla-tied": {k: v for k, v in BASE.items() if k != "beta"},
    "effective-data": {**UNTIED, "gamma_weights": 2.6745, "n_weights": 0.3037},
    "effective-both-tied": {**UNTIED, "gamma_weights": 2.6745, "n_weights": 0.3037},
    "effective-both": {
        **UNTIED, "gamma_size": 2.6745, "n_size": 0.3037,
        "gamma_data": 1.5, "n_data": 0.8,
    },
    "effective-tied": {**UNTIED, "gamma": 1.9, "n": 0.9},
    "power-additive": {**UNTIED, "C": 3.0, "gamma": 1.6},
    "power-multiplicative": {**UNTIED, "C": 3.0, "gamma": 1.6},
    "growing-error": {
        **UNTIED, "C": 0.5, "gamma_N": 0.25, "gamma_D": 0.3, "gamma": 1.2
    },
    "effective-weights": {**UNTIED, **OFFSETS},
    "effective-activations": {**UNTIED, **OFFSETS},
    "effective-kv": {**UNTIED, **OFFSETS},
    "effective": {**UNTIED, **OFFSETS},
    "coupled": COUPLED,
    "effective-coupled": {**COUPLED, **OFFSETS},
    "ptq": COST,
    "ptq-trained-low": {**COST, **OFFSETS, **ROBUST},
    "unified": {**UNTIED, **OFFSETS, **COST, **ROBUST},
    "ouyang": {"k": 0.017, "beta": 0.5251, "alpha": 0.2261, "gamma": 5.4967},
    "format-multiplier": {**UNTIED, **LEVELS},
    "format-multiplier-parts": {
        **UNTIED,
        **{k.replace("eff", "eff_weights"): v for k, v in LEVELS.items()},
        **{k.replace("eff", "eff_activations"): v - 0.1 for k, v in LEVELS.items()},
        **{k.replace("eff", "eff_kv"): v + 0.04 for k, v in LEVELS.items()},
    },
    "bits-multiplier": {
        **UNTIED,
        "eff[3]": 0.4, "eff[4]": 0.6, "eff[5]": 0.7,
        "eff[6]": 0.8, "eff[7]": 0.9, "eff[8]": 1.0,
    },
    "quartet": {
        "E": 1.35, "A": 1.52e5, "alpha": 0.589, "B": 5.25e5, "beta": 0.544,
        "gamma": 0.274, **{k.replace("eff", "eff_N"): v for k, v in LEVELS.items()},
        **{k.replace("eff", "eff_D"): v + 0.03 for k, v in LEVELS.items()},
    },
    "sun": {
        "E": 1.9061, "A": 69.23, "alpha": 0.2368, "B": 68973.0, "beta": 0.5162,
        "gamma": 11334.5, "delta": 3.1926, "nu": 2.9543,
    },
    "capacity": {**UNTIED, "L": 1.0, "F": 0.6, "C": 2.5},
    "shannon": {
        "a": 0.012, "alpha": 0.11, "b": 1.0, "beta": 0.6,
        "c": 2e-4, "gamma": 0.4, "d": 3e-6, "delta": 1.0, "e": 3e4,
    },
    "qat-error-parts": {
        "k_weights": 0.02, "gamma_N_weights": 0.2, "gamma_D_weights": 0.161,
        "gamma_G_weights": 0.3, "k_activations": 0.2, "gamma_N_activations": 0.22,
        "gamma_D_activations": 0.033, "gamma_G_activations": 1.0,
        "share_of_sum": 0.906,
    },
    "two-phases": {
        **UNTIED, "theta": 0.5, "kappa": 0.5, "phi": 150.0, "chi": 0.4, "psi": 0.25,
        "omega": 0.35, "lam": 400.0, "mu": 0.3, "nu": 0.2, "xi": 0.6, "rho": 0.15,
    },
    "qat-error": {"k": 0.1582, "gamma_N": 0.2186, "gamma_D": 0.0745, "gamma_G": 0.7779},
}  # fmt: skip


def planted_params(law: type[Law]) -> dict[str, float]:
    """Known constants for a law of the library; a -no-offset law has n = 0.

    >>> planted_params(get_law("effective-weights-no-offset"))["n_weights"]
    0.0
    """
    known = CONSTANTS[law.name.removesuffix("-no-offset")]
    names = {p.name for p in law.parameters}
    held = {p.name: p.fixed for p in law.parameters if p.fixed is not None}
    kept = {k: v for k, v in known.items() if k.split("[")[0] in names}
    return {**kept, **held}


def planted_table(
    law: type[Law] | str,
    rows: int = 200,
    noise: float = 0.0,
    floor: float = 0.0,
    seed: int = 0,
    params: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """A table that follows a law, over sizes, data and precisions like the paper's.

    `rows`: number of runs; `noise`: standard deviation of the relative error of the
    target; `floor`: that of an additive error, in the unit of the target; `params`:
    constants; `planted_params` without them.

    >>> sorted(planted_table("ptq", rows=5))
    ['D', 'N', 'delta', 'post_bits']
    """
    law = get_law(law) if isinstance(law, str) else law
    generator = np.random.default_rng(seed)
    table = {name: _column(name, rows, generator) for name in law.columns()}
    if {"weight_bits", "activation_bits"} <= set(table):
        _one_at_a_time(table, generator)
    known = dict(planted_params(law) if params is None else params)
    read = read_rows(table, law)
    for parameter in law.parameters:
        for level in read.levels.get(parameter.per, ()):
            known.setdefault(f"{parameter.name}[{level}]", 1.0)
    clean = predict_rows(law, read, known)
    error = np.exp(noise * generator.standard_normal(rows))
    table[law.target] = clean * error + floor * generator.standard_normal(rows)
    return table


def _column(name: str, rows: int, generator: np.random.Generator) -> Any:
    choices: dict[str, list[Any]] = {
        "N": [3e7, 6e7, 1.1e8, 2.2e8],
        "D": [1.5e9, 3e9, 6e9, 1.3e10, 2.6e10],
        "post_bits": [3.0, 4.0, 5.0, 6.0],
        "exponent_bits": [1.0, 2.0, 3.0, 4.0],
        "mantissa_bits": [1.0, 2.0, 3.0, 5.0],
        "block_size": [32.0, 64.0, 128.0, 512.0],
        "gmse": [0.0, 0.01, 0.04, 0.12, 0.3],
        "qat_share": [0.05, 0.1, 0.2, 0.4, 0.7],
        "group_size": [32.0, 64.0, 128.0, 256.0],
    }
    if name.endswith("_format"):
        return generator.choice(["int3", "int4", "int8", "float32"], rows)
    bits = [4.0, 5.0, 6.0, 7.0, 8.0, 32.0]
    bits = [3.0, *bits] if name != "activation_bits" else bits
    return generator.choice(choices.get(name, bits), rows)


def _one_at_a_time(table: dict[str, Any], generator: np.random.Generator) -> None:
    """Half of the runs quantize one part only, as in a sweep by part."""
    parts = [n for n in ("weight_bits", "activation_bits", "kv_bits") if n in table]
    only = generator.integers(0, 2 * len(parts), size=len(table[parts[0]]))
    for index in range(len(parts)):
        for other, name in enumerate(parts):
            if other != index:
                table[name] = np.where(only == index, 32.0, table[name])
