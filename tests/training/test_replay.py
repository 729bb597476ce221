"""A step as a CUDA graph, and the bundle that a machine with a GPU trains."""

import dataclasses
import json
import pickle

import pytest
import torch

from precision_lib.model.config import Precision
from precision_lib.training.config import RunConfig
from precision_lib.training.optimize import new_lanes
from precision_lib.training.replay import fast_step
from precision_lib.training.trainer import train, train_lanes
from tests.helpers import SMALL, small_corpus
from tools import gpu

CONFIG = RunConfig(SMALL, tokens=10_240, batch_size=4, peak_lr=0.02, engine="eager")
ALL = Precision("int4", "int4", "int4")


def changed(**changes):
    return dataclasses.replace(CONFIG, **changes)


def test_a_step_reads_nothing_back():
    """No number leaves a tensor and no shape hangs on one: what a capture needs."""
    lanes = new_lanes([CONFIG, changed(precision=ALL)], small_corpus())

    class NothingRead(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            assert func not in (
                torch.ops.aten._local_scalar_dense.default,
                torch.ops.aten.nonzero.default,
                torch.ops.aten.masked_select.default,
            )
            return func(*args, **(kwargs or {}))

    with NothingRead():
        fast_step(lanes)()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_graph_trains_as_the_processor_does(engine):
    formats = [Precision(), ALL, Precision(weights="int3")]
    configs = [changed(precision=p, device="cuda", engine=engine) for p in formats]
    for config, run in zip(configs, train_lanes(configs, small_corpus()), strict=True):
        here = train(changed(precision=config.precision), small_corpus())
        near = 1e-3 if config.precision == Precision() else 0.03  # roundings flip
        assert run.record["loss"] == pytest.approx(here.record["loss"], abs=near)
        assert run.record["device"] == "cuda"


def jobs():
    start = changed(schedule="constant", seed=5)
    branch = dataclasses.replace(
        start, schedule="linear", final_lr=0.0, warmup=0.0, start_from=start
    )
    configs = [
        branch,
        CONFIG,
        changed(precision=ALL, seed=1),
        changed(batch_size=2),
        start,
    ]
    return [gpu.Job(config, {"sweep": "base", "role": "fit"}) for config in configs]


def test_stacks_hold_runs_that_are_lanes_of_one_step():
    found = gpu.stacks(jobs())
    assert [len(stack) for stack in found] == [1, 3, 1]
    many = [gpu.Job(changed(seed=seed), {}) for seed in range(2000)]
    sizes = [len(stack) for stack in gpu.stacks(many)]
    assert sum(sizes) == 2000 and len(sizes) > 1 and max(sizes) - min(sizes) < 10


@pytest.mark.slow
def test_a_bundle_is_trained_and_rounded(tmp_path, monkeypatch):
    """On the processor: every run once, a branch after its start, records whole."""
    (tmp_path / "jobs.pickle").write_bytes(pickle.dumps(jobs()))
    monkeypatch.setattr(gpu, "bundled_corpus", lambda folder: small_corpus())
    monkeypatch.setattr(gpu, "ProcessPoolExecutor", in_threads)
    out = tmp_path / "out"
    out.mkdir()
    gpu.Sweep(tmp_path, out, seconds=120, side_by_side=2).work(rounders=1)
    records = [json.loads(line) for line in (out / "records.jsonl").open()]
    assert {r["run_id"] for r in records} == {job.config.run_id for job in jobs()}
    for record in records:
        assert record["status"] == "finished" and record["ptq"]
        assert record["sweep"] == "base" and record["finished"]
    alone = train(CONFIG, small_corpus()).record
    [ours] = [r for r in records if r["run_id"] == CONFIG.run_id]
    assert ours["loss"] == pytest.approx(alone["loss"], abs=1e-4)


def in_threads(workers, context, initializer):
    return gpu.ThreadPoolExecutor(workers)
