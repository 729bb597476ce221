"""Train a bundle of ``tools.gpu_pack`` on a GPU within a given time.

Runs of equal shape, data and batch are lanes of one step, several such stacks train
side by side, each from a CUDA graph on a stream of its own, and final models are
rounded on the processor's cores meanwhile. Imports nothing but torch, numpy, pandas
and what of the library needs no more.

    python -m tools.gpu_check bundle --out trained     # against the processor, speeds
    python -m tools.gpu bundle --out trained --seconds 480
"""

from __future__ import annotations

import argparse
import json
import lzma
import multiprocessing
import os
import pickle
import time
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from precision_lib.model.config import Precision
from precision_lib.ptq.trained_run import add_roundings
from precision_lib.text.corpus import Corpus, digest_of, read_corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.optimize import Trained, train_steps
from precision_lib.training.replay import FULL
from precision_lib.training.state import State
from precision_lib.training.trainer import measured

FILE = 15_000_000  # bytes of weights a file
FILES = 3  # of weights that were not rounded
GRACE = 20.0  # seconds at the end for the roundings that are under way


class Job(NamedTuple):
    """A run to be done, and the labels of its sweep."""

    config: RunConfig
    labels: dict[str, str]


def read_jobs(bundle: Path) -> list[Job]:
    """The runs of a bundle, the first to be done first."""
    jobs: list[Job] = pickle.loads((bundle / "jobs.pickle").read_bytes())
    return jobs


@lru_cache
def bundled_corpus(folder: Path) -> Corpus:
    """The text of a bundle, unpacked beside its packed file; its digest is checked."""
    plain = folder / "train.npy"
    if not plain.exists():
        tokens = lzma.decompress((folder / "train.xz").read_bytes())
        np.save(plain, np.frombuffer(tokens, np.uint16))
    corpus = read_corpus(folder)
    if digest_of(corpus.train, corpus.validation) != corpus.digest:
        raise SystemExit(f"{folder}: the tokens are not those that were packed.")
    return corpus


def stacks(jobs: list[Job]) -> list[list[Job]]:
    """Runs that train as lanes, as many together as fill the card, in their order."""
    alike: dict[RunConfig, list[Job]] = {}
    for job in jobs:
        alike.setdefault(job.config.lane, []).append(job)
    found = []
    for lane, group in alike.items():
        numbers = lane.tokens_per_step * lane.model.d_model
        parts = -(-len(group) * numbers // FULL)
        size = -(-len(group) // parts)
        found += [group[i : i + size] for i in range(0, len(group), size)]
    return found


def starts_of(jobs: list[Job]) -> set[str]:
    """The runs that these start from."""
    return {job.config.start_from.run_id for job in jobs if job.config.start_from}


def train_stack(
    jobs: list[Job], corpus: Corpus, states: Path, starts: set[str]
) -> list[Trained]:
    """Train lanes on a stream of their own; the results are in the main memory.

    The last states of `starts` are kept for the runs that go on from them.
    """
    with _own_stream():
        runs = train_steps([job.config for job in jobs], corpus, states=states)
        for run in runs:
            if run.config.run_id in starts:
                run.state.to("cpu").save(states / f"{run.config.run_id}.state")
        return [
            replace(run, weights=run.weights.cpu(), state=_nothing()) for run in runs
        ]


def _own_stream() -> AbstractContextManager[Any]:
    if not torch.cuda.is_available():
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream())


def _nothing() -> State:
    """In place of a state that another process has no use for."""
    return State(*(torch.empty(0) for _ in range(3)))


def finished(
    job: Job, weights: Tensor, record: dict[str, Any], corpus: Corpus
) -> dict[str, Any]:
    """The whole record of a run, its loss and roundings measured on the processor."""
    run = measured(Trained(job.config, weights, _nothing(), record), corpus, "cpu")
    if job.labels["role"] == "tuning":  # only their losses are compared
        run.record |= {"ptq": [], "statistics": {}}
    else:
        add_roundings(run, job.config, corpus)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {**job.labels, **run.record, "peak_memory_mb": None, "finished": now}


def _hide_gpu() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    torch.set_num_threads(1)


def _finish(
    job: Job, weights: np.ndarray, record: dict[str, Any], folder: Path
) -> dict[str, Any]:
    return finished(job, torch.from_numpy(weights), record, bundled_corpus(folder))


class Sweep:
    """Stacks in training, final models in rounding, and the files they end in."""

    def __init__(self, bundle: Path, out: Path, seconds: float, side_by_side: int):
        self.bundle, self.out = bundle, out
        self.end = time.monotonic() + seconds
        self.jobs = read_jobs(bundle)
        self.waiting = stacks(self.jobs)
        self.training: dict[Future[list[Trained]], list[Job]] = {}
        self.rounding: dict[Future[dict[str, Any]], tuple[Job, Trained]] = {}
        self.unrounded: list[Trained] = []
        self.side_by_side = side_by_side
        self.states = out.parent / "states"
        self.states.mkdir(parents=True, exist_ok=True)
        self.starts = starts_of(self.jobs)
        self.kept: dict[str, Tensor] = {}
        self.log = (out / "log.txt").open("a")
        self.records = (out / "records.jsonl").open("a")

    def say(self, *words: object) -> None:
        """A line of the log, with the seconds that are left."""
        left = f"{self._left():6.1f} s left:"
        print(left, *words, file=self.log, flush=True)
        print(left, *words, flush=True)

    def work(self, rounders: int) -> None:
        """Until all is done or the time is over."""
        spawn = multiprocessing.get_context("spawn")
        trainers = ThreadPoolExecutor(self.side_by_side)
        pool = ProcessPoolExecutor(rounders, spawn, _hide_gpu)
        for folder in {job.config.corpus for job in self.jobs}:
            bundled_corpus(self.bundle / folder)  # unpacked before the pool reads it
        while (self.waiting or self.training or self.rounding) and self._left() > 0:
            while len(self.training) < self.side_by_side and self._left() > GRACE:
                jobs = self._next()
                if jobs is None:
                    break
                corpus = bundled_corpus(self.bundle / jobs[0].config.corpus)
                where = (self.states, self.starts)
                task = trainers.submit(train_stack, jobs, corpus, *where)
                self.training[task] = jobs
            both: list[Any] = [*self.training, *self.rounding]
            for task in wait(both, 0.5, FIRST_COMPLETED).done:
                if task in self.training:
                    self._trained(task, pool)
                else:
                    self._rounded(task)
            if not self.training and not self.rounding and self._left() <= GRACE:
                break
        self._save()

    def _left(self) -> float:
        return self.end - time.monotonic()

    def _next(self) -> list[Job] | None:
        """The first stack whose start, if it has one, is there."""
        for i, jobs in enumerate(self.waiting):
            states = (self.states / f"{run_id}.state" for run_id in starts_of(jobs))
            if all(state.exists() for state in states):
                return self.waiting.pop(i)
        return None

    def _trained(self, task: Any, pool: ProcessPoolExecutor) -> None:
        jobs = self.training.pop(task)
        config = jobs[0].config
        if error := task.exception():
            self.say(f"{config} failed: {type(error).__name__}: {error}")
            return
        runs: list[Trained] = task.result()
        took = sum(run.record["train_seconds"] for run in runs)
        tokens = sum(run.config.steps * run.config.tokens_per_step for run in runs)
        self.say(
            f"N {config.model.n_non_embedding} D {config.tokens} "
            f"batch {config.batch_size}: {len(runs)} lanes, {took:.1f} s, "
            f"{tokens / took / 1e6:.2f}M tokens/s; {len(self.rounding)} in rounding"
        )
        for job, run in zip(jobs, runs, strict=True):
            folder = self.bundle / job.config.corpus
            what = (job, run.weights.numpy(), run.record, folder)
            self.rounding[pool.submit(_finish, *what)] = (job, run)

    def _rounded(self, task: Any) -> None:
        job, run = self.rounding.pop(task)
        if error := task.exception():
            self.say(f"{job.config.run_id} not rounded: {error}")
            self.unrounded.append(run)
            return
        print(json.dumps(task.result()), file=self.records, flush=True)
        if job.config.precision == Precision():
            self.kept[job.config.run_id] = run.weights

    def _save(self) -> None:
        """Final models to keep, and those whose roundings did not end."""
        tokens = {job.config.run_id: job.config.tokens for job in self.jobs}
        kept = {}  # one a size, the unquantized one of most tokens
        for run_id in sorted(self.kept, key=lambda run_id: tokens[run_id]):
            kept[len(self.kept[run_id])] = run_id
        if kept:
            _write_weights(
                self.out / "kept.safetensors",
                {run_id: self.kept[run_id] for run_id in kept.values()},
            )
        batch: dict[str, Tensor] = {}
        number = 0
        with (self.out / "unrounded.jsonl").open("a") as file:
            pending = [run for _, run in self.rounding.values()]
            for run in (*self.unrounded, *pending):
                if number == FILES:
                    break
                batch[run.config.run_id] = run.weights
                print(json.dumps(run.record), file=file)
                if sum(w.numel() * 4 for w in batch.values()) > FILE - 3_000_000:
                    _write_weights(self.out / f"unrounded{number}.safetensors", batch)
                    batch, number = {}, number + 1
        if batch:
            _write_weights(self.out / f"unrounded{number}.safetensors", batch)
        self.say(f"{len(self.rounding)} not rounded, {len(self.waiting)} stacks left")
        for child in multiprocessing.active_children():
            child.kill()


def _write_weights(path: Path, weights: dict[str, Tensor]) -> None:
    path.write_bytes(safetensors.torch.save(weights))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Flat weights by run."""
    return safetensors.torch.load_file(path)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=480)
    parser.add_argument("--side-by-side", type=int, default=6)
    parser.add_argument("--rounders", type=int, default=13)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    sweep = Sweep(given.bundle, given.out, given.seconds, given.side_by_side)
    sweep.work(given.rounders)
    os._exit(0)  # threads in training do not stop by themselves


if __name__ == "__main__":
    main()
