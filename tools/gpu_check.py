"""Lanes on a GPU beside the same runs on the processor, and tokens a second.

    python -m tools.gpu_check bundle --out trained --seconds 80
    python -m tools.gpu_check --show benchmarks/gpu.jsonl

Ends by itself when its time is over; what it had found by then is written, and the
second command prints it as two tables.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from precision_lib.model.config import Precision
from precision_lib.model.shapes import SHAPES
from precision_lib.training.config import RunConfig
from precision_lib.training.optimize import new_lanes
from precision_lib.training.replay import fast_step
from precision_lib.training.trainer import train, train_lanes
from tools.gpu import bundled_corpus

INT4 = Precision("int4", "int4", "int4")


def check(bundle: Path, seed: int = 100) -> Iterator[dict[str, Any]]:
    """A lane beside the same run alone, on the GPU and on the processor."""
    corpus = bundled_corpus(bundle / "default")
    for precision in (Precision(), Precision("int4", "int4", "int4")):
        config = RunConfig(
            SHAPES["24k"], precision, tokens=200_000, batch_size=4, engine="eager",
            peak_lr=0.0117, final_lr=0.0, seed=seed,
        )  # fmt: skip
        gpu = replace(config, device="cuda")
        others = [replace(gpu, seed=seed + 1), replace(gpu, precision=Precision())]
        losses = {
            "processor": train(config, corpus).record["loss"],
            "alone": train(gpu, corpus).record["loss"],
            "again": train(gpu, corpus).record["loss"],
            "lane": train_lanes([gpu, *others], corpus)[0].record["loss"],
        }
        yield {"precision": precision.weights, **losses}


def speeds(
    bundle: Path, engine: str, sizes: list[str], lanes: list[int]
) -> Iterator[dict[str, Any]]:
    """Tokens a second by size, lanes and precision; the batch is 16 windows of 128."""
    corpus = bundled_corpus(bundle / "default")
    int4 = Precision("int4", "int4", "int4")
    for size in sizes:
        for count in lanes:
            for precision in ([Precision()], [Precision(), int4]):
                begin = time.perf_counter()
                configs = [
                    RunConfig(
                        SHAPES[size], precision[i % len(precision)], tokens=400_000,
                        seed=i, device="cuda", engine=engine,  # type: ignore[arg-type]
                    )
                    for i in range(count)
                ]  # fmt: skip
                model = new_lanes(configs, corpus)
                step = fast_step(model)
                torch.cuda.synchronize()
                start = time.perf_counter()
                for _ in range(50):
                    step()
                torch.cuda.synchronize()
                took = (time.perf_counter() - start) / 50
                yield {
                    "size": size,
                    "lanes": count,
                    "mixed": len(precision) > 1,
                    "engine": engine,
                    "ms_a_step": round(1000 * took, 3),
                    "million_tokens_a_second": round(count * 2048 / took / 1e6, 2),
                    "start_seconds": round(start - begin, 1),
                    "memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 2),
                }
                torch.cuda.reset_peak_memory_stats()


def _watch(seconds: float) -> None:
    """End the process when its time is over, whatever it is in."""

    def end() -> None:
        print("the time is over", flush=True)
        os._exit(3)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def show(path: Path) -> str:
    """What was found, as two tables."""
    rows = pd.read_json(path, lines=True)
    speed = rows[rows["size"].notna()].assign(lanes=lambda t: t["lanes"].astype(int))
    speed = speed.pivot_table(
        values="million_tokens_a_second",
        index=["size", "engine", "mixed"],
        columns="lanes",
        sort=False,
    )
    losses = rows[rows["processor"].notna()]
    losses = losses[["precision", "processor", "alone", "again", "lane"]].round(5)
    device = f"{rows['device'].iloc[0]}, torch {rows['torch'].iloc[0]}"
    tables = (speed.reset_index(), losses)
    return "\n\n".join([device, *(t.to_string(index=False) for t in tables)])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", type=Path, help="a file of earlier findings")
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--engine", choices=["eager", "compiled"], default="eager")
    parser.add_argument("--sizes", nargs="+", default=["24k", "98k", "397k"])
    parser.add_argument("--lanes", nargs="+", type=int, default=[1, 16, 64])
    given = parser.parse_args()
    if given.show:
        print(show(given.show))
        return
    if given.bundle is None or given.out is None:
        parser.error("name a bundle and --out, or a file to --show.")
    given.out.mkdir(parents=True, exist_ok=True)
    _watch(given.seconds)
    found = itertools.chain(
        check(given.bundle),
        speeds(given.bundle, given.engine, given.sizes, given.lanes),
    )
    with (given.out / "check.jsonl").open("a") as file:
        for row in found:
            row |= {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
            print(json.dumps(row), file=file, flush=True)
            print(row, flush=True)


if __name__ == "__main__":
    main()
