"""Training steps a second beside others', on one thread.

    python -m benchmarks.bench_trainer [--rounds 12] [--widths 32 64] [--batches 4 16]

One process trains models of one shape in turns:

- `LlamaForCausalLM` of `transformers` with fused AdamW and gradient clipping, as it
  is and through ``torch.compile``;
- a plain model as nanochat and plainLM write it (`benchmarks.peers`), compiled;
- ours without the extra norms, which the others lack too, compiled and not;
- ours as the published runs have it, with the extra norms; and the same with weights,
  activations and KV cache at 4 bits.

Windows have 128 tokens, the vocabulary 512. The table gives thousands of tokens a
second of the process's own CPU time, which other work on the machine disturbs least,
from the median round; ratios are medians of the ratios of a round. The last column is
the share of the machine's rate at a large float32 matrix product that the arithmetic
of our step (second to last line of the list) amounts to: 6 operations a token for each
weight of a matrix, 6 · layers · 128 · width for causal attention.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import torch

from benchmarks import page, peers
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.sweep.price import made_up
from precision_lib.training.compiling import compiled
from precision_lib.training.config import RunConfig
from precision_lib.training.optimize import new_lanes, one_thread

SHAPES = {  # width: layers, heads, width of the MLP
    32: (2, 2, 80),
    48: (2, 2, 128),
    64: (2, 2, 168),
    96: (2, 3, 256),
    128: (2, 4, 344),
    192: (2, 6, 512),
}
LOW = Precision("int4", "int4", "int4")
TOKENS = 40_000  # a round of each model


def ours(config: RunConfig, lanes: int = 1) -> Callable[[], object]:
    """Our training step, of so many lanes."""
    config = replace(config, tokens=8 * config.tokens_per_step)
    running = new_lanes([config] * lanes, made_up(config))

    def step() -> None:
        running.at.zero_()  # else the made-up text would end
        running.step()

    return step


def contenders(width: int, batch: int) -> dict[str, Callable[[], object]]:
    """The steps that are compared."""
    layers, heads, mlp = SHAPES[width]
    extra = ModelConfig(width, layers, heads, mlp)
    same = replace(extra, extra_norm=False)
    rows = torch.randint(512, (batch, 129), generator=torch.Generator().manual_seed(0))
    llama, fast, plain = (
        peers.llama(same, compiled=False),
        peers.llama(same, compiled=True),
        peers.plain(same),
    )
    base = RunConfig(same, batch_size=batch, engine="compiled")
    return {
        "llama": lambda: llama(rows),
        "llama compiled": lambda: fast(rows),
        "plain compiled": lambda: plain(rows),
        "eager": ours(replace(base, engine="eager")),
        "same": ours(base),
        "extra": ours(replace(base, model=extra)),
        "int4": ours(replace(base, model=extra, precision=LOW)),
    }


def time_in_turns(
    steps: dict[str, Callable[[], object]], tokens: int, rounds: int
) -> dict[str, list[float]]:
    """CPU seconds of a step of each, one entry a round."""
    repeats = max(2, TOKENS // tokens)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        for _ in range(3):
            step()
    for _ in range(rounds):
        for name, step in steps.items():
            begin = time.process_time()
            for _ in range(repeats):
                step()
            times[name].append((time.process_time() - begin) / repeats)
    return times


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> float:
    """How many times as fast the second is, median over the rounds."""
    pairs = zip(times[slow], times[fast], strict=True)
    return statistics.median(a / b for a, b in pairs)


def gemm_rate() -> float:
    """Operations a second of a float32 product of 2048 x 512 and 512 x 512."""
    a, b = torch.randn(2048, 512), torch.randn(512, 512)
    rates = []
    for _ in range(40):
        begin = time.process_time()
        for _ in range(4):
            a @ b
        rates.append(8 * 2048 * 512 * 512 / (time.process_time() - begin))
    return statistics.median(rates)


def operations(width: int) -> float:
    """Operations of a training step's matrix products, a token."""
    layers, heads, mlp = SHAPES[width]
    groups = ModelConfig(width, layers, heads, mlp).parameters
    weights = groups["attention"] + groups["mlp"] + groups["head"]
    return 6 * (weights + layers * 128 * width)


def row(width: int, batch: int, rounds: int) -> list[str]:
    """A row of the table."""
    tokens = batch * 128
    times = time_in_turns(contenders(width, batch), tokens, rounds)
    rates = [tokens / statistics.median(own) / 1000 for own in times.values()]
    beside = [ratio(times, "llama", "same"), ratio(times, "llama compiled", "same")]
    beside += [ratio(times, "plain compiled", "same"), ratio(times, "int4", "extra")]
    share = operations(width) * tokens / statistics.median(times["extra"])
    cells = [f"{rate:.1f}" for rate in rates] + [f"{x:.2f}" for x in beside]
    return [f"{width}, {batch}", *cells, f"{share / gemm_rate():.0%}"]


def main() -> None:
    """Put the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--widths", type=int, nargs="+", default=list(SHAPES))
    parser.add_argument("--batches", type=int, nargs="+", default=[4, 16])
    arguments = parser.parse_args()
    compiled(lambda x: x)  # names the cache of compiled code
    before, rows = os.getloadavg()[0], []
    with one_thread():
        for batch, width in product(arguments.batches, arguments.widths):
            rows.append(row(width, batch, arguments.rounds))
            print(rows[-1], flush=True)
    heads = ["width, batch", "Llama", "compiled", "plain, compiled", "ours, eager"]
    heads += ["compiled", "extra norms", "int4", "/ Llama", "/ Llama compiled"]
    heads += ["/ plain compiled", "int4 to not", "of GEMM rate"]
    load = f"Torch {torch.__version__}, load of the machine before: {before:.1f}."
    page.put("trainer", f"{load}\n\n{page.table(heads, rows)}")


if __name__ == "__main__":
    main()
