"""Processes and clusters: what they share, and what happens when one dies."""

import multiprocessing
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from precision_lib.errors import UserError
from precision_lib.sweep.engines import LocalEngine, die_with_parent, worker_context
from precision_lib.sweep.progress import Progress, time_left
from precision_lib.sweep.ray_engine import RayEngine
from precision_lib.sweep.records import read_records
from precision_lib.sweep.runner import run_sweep
from precision_lib.text.corpus import Corpus, read_corpus, save_corpus
from tests.kill_sweep import still_running, tiny_configs

pytestmark = pytest.mark.slow


def anonymous_bytes() -> int:
    """Memory of this process that no file backs: copies, not mapped pages."""
    text = Path("/proc/self/smaps_rollup").read_text()
    return 1024 * int(re.search(r"Anonymous:\s+(\d+) kB", text)[1])


def growth(folder: Path, sender) -> None:
    """Read every training token; send how much memory that took."""
    before = anonymous_bytes()
    corpus = read_corpus(folder)
    total = int(np.asarray(corpus.train).sum(dtype=np.int64))
    sender.send((anonymous_bytes() - before, total))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_share_the_tokens(tmp_path):
    tokens = np.ones(20_000_000, np.uint16)  # 40 MB
    rows = np.zeros((16, 129), np.uint16)
    source = np.zeros(16, np.int64)
    corpus = Corpus(
        name="ones",
        train=tokens,
        validation=rows,
        validation_source=source,
        sources=("ones",),
        train_lengths=(len(tokens),),
        vocab_size=2,
        digest="0" * 64,
        bytes_per_token=1.0,
    )
    save_corpus(corpus, tmp_path / "corpus")
    context = worker_context()
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    workers = [
        context.Process(target=growth, args=(tmp_path / "corpus", sender))
        for _, sender in pipes
    ]
    for worker in workers:
        worker.start()
    for (receiver, _), worker in zip(pipes, workers, strict=True):
        grown, total = receiver.recv()
        worker.join()
        assert total == len(tokens)
        assert grown < 0.1 * tokens.nbytes


def parent_of_a_sleeper(sender) -> None:
    worker = multiprocessing.get_context("spawn").Process(target=sleeper)
    worker.start()
    sender.send(worker.pid)
    time.sleep(600)


def sleeper() -> None:
    die_with_parent()
    time.sleep(600)


def test_a_worker_dies_with_the_process_that_started_it():
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    parent = context.Process(target=parent_of_a_sleeper, args=(sender,))
    parent.start()
    worker = psutil.Process(receiver.recv())
    parent.kill()
    parent.join()
    assert not still_running([worker], 60)


class Killer(LocalEngine):
    """Kills each process of some runs as soon as it is there."""

    def __init__(self, victims, times):
        super().__init__(2)
        self.left = {run: times for run in victims}

    def start(self, stack):
        super().start(stack)
        runs = [task.config.run_id for task in stack]
        if self.left.get(runs[0], 0) > 0:
            self.left[runs[0]] -= 1
            *_, (_, process) = self._running.values()
            process.kill()


def test_a_killed_worker_is_told_and_its_run_is_done_once_more(tmp_path, capsys):
    configs = tiny_configs(tmp_path, 2)
    engine = Killer([configs[0].run_id], times=1)
    out = tmp_path / "out"
    assert run_sweep(configs, "t", "fit", out, tmp_path, engine=engine) == 2
    told = capsys.readouterr().err
    assert f"run {configs[0].run_id}: its process was killed by SIGKILL" in told


def test_a_worker_that_is_killed_again_is_a_failure(tmp_path):
    configs = tiny_configs(tmp_path, 2)
    engine = Killer([configs[0].run_id], times=2)
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"1 of the runs failed, 1 are done.*SIGKILL"):
        run_sweep(configs, "t", "fit", out, tmp_path, engine=engine)
    assert set(read_records(out).whole) == {configs[1].run_id}


def test_a_ray_cluster_of_two_with_one_killed_loses_nothing(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    configs = tiny_configs(tmp_path, 3)
    engine = RayEngine(jobs=2)
    assert engine.slots == 2
    killed, over = [], threading.Event()

    def kill_one():
        while not over.wait(0.1):
            for process in psutil.process_iter(["cmdline"]):
                if (process.info["cmdline"] or [""])[0] == "ray::attempt":
                    process.kill()
                    killed.append(process.pid)
                    return

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    out = tmp_path / "out"
    assert run_sweep(configs, "t", "fit", out, tmp_path, engine=engine) == 3
    over.set()
    thread.join()
    assert killed
    told = capsys.readouterr().err
    assert "its Ray worker died" in told and "it is done once more" in told
    on_ray = read_records(out).whole
    run_sweep(configs, "t", "fit", tmp_path / "local", tmp_path)
    for run, record in read_records(tmp_path / "local").whole.items():
        assert on_ray[run]["loss"] == record["loss"]
        assert on_ray[run]["ptq"] == record["ptq"]


def test_a_dead_ray_address_is_said_within_seconds():
    begin = time.monotonic()
    with pytest.raises(UserError, match="no Ray cluster answers at 127.0.0.1:9"):
        RayEngine("127.0.0.1:9")
    assert time.monotonic() - begin < 10
    with pytest.raises(UserError, match="no Ray cluster answers at nonsense"):
        RayEngine("nonsense")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install -e '.\[cluster\]'"):
        RayEngine()


def test_the_time_left_is_that_of_the_last_worker():
    assert time_left([], [], 2) == 0
    assert time_left([5.0, 1.0], [], 2) == 5
    assert time_left([5.0, 1.0], [3.0, 3.0], 2) == 7  # 1 + 3 + 3
    assert time_left([], [4.0, 3.0, 2.0, 1.0], 2) == 5


def test_what_runs_took_corrects_the_prices_of_the_rest(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress({"a": 10.0, "b": 10.0, "c": 10.0}, slots=1)
    assert progress.left() == 30
    progress.start("a")
    now[0] = 20.0  # twice as long as priced
    progress.end("a")
    assert progress.left() == 40
    progress.start("b")
    now[0] = 35.0
    assert progress.left() == 25
    progress.close()
