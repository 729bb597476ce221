import dataclasses
import json
import multiprocessing
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
import torch
from filelock import FileLock

from precision_lib.errors import UserError
from precision_lib.model.config import ModelConfig
from precision_lib.model.shapes import SHAPES
from precision_lib.runs.run_table import TABLES, load_runs
from precision_lib.sweep import price
from precision_lib.sweep.plans import read_plan
from precision_lib.sweep.preflight import prepare
from precision_lib.sweep.price import Timings, gpu_seconds, measure, prices
from precision_lib.sweep.rate_rule import read_rule
from precision_lib.sweep.records import collect, finished_ids, set_aside, write_json
from precision_lib.sweep.runner import run_sweep
from precision_lib.sweep.stacks import lanes_at_once
from precision_lib.training.checkpoints import load_model
from precision_lib.training.config import RunConfig, learning_rate
from precision_lib.training.evaluation import evaluate
from precision_lib.training.trainer import train
from tests.helpers import small_corpus
from tests.kill_sweep import sweep, tiny_configs

pytestmark = pytest.mark.slow
TIMES = Timings(start=1.0, step=0.5, evaluation=2.0, rounding=0.0)
ROUNDING = 1e-5  # of a loss: sums of float32 in another order

PLANS = sorted((Path(__file__).parents[2] / "data").glob("**/plans/*.yaml"))


@pytest.fixture
def configs(tmp_path):
    return tiny_configs(tmp_path, 4)


def records(folder):
    found = {p.stem: json.loads(p.read_text()) for p in folder.glob("*.json")}
    for record in found.values():
        for name in ("seconds", "train_seconds", "peak_memory_mb"):
            assert record.pop(name) > 0
        datetime.fromisoformat(record.pop("finished"))
    return found


def test_a_sweep_does_each_run_once_and_resumes(tmp_path, configs):
    assert run_sweep(configs[:2], "t", "fit", tmp_path / "a", tmp_path) == 2
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "a").iterdir()}
    assert run_sweep(configs, "t", "fit", tmp_path / "a", tmp_path) == 2
    assert run_sweep(configs, "t", "fit", tmp_path / "a", tmp_path) == 0
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert run_sweep(configs, "t", "fit", tmp_path / "b", tmp_path, jobs=2) == 4
    assert records(tmp_path / "a") == records(tmp_path / "b")


@pytest.mark.parametrize(  # two quick ones for two processes that share the tests
    ("kills", "lanes", "seed"),
    [(10, 1, 0), (10, 1, 1), (10, 3, 0)],
)
def test_kills_lose_nothing_and_double_nothing(kills, lanes, seed):
    """The longer checks, of 200 and of 50 with lanes, are in CONTRIBUTING.md."""
    command = [sys.executable, "-m", "tests.kill_sweep", "--method", "fork"]
    command += ["--kills", str(kills), "--lanes", str(lanes), "--seed", str(seed)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no run lost, none doubled" in done.stdout


def test_two_sweeps_in_one_folder_share_the_work(tmp_path, configs):
    spawn = multiprocessing.get_context("spawn")
    folder = tmp_path / "shared"
    folder.mkdir()
    both = [
        spawn.Process(target=sweep, args=(configs, folder, "forkserver"))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join()
    log = (folder / "log.txt").read_text()
    assert [process.exitcode for process in both] == [0, 0], log
    trained = list((folder / "out").glob("*.json"))
    assert len(trained) == len(configs)
    assert "once more" not in log
    assert len(load_runs(folder / "runs.csv")) == len(configs)


def at_once(action, times):
    """What two threads get that do the same at the same time."""
    with ThreadPoolExecutor(2) as pool:
        twice = [pool.submit(lambda: [action() for _ in range(times)]) for _ in "ab"]
        return [given for future in twice for given in future.result()]


def test_two_sweeps_prepare_one_folder_at_once(tmp_path):
    out = tmp_path / "out"
    assert at_once(lambda: prepare([], out), 500) == [{}] * 1000
    assert not list(out.iterdir())


def test_two_sweeps_set_a_damaged_record_aside_once(tmp_path):
    for count in range(200):
        (tmp_path / f"{count}.json").write_text("{}")
    told = at_once(lambda: set_aside(tmp_path), 1)
    assert sorted(map(len, told)) == [0, 200]
    assert len(list(tmp_path.glob("*.damaged"))) == 200


def test_a_claim_of_another_process_is_left_to_it(tmp_path, configs):
    out = tmp_path / "out"
    out.mkdir()
    claim = FileLock(out / f"{configs[0].run_id}.lock")
    claim.acquire()
    run = {}

    def other_sweep():
        run["count"] = run_sweep(configs[:2], "t", "fit", out, tmp_path)

    thread = threading.Thread(target=other_sweep)
    thread.start()
    while not (out / f"{configs[1].run_id}.json").exists():
        assert thread.is_alive()
        time.sleep(0.05)
    time.sleep(1.0)
    assert not (out / f"{configs[0].run_id}.json").exists() and thread.is_alive()
    claim.release()  # the other sweep was killed before it had finished
    thread.join()
    assert run["count"] == 2 and len(records(out)) == 2
    assert not list(out.glob("*.lock"))


def test_records_that_are_none_are_set_aside(tmp_path, configs, capsys):
    out = tmp_path / "out"
    run_sweep(configs[:3], "t", "fit", out, tmp_path)
    whole = records(out)
    cut, foreign, copied = (out / f"{c.run_id}.json" for c in configs[:3])
    cut.write_text(cut.read_text()[:500])
    foreign.write_text('{"run_id": 3}')
    copied.write_text(json.dumps(whole[configs[0].run_id]))
    assert finished_ids(out, tmp_path) == set()
    assert run_sweep(configs[:3], "t", "fit", out, tmp_path) == 3
    told = capsys.readouterr().err
    for path in (cut, foreign, copied):
        assert f"{path} is no whole record" in told
        assert path.with_suffix(".damaged").exists()
    assert records(out) == whole


def test_a_run_that_raises_is_told_and_the_others_go_on(tmp_path, configs, capsys):
    bad = dataclasses.replace(configs[0], device="mps:7")
    with pytest.raises(
        UserError, match=f"1 of the runs failed, 1 are done.*{bad.run_id}"
    ):
        run_sweep([bad, configs[1]], "t", "fit", tmp_path / "out", tmp_path)
    assert (
        f"run {bad.run_id}: device 'mps:7' is not available" in capsys.readouterr().err
    )
    assert list(records(tmp_path / "out")) == [configs[1].run_id]


def test_a_diverged_run_is_a_result(tmp_path, configs):
    wild = dataclasses.replace(configs[0], peak_lr=1e4, gradient_clip=1e9)
    run_sweep([wild], "t", "fit", tmp_path / "out", tmp_path)
    collect(tmp_path / "out", tmp_path)
    assert load_runs(tmp_path / "runs.csv")["status"].tolist() == ["diverged"]


def test_no_room_on_disk(tmp_path, configs, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="4 runs need 1 MB and 0 MB are free; make"):
        run_sweep(configs, "t", "fit", tmp_path / "out", tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_that_fills_up_is_one_sentence(tmp_path, configs):
    """A limit on the size of files stands for the disk."""
    process = multiprocessing.get_context("spawn").Process(
        target=sweep_with_full_disk, args=(configs[:1], tmp_path)
    )
    process.start()
    process.join()
    told = (tmp_path / "told.txt").read_text()
    assert "1 of the runs failed" in told and "cannot be written" in told
    assert [p.suffix for p in (tmp_path / "out").iterdir()] == [".lock"]
    assert run_sweep(configs[:1], "t", "fit", tmp_path / "out", tmp_path) == 1


def sweep_with_full_disk(configs, folder):
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        run_sweep(configs, "t", "fit", folder / "out", folder)
    except UserError as error:
        (folder / "told.txt").write_text(str(error))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": 400_000}, r"400,000 tokens are more than 4 epochs"),
        ({"model": ModelConfig(16, 1, 2, 32)}, r"has 300 kinds of token"),
    ],
)
def test_a_run_beyond_the_corpus_stops_the_whole_plan(
    tmp_path, configs, change, message
):
    plan = [configs[0], dataclasses.replace(configs[1], **change)]
    with pytest.raises(UserError, match=message):
        run_sweep(plan, "t", "fit", tmp_path / "out", tmp_path)
    assert records(tmp_path / "out") == {}


def test_collect_is_the_same_whatever_the_order(tmp_path, configs):
    run_sweep(configs, "t", "fit", tmp_path / "all", tmp_path)
    once, twice = tmp_path / "once", tmp_path / "twice"
    for folder in (once, twice):
        folder.mkdir()
    assert collect(tmp_path / "all", once) == 4
    half = tmp_path / "half"
    half.mkdir()
    for path in sorted((tmp_path / "all").iterdir(), reverse=True):
        path.rename(half / path.name)
        collect(half, twice)
    assert collect(half, twice) == 4
    for name in (f"{table}.csv" for table in TABLES):
        assert (once / name).read_bytes() == (twice / name).read_bytes()
    table = pd.read_csv(once / "ptq.csv")
    assert len(table) == 4 * 4 and load_runs(once / "runs.csv").shape[0] == 4
    assert (table["delta"] == table["post_loss"] - table["loss"]).all()
    assert finished_ids(tmp_path / "none", once) == {c.run_id for c in configs}
    assert run_sweep(configs, "t", "fit", tmp_path / "none", once) == 0


def test_a_collect_killed_between_two_tables_is_repaired(tmp_path, configs):
    run_sweep(configs, "t", "fit", tmp_path / "all", tmp_path)
    whole, half = tmp_path / "whole", tmp_path / "half"
    for folder in (whole, half):
        folder.mkdir()
        collect(tmp_path / "all", folder)
    names = ("ptq.csv", "curves.csv", "costs.csv", "statistics.csv", "runs.csv")
    for count in range(len(names)):
        for name in names[count:]:
            (half / name).unlink()
        collect(tmp_path / "all", half)
        for name in names:
            assert (half / name).read_bytes() == (whole / name).read_bytes()


def test_settings_are_fields_of_the_config(tmp_path):
    path = tmp_path / "plan.yaml"
    more = "\n    settings: [{}, {weight_decay: 0}]\n    peak_lr_factor: [1, 2]"
    path.write_text(GOOD.replace("[9999]", "[9999]" + more))
    configs = read_plan(path).configs()
    assert [c.weight_decay for c in configs] == [0.1, 0.1, 0.0, 0.0]
    assert configs[1].peak_lr == pytest.approx(2 * configs[0].peak_lr, rel=1e-3)
    path.write_text(GOOD)
    assert read_plan(path).configs() == configs[:1]


def test_a_key_that_stands_twice_is_not_lost_without_a_word(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(
        "name: dup\nhypothesis: a key twice\nrole: fit\nsets:\n  - shapes: [24k]\n"
        "    tokens: [200_000]\n    seeds: [0, 1, 2]\n    seeds: [7]\n"
    )
    with pytest.raises(UserError, match="key 'seeds' stands twice, again in line 8"):
        read_plan(path)


def test_a_rule_gives_rate_and_batch(tmp_path):
    path = tmp_path / "plan.yaml"
    more = "7_000_000]\n    rule: tuned\n    batch_factor: [1, 0.5]"
    more += "\n    rate_factor: [1, 2]"
    path.write_text(GOOD.replace("9999]", more))
    rule, configs = read_rule(), read_plan(path).configs()
    batch = rule.batch_size(7e6)
    assert [c.batch_size for c in configs] == [batch, batch, batch // 2, batch // 2]
    rates = [c.peak_lr for c in configs]
    assert rates[0] == rule.peak_lr(23_936, 7e6, batch)
    assert rates[2] == rule.peak_lr(23_936, 7e6, batch // 2)
    assert rates[1::2] == pytest.approx([2 * rate for rate in rates[::2]], rel=5e-3)
    assert {(c.schedule, c.final_lr) for c in configs} == {
        (rule.schedule, rule.final_lr)
    }
    more += "\n    settings: [{sequence: 256, schedule: constant}]"
    path.write_text(GOOD.replace("9999]", more))
    long = read_plan(path).configs()
    assert [c.tokens_per_step for c in long] == [c.tokens_per_step for c in configs]
    assert [c.peak_lr for c in long] == rates and long[0].schedule == "constant"


def test_branches_end_where_the_usual_runs_do(tmp_path):
    path = tmp_path / "plan.yaml"
    more = "875_000, 3_500_000]\n    seeds: [3, 4]\n    rule: tuned\n    branch: 0.2"
    path.write_text(GOOD.replace("9999]", f"{more}\n    rule_tokens: 3_500_000"))
    configs = read_plan(path).configs()
    assert len(configs) == 2 * 6 and len({c.peak_lr for c in configs}) == 1
    known = set()
    for config in configs:
        assert config.start_from is None or config.start_from.run_id in known
        known.add(config.run_id)
    branch = [c for c in configs if c.schedule == "linear"]
    for config, tokens in zip(branch, [875_000, 3_500_000] * 2, strict=True):
        assert config.windows * 128 == pytest.approx(tokens, rel=2e-3)
        assert config.steps / (config.before[0] + config.steps) == pytest.approx(
            0.2, abs=0.005
        )
        assert learning_rate(0, config) == config.peak_lr
        assert learning_rate(config.steps - 1, config) == 0
        start = config.start_from
        assert learning_rate(start.steps - 1, start) == config.peak_lr
    assert {c.seed for c in branch} == {3, 4}


def test_the_weights_are_kept_beside_the_record(tmp_path, configs):
    run_sweep(configs[:1], "t", "fit", tmp_path / "out", tmp_path)
    run_id = configs[0].run_id
    model = load_model(tmp_path / "out" / f"{run_id}.safetensors")
    assert model.config == configs[0].model
    loss, _ = evaluate(model, small_corpus())
    stored = records(tmp_path / "out")[run_id]["loss"]
    assert loss == pytest.approx(stored, rel=ROUNDING)


def test_a_record_is_whole_or_absent(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"loss": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path, configs):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        run_sweep(configs, "t", "fit", tmp_path / "file" / "out", tmp_path)


@pytest.mark.parametrize("path", PLANS, ids=lambda p: p.stem)
def test_published_plans_are_valid(path):
    plan = read_plan(path)
    assert plan.name == path.stem
    assert len({c.run_id for c in plan.configs()}) == len(plan.configs()) > 0


GOOD = (
    "name: a\nhypothesis: b\nrole: fit\nsets:\n  - shapes: [24k]\n    tokens: [9999]\n"
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("tokens", "tokenz"), r"tokens: Field required"),
        (("24k", "25k"), r"unknown shape '25k'; one of 12k"),
        (("role: fit", "role: fits"), r"role: Input should be 'tuning', 'fit'"),
        (("role: fit", "rule: fit"), r"rule"),
        (("[9999]", "[9999]\n    settings: [{warm: 1}]"), r"key 'warm' in sets.0.sett"),
        (("[9999]", "[9999]\n    settings: [{beta1: x}]"), r"sets.0.settings.0.beta1"),
        (("[9999]", "[9999]\n    peak_lr: [1]\n    peak_lr_factor: [1]"), r"exclude"),
        (("[9999]", "[9999]\n    rule: tuned\n    peak_lr: [1]"), r"a rule excludes"),
        (("[9999]", "[9999]\n    rate_factor: [2]"), r"rate_factor needs a rule"),
        (("[9999]", "[9999]\n    rule: best"), r"Input should be 'tuned'"),
        (("9999", "-1"), r"tokens.0: Input should be greater than 0"),
        (("9999", "99"), r"at least 2048"),
        (("[9999]", "[9999]\n    precisions: [{weights: int99}]"), r"1 to 16, not 99"),
        (("[9999]", "[9999]\n    precisions: [{weight: int4}]"), r"weight"),
        (("name: a", "name: ["), r"plan.yaml"),
        (("sets:", "sets: 3\nrest:"), r"sets: Input should be a valid list"),
    ],
)
def test_bad_plans(tmp_path, change, message):
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(UserError, match=message):
        read_plan(path)


def test_a_missing_plan(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_plan(tmp_path / "plan.yaml")


def test_price_grows_with_the_tokens(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(GOOD)
    short = read_plan(path).configs()
    long = [dataclasses.replace(c, tokens=100 * c.tokens) for c in short]
    assert sum(prices(long).values()) > sum(prices(short).values()) > 0


def test_runs_on_a_gpu_are_timed_where_there_is_one_and_else_counted(monkeypatch):
    config = RunConfig(SHAPES["24k"], device="cuda")
    timed = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert prices([config]) == {config.run_id: gpu_seconds(config)}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        price, "_measure_all", lambda configs, jobs: [timed.append(configs) or TIMES]
    )
    assert prices([config]) == {config.run_id: TIMES.seconds(config)}
    assert timed == [[config]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_the_price_of_a_run_on_a_gpu_is_that_of_its_graph():
    times = measure(RunConfig(SHAPES["24k"], device="cuda"))
    assert min(times.step, times.evaluation, times.rounding) > 0


def test_branches_wait_for_their_trunk_which_is_trained_once(tmp_path):
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    tiny_configs(tmp_path, 1)  # writes the corpus
    more = "2560, 5120]\n    branch: 0.4\n    peak_lr: [0.01]\n    settings: "
    more += f"[{{corpus: {tmp_path / 'corpus'}, batch_size: 4, vocab_size: 300}}]"
    path.write_text(GOOD.replace("9999]", more).replace("24k", "12k"))
    configs = read_plan(path).configs()
    assert any(c.start_from and c.start_from.start_from for c in configs)
    trunks = {c.start_from.run_id for c in configs if c.start_from}
    # The trunks are not asked for, and a branch is cheaper than what it starts from.
    wanted = [c for c in configs if c.run_id not in trunks][::-1]
    count = run_sweep(wanted, "t", "fit", out, tmp_path, jobs=2)
    assert count == len(wanted) + len(trunks)
    assert {p.stem for p in out.glob("*.state")} == trunks
    alone = train(wanted[0], small_corpus())  # trains its trunk itself
    assert records(out)[wanted[0].run_id]["loss"] == alone.record["loss"]
    (out / f"{wanted[0].run_id}.json").unlink()
    (out / f"{wanted[0].start_from.run_id}.state").unlink()
    assert run_sweep(wanted, "t", "fit", out, tmp_path) == 2  # the last trunk anew


def test_the_cheapest_run_is_first(tmp_path, configs):
    longer = [dataclasses.replace(configs[0], tokens=n * 1024) for n in (7, 5, 6)]
    run_sweep(longer, "t", "fit", tmp_path / "out", tmp_path)
    times = {
        json.loads(path.read_text())["D"]: path.stat().st_mtime_ns
        for path in (tmp_path / "out").glob("*.json")
    }
    assert sorted(times, key=times.get) == [5 * 1024, 6 * 1024, 7 * 1024]


def test_a_stack_keeps_a_record_for_each_run(tmp_path, configs):
    other = dataclasses.replace(configs[0], batch_size=2)
    run_sweep([*configs, other], "t", "fit", tmp_path / "out", tmp_path, lanes=3)
    run_sweep([*configs, other], "t", "fit", tmp_path / "alone", tmp_path)
    stacked, alone = records(tmp_path / "out"), records(tmp_path / "alone")
    lanes = [stacked[c.run_id]["lanes"] for c in [*configs, other]]
    assert lanes == [3, 3, 3, 1, 1]
    for run, record in alone.items():
        assert stacked[run]["loss"] == pytest.approx(record["loss"], abs=1e-3)


def test_runs_that_can_be_lanes_fill_a_gpu_and_no_processor(configs):
    gpu = dataclasses.replace(configs[0], device="cuda")
    assert lanes_at_once(configs[0]) == 1 < lanes_at_once(gpu)
    shape = ModelConfig(4096, 1, 2, 32)
    wide = dataclasses.replace(gpu, model=shape, batch_size=64, tokens=8192)
    assert lanes_at_once(wide) == 1
