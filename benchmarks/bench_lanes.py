"""Training steps of one, two and four lanes, eager and compiled, on one thread.

    python -m benchmarks.bench_lanes

Batches of 4 windows of 128 tokens; thousands of tokens a second of CPU time of all
lanes together, from the median of ten turns. Five minutes.
"""

from __future__ import annotations

import statistics
from itertools import product

from benchmarks import page
from benchmarks.bench_trainer import LOW, ours, time_in_turns
from precision_lib.model.config import Precision
from precision_lib.model.shapes import SHAPES
from precision_lib.training.compiling import compiled
from precision_lib.training.config import Engine, RunConfig
from precision_lib.training.optimize import one_thread

LANES = (1, 2, 4)
ENGINES: tuple[Engine, ...] = ("eager", "compiled")
KINDS = {"unquantized": Precision(), "all parts int4": LOW}


def row(size: str, kind: str, engine: Engine) -> list[str]:
    """A line of the table."""
    config = RunConfig(SHAPES[size], KINDS[kind], batch_size=4, engine=engine)
    steps = {str(count): ours(config, count) for count in LANES}
    times = time_in_turns(steps, 4 * config.tokens_per_step, rounds=10)
    rates = [
        count * config.tokens_per_step / statistics.median(times[str(count)]) / 1000
        for count in LANES
    ]
    return [size, kind, engine, *(f"{rate:.1f}" for rate in rates)]


def main() -> None:
    """Put the table into the page."""
    compiled(lambda x: x)  # names the cache of compiled code
    rows = []
    with one_thread():
        for each in product(("12k", "24k"), KINDS, ENGINES):
            rows.append(row(*each))
            print(rows[-1], flush=True)
    heads = ["size", "training", "step", "1 lane", "2 lanes", "4 lanes"]
    page.put("lanes", page.table(heads, rows))


if __name__ == "__main__":
    main()
