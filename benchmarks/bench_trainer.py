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
the share of our step (without extra norms) that its matrix products need alone, each at
its shape and with nothing between them: what no faster code around them can undercut.
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
from torch import Tensor

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


def products(width: int, batch: int) -> Callable[[], object]:
    """The matrix products of our step alone, at their shapes, forward and backward."""
    layers, heads, mlp = SHAPES[width]
    tokens, each = batch * 128, width // heads
    linear = [(width, 3 * width), (width, width), (width, 2 * mlp), (mlp, width)]
    made: list[tuple[Tensor, Tensor]] = []
    for n_in, n_out in linear * layers + [(width, 512)]:
        x, w, dy = (
            torch.randn(*shape)
            for shape in ((tokens, n_in), (n_out, n_in), (tokens, n_out))
        )
        made += [(x, w.T), (dy, w), (dy.T, x)]
    narrow = torch.randn(layers, batch * heads, 128, each)
    square = torch.randn(layers, batch * heads, 128, 128)
    for a, b in zip(narrow, square, strict=True):
        made += [(a, a.mT), (b, a), (b.mT, a)]  # scores; gradients of queries and keys
        made += [(b, a), (a, a.mT), (b.mT, a)]  # mix of values; gradients of both
    out = [a @ b for a, b in made]

    def step() -> None:
        for (a, b), target in zip(made, out, strict=True):
            torch.matmul(a, b, out=target)

    return step


def row(width: int, batch: int, rounds: int) -> list[str]:
    """A row of the table."""
    tokens = batch * 128
    steps = contenders(width, batch) | {"products": products(width, batch)}
    times = time_in_turns(steps, tokens, rounds)
    rates = [tokens / statistics.median(own) / 1000 for own in times.values()]
    beside = [ratio(times, "llama", "same"), ratio(times, "llama compiled", "same")]
    beside += [ratio(times, "plain compiled", "same"), ratio(times, "int4", "extra")]
    share = 1 / ratio(times, "same", "products")
    cells = [f"{rate:.1f}" for rate in rates[:-1]] + [f"{x:.2f}" for x in beside]
    return [f"{width}, {batch}", *cells, f"{share:.0%}"]


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
    heads += ["/ plain compiled", "int4 to not", "products alone"]
    load = f"Torch {torch.__version__}, load of the machine before: {before:.1f}."
    page.put("trainer", f"{load}\n\n{page.table(heads, rows)}")


if __name__ == "__main__":
    main()
