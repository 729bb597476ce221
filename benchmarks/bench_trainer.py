"""Training steps a second beside `transformers`, on one thread.

    python -m benchmarks.bench_trainer [--seconds 20] [--widths 32 64 96 128 192]

One process trains, in turns and step by step:

- `LlamaForCausalLM` of `transformers` with fused AdamW and gradient clipping;
- our model of the same shape, without the extra norms that Llama lacks;
- our model as the published runs have it, with the extra norms;
- the same with weights, activations and KV cache at 4 bits.

A step is 16 windows of 128 tokens, vocabulary 512. The table gives tokens a second
from the median step, ratios of medians, and the share of the machine's own rate at
a large float32 matrix product that the step's arithmetic amounts to: 6 operations
a token for each weight of a matrix, 6 · layers · 128 · width for causal attention.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from precision_lib.model.transformer import ModelConfig, Precision, Transformer
from precision_lib.training.config import RunConfig
from precision_lib.training.trainer import make_optimizer, one_thread, training_step

SHAPES = {  # width: layers, heads, width of the MLP
    32: (2, 2, 80),
    64: (2, 2, 168),
    96: (2, 3, 256),
    128: (3, 4, 344),
    192: (4, 6, 512),
}
LOW = Precision("int4", "int4", "int4")
Step = Callable[[torch.Tensor], object]


def ours(width: int, precision: Precision, extra_norm: bool) -> Step:
    """Our training step."""
    layers, heads, mlp = SHAPES[width]
    config = RunConfig(ModelConfig(width, layers, heads, mlp, extra_norm), precision)
    model = Transformer(config.model, precision)
    optimizer = make_optimizer(model, config)
    return lambda batch: training_step(model, optimizer, batch, 1e-3, config)


def llama(width: int) -> Step:
    """The step a user of `transformers` would write."""
    from transformers import LlamaConfig, LlamaForCausalLM

    layers, heads, mlp = SHAPES[width]
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=512,
            hidden_size=width,
            intermediate_size=mlp,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            max_position_embeddings=128,
            tie_word_embeddings=False,
            use_cache=False,
        )
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)

    def step(batch: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        model(batch[:, :-1], labels=batch[:, :-1]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def time_in_turns(steps: dict[str, Step], seconds: float) -> dict[str, float]:
    """Median seconds of each step, all of them run in turns."""
    batch = torch.randint(512, (16, 129), generator=torch.Generator().manual_seed(0))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step(batch)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for name, step in steps.items():
            start = time.perf_counter()
            step(batch)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def gemm_rate() -> float:
    """Operations a second of a float32 product of 2048 x 512 and 512 x 512."""
    a, b = torch.randn(2048, 512), torch.randn(512, 512)
    rates = []
    for _ in range(40):
        start = time.perf_counter()
        a @ b
        rates.append(2 * 2048 * 512 * 512 / (time.perf_counter() - start))
    return statistics.median(rates)


def operations(width: int) -> float:
    """Operations of a training step's matrix products."""
    layers, heads, mlp = SHAPES[width]
    groups = ModelConfig(width, layers, heads, mlp).parameters
    weights = groups["attention"] + groups["mlp"] + groups["head"]
    return 16 * 128 * 6 * (weights + layers * 128 * width)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="a width")
    parser.add_argument("--widths", type=int, nargs="+", default=list(SHAPES))
    arguments = parser.parse_args()
    print(
        "| width | transformers | same shape | ratio | with extra norms | ratio |",
        end="",
    )
    print(" all at 4 bits / not | share of GEMM rate |")
    print("|---|---|---|---|---|---|---|---|")
    with one_thread():
        for width in arguments.widths:
            steps = {
                "llama": llama(width),
                "same": ours(width, Precision(), False),
                "extra": ours(width, Precision(), True),
                "low": ours(width, LOW, True),
            }
            t = time_in_turns(steps, arguments.seconds)
            rate = {name: f"{2048 / value / 1000:.1f}k" for name, value in t.items()}
            share = operations(width) / t["extra"] / gemm_rate()
            print(
                f"| {width} | {rate['llama']} | {rate['same']} "
                f"| {t['llama'] / t['same']:.2f} | {rate['extra']} "
                f"| {t['llama'] / t['extra']:.2f} | {t['low'] / t['extra']:.2f} "
                f"| {share:.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
