"""Records as the trainer writes them, of the published plans, with planted losses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from precision_lib.paths import DATA
from precision_lib.ptq.options import PTQ_BITS, PTQ_METHODS
from precision_lib.runs.run_table import STATISTICS
from precision_lib.sweep.plans import read_plan
from precision_lib.sweep.rate_rule import read_rule
from precision_lib.training.config import RunConfig
from precision_lib.training.record import describe
from tests.findings import planted_runs as plant

CORPUS: Any = SimpleNamespace(train=range(30_000_000), digest="ab" * 32)
TRUTH = plant.Truth(coupling=0.03, excess=0.05, late=-0.05, robust=-0.02)


def planted_records(
    *plans: str, seed: int = 0, truth: plant.Truth = TRUTH, low: bool = True
) -> Iterator[dict[str, Any]]:
    """A record of each run of these plans of the second table.

    Runs of one model share noise, and so do runs of one order of the data. `low`:
    with the rows of rounding.
    """
    draw = np.random.default_rng(seed)
    sources: dict[tuple[object, ...], float] = {}

    def noise(size: float, *key: object) -> float:
        return sources.setdefault(key, size * draw.standard_normal())

    for name in plans:
        plan = read_plan(DATA / "plans" / f"{name}.yaml")
        for config in plan.configs():
            record = describe(config, CORPUS)
            N, D, s = record["N"], record["D"], record["seed"]
            bits = tuple(record[part] for part in plant.BITS)
            quantized = bits != (32, 32, 32)
            clean = plant.clean_loss(truth, N, D, bits) + off_rule(config)
            off = noise(truth.model, "model", N, s) + noise(0.8 * truth.run, N, D, s)
            off += (0.6 * truth.run + quantized * truth.low) * draw.normal()
            loss = clean * float(np.exp(off))
            rows = []
            for method in PTQ_METHODS if low else ():
                for post in (b for b in PTQ_BITS if b <= bits[0]):
                    kind = "rtn" if method == "awq" else method
                    delta = plant.clean_delta(truth, N, D, bits, post, kind, clean)
                    logs = noise(0.05, "delta", N, s) + noise(0.04, "post", N, D, s)
                    logs += plant.ROUGH[post] * draw.normal()
                    row = {"method": method, "grid": "narrow", "granularity": "channel"}
                    row |= {"calibration": "", "post_bits": post, "weight_error": 0.1}
                    rows.append(row | {"post_loss": loss + delta * np.exp(logs)})
            yield record | {
                "sweep": plan.name,
                "role": plan.role,
                "status": "finished",
                "loss": loss,
                "curve": [[D // 2, loss + 0.2], [D, loss]],
                "ptq": rows,
                "statistics": dict.fromkeys(list(STATISTICS.columns)[1:], 3.0),
                "train_seconds": 1.0,
                "seconds": 2.0,
                "finished": "2099-01-01T00:00:00+00:00",
            }


def off_rule(config: RunConfig) -> float:
    """What a rate, a batch or a decay away from the best costs, and a constant rate."""
    size, tokens = config.model.n_non_embedding, config.windows * config.sequence
    rule, batch = read_rule(), config.batch_size * config.sequence / 128
    best = rule.peak_lr(size, tokens, batch)
    wide = rule.batch["at"] * (tokens / 7e6) ** rule.batch["D"]
    cost = 0.03 * np.log(config.peak_lr / best) ** 2 + 0.02 * np.log(batch / wide) ** 2
    if config.schedule == "constant":
        cost += 0.1
    elif config.schedule == "wsd" and config.decay:
        cost += 0.05 * np.log(config.decay / 0.3) ** 2
    return float(cost)


def write_lines(path: Path, records: Iterator[dict[str, Any]]) -> None:
    """One record a line."""
    import json

    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)
