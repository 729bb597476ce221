"""Tables with the design of the second run table, a known truth, and noise of ours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from precision_lib.findings.measured import Measured

SIZES = {12: 12_792, 24: 23_936, 56: 55_888, 98: 98_064, 222: 222_368, 397: 396_848}
DATA = [875_000 * 2**i for i in range(6)]
SEEDS = {12: 3, 24: 3, 56: 2, 98: 3, 222: 2, 397: 2}
BITS = ["weight_bits", "activation_bits", "kv_bits"]
USUAL = {"weight_granularity": "channel", "activation_granularity": "tensor"}
USUAL |= {"kv_granularity": "token", "rotation": 0}
ROUGH = {2: 0.05, 3: 0.06, 4: 0.12, 5: 0.18, 6: 0.3, 8: 0.5}  # of ln delta
LADDER = [(3, 32, 32), (32, 4, 32), (32, 32, 3), (4, 4, 4)]


@dataclass(frozen=True)
class Truth:
    """Constants of a planted table; its noise is that of long runs of the first."""

    coupling: float = 0.0  # exponent in D of the size slope
    excess: float = 0.0  # of the cost less that of the size slope
    excess_size: float = 0.0
    add: bool = True  # costs of parts add; else shares multiply
    gamma_data: float = 0.5
    late: float = 0.0  # what gamma_data gains above 7M
    gamma_size: float = 0.35
    gamma_post: float = 0.6
    noise_gamma: float = 0.5  # gamma_data of noise in place of rounding
    robust: float = 0.0  # ln of delta of low-precision models at equal loss
    model: float = 0.003
    run: float = 0.003
    low: float = 0.006
    cell: float = 0.001
    rounding: float = 1.0  # times the noise of delta


def slope_part(truth: Truth, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    """What a size lacks to an infinite one."""
    return 1.0 * (N / 98e3) ** -0.3 * (D / 7e6) ** truth.coupling


COSTS = {"weight_bits": 2.4, "activation_bits": 13.0, "kv_bits": 1.6}
SHAPES = {"weight_bits": 1.1, "activation_bits": 0.95, "kv_bits": 0.85}


def single(truth: Truth, part: str, bits: float, N: float, D: float) -> float:
    """Cost of one part alone, nats."""
    if bits == 32:
        return 0.0
    at = COSTS[part] * np.exp(-bits * SHAPES[part])
    growth = (D / 7e6) ** (truth.coupling + truth.excess)
    return float(at * growth * (N / 98e3) ** (-0.3 + truth.excess_size))


def clean_loss(truth: Truth, N: float, D: float, bits: tuple[int, int, int]) -> float:
    """Expected loss."""
    base = 1.4 + 1.0 * (D / 7e6) ** -0.5 + slope_part(truth, N, D)
    costs = [single(truth, p, b, N, D) for p, b in zip(BITS, bits, strict=True)]
    if truth.add:
        return float(base + sum(costs))
    part = slope_part(truth, N, D)
    return float(base + part * (np.prod([1 + c / part for c in costs]) - 1))


def design(mixes: bool = False) -> list[tuple[int, int, int, tuple[int, int, int]]]:
    """Size, D, seed and bits of base, ladder and 28M; with the bits block on demand."""
    high = (32, 32, 32)
    rows = [
        (n, d, s, high)
        for n in SIZES
        for d, s in product(DATA, range(SEEDS[n]))
        if d < 28e6 or n < 222
    ]
    rows += [(24, d, s, b) for d in DATA for s in (0, 1) for b in LADDER]
    rows += [(98, d, 0, b) for d in DATA for b in LADDER]
    rows += [(222, d, 0, b) for d in (DATA[2], DATA[4]) for b in LADDER]
    if mixes:
        tied = [(b, b, b) for b in (3, 5, 6, 8)]
        rows += [
            (24, d, s, b) for d in (DATA[1], DATA[5]) for s in (0, 1) for b in tied[1:]
        ]
        alone = [(b, 32, 32) for b in (2, 4, 5, 6)] + [
            (32, b, 32) for b in (3, 5, 6, 8)
        ]
        alone += [(32, 32, b) for b in (2, 4, 5)]
        pairs = [p for b in (3, 4) for p in ((b, b, 32), (b, 32, b), (32, b, b))]
        draw = np.random.default_rng(20261128)
        triples = list(
            zip(draw.choice([2, 3, 4, 5, 6], 12), draw.choice([3, 4, 5, 6, 8], 12),
                draw.choice([2, 3, 4, 5], 12), strict=True)
        )  # fmt: skip
        here = tied + alone + pairs + [tuple(map(int, t)) for t in triples]
        rows += [(24, DATA[3], s, b) for s in (0, 1) for b in here]
        rows += [(98, DATA[3], 0, b) for b in tied + alone[:8] + pairs]
    return list(dict.fromkeys(rows))


def planted(truth: Truth, seed: int, mixes: bool = False) -> Measured:
    """Runs and roundings with the noise of one seed."""
    draw = np.random.default_rng(seed)
    sources: dict[tuple[object, ...], float] = {}

    def noise(size: float, *key: object) -> float:
        return sources.setdefault(key, size * draw.standard_normal())

    rows, rounded = [], []
    for number, (n, d, s, bits) in enumerate(design(mixes)):
        N, low = SIZES[n], bits != (32, 32, 32)
        clean = clean_loss(truth, N, d, bits)
        off = noise(truth.model, "model", n, s) + noise(truth.cell, "cell", n, d)
        # two thirds of a run's variance come from data and order, which twins share
        off += (
            noise(truth.run * 0.8, "order", n, d, s) + truth.run * 0.6 * draw.normal()
        )
        off += low * truth.low * draw.normal()
        row = {"run_id": f"{number:012x}", "N": N, "D": d, "seed": s}
        row |= {"status": "finished", "sweep": "base", "role": "fit"}
        row |= dict(zip(BITS, bits, strict=True)) | {"loss": clean * np.exp(off)}
        for part, b in zip(BITS, bits, strict=True):
            row[part.replace("bits", "format")] = "float32" if b == 32 else f"int{b}"
        rows.append(row | USUAL)
        for method in ("gptq", "rtn", "noise"):
            for post in (b for b in (2, 3, 4, 5, 6, 8) if b <= bits[0]):
                delta = clean_delta(truth, N, d, bits, post, method, clean)
                logs = noise(0.05, "delta", n, s) + noise(0.04, "rounded", n, d, s)
                logs = truth.rounding * (logs + ROUGH[post] * draw.normal())
                delta *= np.exp(logs)
                more = {"method": method, "post_bits": post, "delta": delta}
                rounded.append(row | more | {"post_loss": row["loss"] + delta})
    return Measured(pd.DataFrame(rows), pd.DataFrame(rounded))


def equal_loss_tokens(truth: Truth, N: float, loss: float) -> float:
    """Tokens after which an unquantized model of this size has this loss."""
    tokens = np.geomspace(1e4, 1e9, 2001)
    curve = 1.4 + 1.0 * (tokens / 7e6) ** -0.5 + slope_part(truth, N, tokens)
    return float(np.interp(-loss, -curve, tokens))


def clean_delta(
    truth: Truth, N: float, D: float, bits: tuple[int, int, int], post: int,
    method: str, loss: float,
) -> float:  # fmt: skip
    """Expected cost of rounding; of a low-precision model by its loss."""
    data = D
    if bits != (32, 32, 32):  # the D at which an unquantized model has that loss
        data = equal_loss_tokens(truth, N, loss)
    gamma = truth.noise_gamma if method == "noise" else truth.gamma_data
    ratio = data / 7e6
    power = ratio ** (gamma + (truth.late if ratio > 1 else 0.0))
    front = {"gptq": 55.0, "rtn": 100.0, "noise": 100.0}[method]
    value = front * power * (N / 24e3) ** -truth.gamma_size
    extra = truth.robust if bits != (32, 32, 32) else 0.0
    return float(value * np.exp(extra - post / truth.gamma_post))
