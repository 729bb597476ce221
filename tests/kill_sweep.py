"""Kill a sweep at random moments until it is done, again and again.

    python -m tests.kill_sweep --kills 200 [--lanes 3]

Each round sweeps a few tiny runs into a fresh folder. Now the sweep, now one of its
workers, now both are killed (SIGKILL), and the sweep is started again until it ends.
After every kill each finished run must be there unchanged and no worker may outlive
its sweep; after every round the tables must equal those of a sweep that was left
alone, byte for byte. With `--lanes` runs train side by side in stacks.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import random
import sys
import tempfile
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil
import torch._dynamo  # noqa: F401  as the fork server does: else each worker imports it

from precision_lib.model.config import Precision
from precision_lib.sweep.engines import LocalEngine
from precision_lib.sweep.records import collect
from precision_lib.sweep.runner import run_sweep
from precision_lib.text.corpus import save_corpus
from precision_lib.training.config import RunConfig
from tests.helpers import SMALL, small_corpus

TABLES = ("runs.csv", "ptq.csv", "curves.csv")
RUNS = 6


def tiny_configs(folder: Path, count: int = RUNS) -> list[RunConfig]:
    """Runs of a fraction of a second, on a corpus that is written to `folder`."""
    if not (folder / "corpus").exists():
        save_corpus(small_corpus(), folder / "corpus")
    base = RunConfig(
        dataclasses.replace(SMALL, n_layers=1),
        Precision("int2"),
        tokens=5120,
        batch_size=4,
        corpus=str(folder / "corpus"),
    )
    return [dataclasses.replace(base, seed=seed) for seed in range(count)]


def sweep(
    configs: list[RunConfig], folder: Path, method: str, lanes: int | None = None
) -> None:
    """One sweep into `folder`, and its tables."""
    sys.stderr = (folder / "log.txt").open("a")
    how = {"engine": LocalEngine(2, method), "lanes": lanes}
    run_sweep(configs, "t", "fit", folder / "out", folder, **how)
    collect(folder / "out", folder)


def records(folder: Path) -> dict[str, bytes]:
    """The finished runs and their content."""
    return {path.name: path.read_bytes() for path in (folder / "out").glob("*.json")}


def tables(folder: Path) -> list[bytes]:
    """The tables that are a function of the configs."""
    return [(folder / name).read_bytes() for name in TABLES]


def workers(process: BaseProcess) -> list[psutil.Process]:
    """Processes below a sweep that train, or will."""
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill(process: BaseProcess, victim: str, random_: random.Random) -> None:
    """Kill the sweep, one of its workers, or both; whatever is left must end."""
    below = workers(process)
    if victim != "sweep" and below:
        random_.choice(below).kill()
    if victim != "worker":
        process.kill()
        process.join()
        alive = still_running(below, 60)  # one may be at its imports
        assert not alive, f"workers outlive their sweep: {alive}"


def still_running(processes: list[psutil.Process], seconds: float) -> list[Any]:
    """Those that have not ended by then; one that nobody has reaped has ended."""
    end = time.monotonic() + seconds
    while alive := [process for process in processes if _runs(process)]:
        if time.monotonic() > end:
            break
        time.sleep(0.02)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def one_round(
    arguments: tuple[Any, ...],
    random_: random.Random,
    length: float,
) -> int:
    """Sweep with kills until all is done; returns how many kills that took.

    `arguments` are those of `sweep`.
    """
    fork = multiprocessing.get_context("fork")
    folder = arguments[1]
    kills, finished = 0, records(folder)
    while True:
        process = fork.Process(target=sweep, args=arguments)
        begin = time.monotonic()
        process.start()
        while process.is_alive():
            process.join(random_.uniform(0, length / 2))
            if process.is_alive():
                kill(process, random_.choice(("sweep", "worker", "both")), random_)
                kills += 1
            now = records(folder)
            assert finished.items() <= now.items(), "a finished run was lost"
            finished = now
            assert time.monotonic() - begin < 300, "the sweep does not end"
        if process.exitcode == 0:
            return kills


def main() -> int:
    """Run rounds until there were enough kills; says what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", default="forkserver")
    parser.add_argument("--lanes", type=int, default=1)
    options = parser.parse_args()
    random_ = random.Random(options.seed)
    kills = rounds = 0
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        configs = tiny_configs(base)
        (base / "alone").mkdir()
        (base / "again").mkdir()
        fork = multiprocessing.get_context("fork")
        for name in ("alone", "again"):  # the first start is slower than the others
            arguments = (configs, base / name, options.method, options.lanes)
            alone = fork.Process(target=sweep, args=arguments)
            begin = time.monotonic()
            alone.start()
            alone.join()
            length = time.monotonic() - begin  # kills come within what a sweep takes
        expected = tables(base / "alone")
        assert tables(base / "again") == expected, "the tables differ without a kill"
        while kills < options.kills:
            rounds += 1
            folder = base / f"round{rounds}"
            folder.mkdir()
            before = kills
            arguments = (configs, folder, options.method, options.lanes)
            kills += one_round(arguments, random_, length)
            # The machine may be faster or slower now than when it was timed.
            length *= 0.5 if kills - before < 3 else 1.5 if kills - before > 9 else 1
            assert len(records(folder)) == len(configs), "a run is missing"
            assert tables(folder) == expected, "the tables differ"
            print(f"{kills} kills, {rounds} rounds", file=sys.stderr, flush=True)
    print(
        f"{kills} kills in {rounds} rounds of {len(configs)} runs: no run lost, none "
        "doubled, the tables equal byte for byte"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
