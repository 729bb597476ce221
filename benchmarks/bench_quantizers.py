"""Cost of quantizing: a training step beside an unquantized one, and torchao beside us.

    python -m benchmarks.bench_quantizers [--rounds 60] [--widths 64 128]

On one thread, everything in turns in one process, so that both sides of a ratio see
the same machine:

1. training steps of 16 windows of 128 tokens at two widths, unquantized and with
   weights, activations, KV cache or all three quantized; the ratio is the median over
   rounds of a step's CPU time over that of the unquantized step of the same round;
2. forward and backward pass of one quantizer on the activations (2,048 x 64) and on a
   weight (192 x 64): ours, torchao's fake-quantize module where it has the
   granularity, and torch's own.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from benchmarks.bench_trainer import ours
from precision_lib.formats import Int, parse_format
from precision_lib.model.config import Precision
from precision_lib.model.shapes import SHAPES
from precision_lib.rounding.quantizer import block_size, fake_quantize, quantize
from precision_lib.training.config import RunConfig
from precision_lib.training.optimize import one_thread

WIDTHS = {64: "98k", 128: "397k"}
ASKED = {64: 1.15, 128: 1.10}
PARTS = {
    "weights int4": Precision("int4"),
    "activations int4": Precision(activations="int4"),
    "KV cache int4": Precision(kv_cache="int4"),
    "all three int4": Precision("int4", "int4", "int4"),
    "all three int4, the paper's grid": Precision(*["int4-paper"] * 3),
    "all three e2m1": Precision("e2m1", "e2m1", "e2m1"),
}
Task = Callable[[], object]


def in_turns(tasks: Mapping[str, Task], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each task in each round, after three rounds of warming up."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 3):
        for name, task in tasks.items():
            start = time.thread_time()
            task()
            if turn >= 3:
                seconds[name].append(time.thread_time() - start)
    return seconds


def ratios(
    seconds: Mapping[str, list[float]], base: str
) -> dict[str, tuple[float, float]]:
    """Median CPU milliseconds of each, and its median ratio to `base` of a round."""
    return {
        name: (
            1e3 * statistics.median(own),
            statistics.median(a / b for a, b in zip(own, seconds[base], strict=True)),
        )
        for name, own in seconds.items()
    }


def steps(width: int) -> dict[str, Task]:
    """A training step of each kind of quantization, "none" first."""
    return {
        name: ours(RunConfig(SHAPES[WIDTHS[width]], precision, engine="compiled"))
        for name, precision in {"none": Precision(), **PARTS}.items()
    }


def single_quantizers() -> dict[str, dict[str, Task]]:
    """Forward and backward pass of one quantizer, by what it quantizes and whose."""
    activations = torch.randn(2048, 64, requires_grad=True)
    weight = torch.randn(192, 64, requires_grad=True)
    tasks: dict[str, dict[str, Task]] = {}
    for label, x, granularity in (
        ("activations, per tensor", activations, "tensor"),
        ("activations, per token", activations, "token"),
        ("weight, per channel", weight, "channel"),
    ):
        block = block_size(granularity, x.shape)
        tasks[label] = {"copy": _both_ways(x, Tensor.clone)}
        for name in ("int4", "int4-full", "int4-asymmetric", "e2m1", "mxfp4"):
            tasks[label][f"ours, {name}"] = _ours(x, name, block)
    tasks["weight, per channel"] |= _theirs(weight, "per_channel", symmetric=True)
    tasks["activations, per token"] |= _theirs(
        activations, "per_token", symmetric=False
    )
    scale = quantize(weight.detach(), Int(4, "full"), (1, 64)).scale
    zeros = torch.zeros(len(weight), dtype=torch.int32)
    tasks["weight, per channel"]["torch, int4-full, scale given"] = _both_ways(
        weight,
        lambda x: torch.fake_quantize_per_channel_affine(x, scale, zeros, 0, -8, 7),
    )
    return tasks


def _ours(x: Tensor, name: str, block: tuple[int, ...]) -> Task:
    fmt = parse_format(name)
    return _both_ways(x, lambda x: fake_quantize(x, fmt, block))


def _theirs(x: Tensor, granularity: str, symmetric: bool) -> dict[str, Task]:
    """torchao's module; it has no per-tensor and no symmetric per-token mode."""
    try:
        from torchao.quantization.qat import IntxFakeQuantizeConfig, IntxFakeQuantizer
    except ImportError:
        return {}
    module = IntxFakeQuantizer(
        IntxFakeQuantizeConfig(torch.int4, granularity, is_symmetric=symmetric)
    )
    grid = "int4-full" if symmetric else "int4-asymmetric"
    return {f"torchao, {grid}": _both_ways(x, module)}


def _both_ways(x: Tensor, f: Callable[[Tensor], Tensor]) -> Task:
    incoming = torch.randn(x.shape)

    def task() -> object:
        return torch.autograd.grad(f(x), x, incoming)

    return task


def main() -> None:
    """Run the comparison and print it as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--widths", type=int, nargs="+", default=list(WIDTHS))
    asked = parser.parse_args()
    print(
        f"CPU time of one thread, torch {torch.__version__}, {platform.machine()}, "
        f"medians over {asked.rounds} rounds.\n"
    )
    with one_thread():
        for width in asked.widths:
            found = ratios(in_turns(steps(width), asked.rounds), "none")
            print(
                f"| step at width {width} | ms | ratio | asked for |\n|---|---|---|---|"
            )
            for name, (milliseconds, ratio) in found.items():
                goal = f"{ASKED[width]:.2f}" if name == "all three int4" else ""
                print(f"| {name} | {milliseconds:.1f} | {ratio:.3f} | {goal} |")
            print()
        for label, tasks in single_quantizers().items():
            found = ratios(in_turns(tasks, 10 * asked.rounds), "ours, int4")
            print(f"| {label} | µs | ratio |\n|---|---|---|")
            for name, (milliseconds, ratio) in found.items():
                print(f"| {name} | {1e3 * milliseconds:.0f} | {ratio:.2f} |")
            print()


if __name__ == "__main__":
    main()
