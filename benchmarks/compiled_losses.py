"""Final losses of the compiled step beside those of the eager one, over seeds.

    python -m benchmarks.compiled_losses

The two add in another order, which moves a few roundings a hundred steps, and a
quantized run that has moved once goes another way from there. So single runs of one
seed differ; their mean over seeds must not. Unquantized runs hardly differ at all.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace

from benchmarks import page
from precision_lib.model.config import Precision
from precision_lib.model.shapes import SHAPES, peak_learning_rate
from precision_lib.text.loading import load_corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.trainer import train

SHAPE = SHAPES["24k"]
RATE = peak_learning_rate(SHAPE.n_non_embedding)
KINDS = {  # and how many seeds
    "unquantized": (Precision(), 4),
    "all parts int4": (Precision("int4", "int4", "int4"), 32),
}


def gaps(precision: Precision, seeds: int) -> Iterator[float]:
    """Loss of the compiled run less that of the eager one, by seed."""
    corpus = load_corpus()
    base = RunConfig(SHAPE, precision, tokens=400_000, peak_lr=RATE)
    for seed in range(seeds):
        loss = {}
        for engine in ("compiled", "eager"):
            config = replace(base, seed=seed, engine=engine)
            loss[engine] = train(config, corpus).record["loss"]
        print(seed, loss, flush=True)
        yield loss["compiled"] - loss["eager"]


def row(name: str, found: list[float]) -> list[str]:
    """A line of the table."""
    mean, spread = statistics.mean(found), statistics.stdev(found)
    error = spread / len(found) ** 0.5
    numbers = [f"{mean:+.4f} ± {error:.4f}", f"{spread:.4f}"]
    return [name, str(len(found)), *numbers, f"{max(map(abs, found)):.4f}"]


def main() -> None:
    """Train, and put the table into the page."""
    rows = [row(name, list(gaps(*kind))) for name, kind in KINDS.items()]
    heads = ["24k, .4M tokens", "seeds", "mean ± standard error", "deviation"]
    page.put("compiled losses", page.table([*heads, "largest"], rows))


if __name__ == "__main__":
    main()
