import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from precision_lib.checkpoints import load_model
from precision_lib.corpus import save_corpus
from precision_lib.errors import UserError
from precision_lib.plan import price, read_plan
from precision_lib.records import collect, finished_ids, write_json
from precision_lib.runs import load_runs
from precision_lib.sweep import run_sweep
from precision_lib.train import RunConfig, evaluate
from tests.helpers import SMALL, small_corpus

PLANS = sorted((Path(__file__).parents[1] / "data" / "plans").glob("*.yaml"))


@pytest.fixture
def configs(tmp_path):
    save_corpus(small_corpus(), tmp_path / "corpus")
    base = RunConfig(SMALL, tokens=2560, batch_size=4, corpus=str(tmp_path / "corpus"))
    return [dataclasses.replace(base, seed=s) for s in range(4)]


def records(folder):
    found = {p.stem: json.loads(p.read_text()) for p in folder.glob("*.json")}
    for record in found.values():
        del record["seconds"], record["train_seconds"]
    return found


def test_a_sweep_does_each_run_once_and_resumes(tmp_path, configs):
    assert run_sweep(configs[:2], "t", "fit", tmp_path / "a", tmp_path) == 2
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "a").iterdir()}
    assert run_sweep(configs, "t", "fit", tmp_path / "a", tmp_path) == 2
    assert run_sweep(configs, "t", "fit", tmp_path / "a", tmp_path) == 0
    assert all(p.stat().st_mtime_ns == t for p, t in before.items())
    assert run_sweep(configs, "t", "fit", tmp_path / "b", tmp_path, jobs=2) == 4
    assert records(tmp_path / "a") == records(tmp_path / "b")


def test_a_killed_sweep_keeps_its_finished_runs(tmp_path, configs):
    script = tmp_path / "sweep.py"
    script.write_text(
        "import dataclasses\n"
        "from pathlib import Path\n"
        "from precision_lib.sweep import run_sweep\n"
        "from precision_lib.train import RunConfig\n"
        "from tests.helpers import SMALL\n"
        f"base = RunConfig(SMALL, tokens=2560, batch_size=4, "
        f"corpus={configs[0].corpus!r})\n"
        "configs = [dataclasses.replace(base, seed=s) for s in range(4)]\n"
        f"here = Path({str(tmp_path)!r})\n"
        "run_sweep(configs, 't', 'fit', here / 'killed', here)\n"
    )
    root = Path(__file__).parents[1]
    env = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, str(script)], env=env)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if list((tmp_path / "killed").glob("*.json")):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    process.wait()
    survivors = records(tmp_path / "killed")
    assert survivors
    run_sweep(configs, "t", "fit", tmp_path / "killed", tmp_path)
    run_sweep(configs, "t", "fit", tmp_path / "whole", tmp_path)
    assert records(tmp_path / "killed") == records(tmp_path / "whole")
    assert survivors.items() <= records(tmp_path / "whole").items()


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
    for name in ("runs.csv", "ptq.csv", "curves.csv", "costs.csv"):
        assert (once / name).read_bytes() == (twice / name).read_bytes()
    table = pd.read_csv(once / "ptq.csv")
    assert len(table) == 28 and load_runs(once / "runs.csv").shape[0] == 4
    assert (table["delta"] == table["post_loss"] - table["loss"]).all()
    assert finished_ids(tmp_path / "none", once) == {c.run_id for c in configs}
    assert run_sweep(configs, "t", "fit", tmp_path / "none", once) == 0


def test_a_collect_killed_between_two_tables_is_repaired(tmp_path, configs):
    run_sweep(configs, "t", "fit", tmp_path / "all", tmp_path)
    whole, half = tmp_path / "whole", tmp_path / "half"
    for folder in (whole, half):
        folder.mkdir()
        collect(tmp_path / "all", folder)
    names = ("ptq.csv", "curves.csv", "costs.csv", "runs.csv")  # as they are written
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


def test_the_weights_are_kept_beside_the_record(tmp_path, configs):
    run_sweep(configs[:1], "t", "fit", tmp_path / "out", tmp_path)
    run_id = configs[0].run_id
    model = load_model(tmp_path / "out" / f"{run_id}.safetensors")
    assert model.config == configs[0].model
    loss, _ = evaluate(model, small_corpus())
    assert loss == records(tmp_path / "out")[run_id]["loss"]


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
        (("24k", "25k"), r"unknown shape '25k'; one of 24k"),
        (("role: fit", "role: fits"), r"role: Input should be 'tuning', 'fit'"),
        (("role: fit", "rule: fit"), r"rule"),
        (("[9999]", "[9999]\n    settings: [{warm: 1}]"), r"key 'warm' in sets.0.sett"),
        (("[9999]", "[9999]\n    settings: [{beta1: x}]"), r"sets.0.settings.0.beta1"),
        (("[9999]", "[9999]\n    peak_lr: [1]\n    peak_lr_factor: [1]"), r"exclude"),
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
    assert price(long, steps=2) > price(short, steps=2) > 0
