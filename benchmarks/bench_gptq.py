"""GPTQ of one layer beside the published algorithm, column by column.

    python -m benchmarks.bench_gptq [--rows 256] [--inputs 1024] [--repeats 5]

The other side is `fasterquant` of the authors' code (github.com/IST-DASLab/gptq,
gptq.py) without its prints and GPU calls: the same blocks of 128 columns, the inverse
by two Cholesky factorizations, one column of the weight at a time. Both sides get the
same weights, Hessian and scales (absmax, no clipping) and take turns; CPU seconds of
this process on one thread. The two results are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from precision_lib.formats import Int
from precision_lib.ptq import Options
from precision_lib.ptq.gptq import gptq
from precision_lib.ptq.grid import WeightGrid, weight_grid
from precision_lib.training.optimize import one_thread


def published(
    weight: Tensor, hessian: Tensor, grid: WeightGrid, act_order: bool
) -> Tensor:
    """`fasterquant` with one scale a row."""
    w, h = weight.clone(), hessian.clone()
    scale = grid.scale[:, :1]
    low, high = grid.element.range
    if act_order:
        perm = torch.argsort(torch.diag(h), descending=True)
        w, h = w[:, perm], h[perm][:, perm]
        back = torch.argsort(perm)
    values = torch.zeros_like(w)
    columns = len(h)
    index = torch.arange(columns)
    h[index, index] += 0.01 * torch.mean(torch.diag(h))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(h))
    inverse = torch.linalg.cholesky(inverse, upper=True)
    for start in range(0, columns, 128):
        end = min(start + 128, columns)
        block = w[:, start:end].clone()
        errors = torch.zeros_like(block)
        inner = inverse[start:end, start:end]
        for i in range(end - start):
            column, pivot = block[:, i], inner[i, i]
            codes = torch.clamp(torch.round(column.unsqueeze(1) / scale), low, high)
            q = (scale * codes).flatten()
            values[:, start + i] = q
            error = (column - q) / pivot
            block[:, i:] -= error.unsqueeze(1).matmul(inner[i, i:].unsqueeze(0))
            errors[:, i] = error
        w[:, end:] -= errors.matmul(inverse[start:end, end:])
    return values[:, back] if act_order else values


def problem(rows: int, inputs: int) -> tuple[Tensor, Tensor]:
    """Weights and a Hessian of correlated, unequally loud inputs."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4 * inputs, inputs, generator=generator)
    x = x @ torch.randn(inputs, inputs, generator=generator) / inputs**0.5
    x = x * (1 + torch.randn(inputs, generator=generator).abs())
    weight = torch.randn(rows, inputs, generator=generator)
    return weight, x.T @ x / len(x)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def loss(weight: Tensor, values: Tensor, hessian: Tensor) -> float:
    """Mean square output error."""
    delta = values - weight
    return float(((delta @ hessian) * delta).sum())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--inputs", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    weight, hessian = problem(asked.rows, asked.inputs)
    print(f"GPTQ of a layer of {asked.rows} x {asked.inputs}, one thread\n")
    print("| bits | act-order | equal entries | error, ours / published | CPU time |")
    print("|---|---|---|---|---|")
    with one_thread():
        for bits in (2, 3, 4, 8):
            for act_order in (True, False):
                print(line(weight, hessian, bits, act_order, asked.repeats))


def line(
    weight: Tensor, hessian: Tensor, bits: int, act_order: bool, repeats: int
) -> str:
    """One row: agreement of the results, and ours over published in CPU time."""
    grid = weight_grid(weight, Int(bits), (1, weight.shape[1]))
    options = Options(act_order=act_order)
    ours = gptq(weight, hessian, grid, options).values
    theirs = published(weight, hessian, grid, act_order)
    equal = torch.isclose(ours, theirs).double().mean()
    error = loss(weight, ours, hessian) / loss(weight, theirs, hessian)
    ratios = []
    for _ in range(repeats):
        mine = seconds(lambda: gptq(weight, hessian, grid, options))
        ratios.append(
            mine / seconds(lambda: published(weight, hessian, grid, act_order))
        )
    order = "yes" if act_order else "no"
    return (
        f"| {bits} | {order} | {equal:.2%} | {error:.4f} | "
        f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


if __name__ == "__main__":
    main()
