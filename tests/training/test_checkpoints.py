import json

import pytest
import safetensors.torch
import torch

from precision_lib.errors import UserError
from precision_lib.model.config import Precision
from precision_lib.model.transformer import Transformer
from precision_lib.paths import table_folder
from precision_lib.runs.run_table import load_runs
from precision_lib.text.loading import load_corpus
from precision_lib.training.checkpoints import (
    load_model,
    published_models,
    read_config,
    save_model,
)
from precision_lib.training.config import RunConfig
from precision_lib.training.evaluation import evaluate
from precision_lib.training.optimize import one_thread
from tests.helpers import SMALL

CONFIG = RunConfig(SMALL, Precision("int4", kv_cache="int3"), seed=3)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.safetensors"
    save_model(Transformer(SMALL, CONFIG.precision, seed=3), CONFIG, path)
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_comes_back_bit_for_bit(path, dtype):
    model = Transformer(SMALL, CONFIG.precision, seed=3).to(dtype)
    save_model(model, CONFIG, path)
    loaded = load_model(path)
    ids = torch.arange(34).view(2, 17)
    assert (loaded.config, loaded.precision) == (SMALL, CONFIG.precision)
    assert torch.equal(loaded.token_losses(ids), model.token_losses(ids))
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
        assert loaded.state_dict()[name].dtype == dtype
    assert read_config(path)["seed"] == 3


def test_equal_models_give_equal_files_and_no_scrap_stays(path):
    again = path.with_name("again.safetensors")
    save_model(load_model(path), CONFIG, again)
    assert again.read_bytes() == path.read_bytes()
    assert {p.name for p in path.parent.iterdir()} == {path.name, again.name}


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left"):
        save_model(load_model(path), CONFIG, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_cut_file_is_named(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"run.safetensors: not a whole safetensors"):
        load_model(path)


def test_missing_files_folders_and_foreign_files_are_named(path):
    with pytest.raises(UserError, match="no such file"):
        load_model(path.with_name("absent"))
    with pytest.raises(UserError, match="cannot be read|not a whole"):
        load_model(path.parent)
    safetensors.torch.save_file({"a": torch.ones(1)}, path)
    with pytest.raises(UserError, match="no config"):
        load_model(path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([1], "no JSON object"),
        ({"model": {}}, "make no model"),
        ({"model": {"d_model": 16}, "precision": {}}, "make no model"),
        ({"model": {**vars(SMALL), "d_mlp": 40}, "precision": {}}, "make no model"),
        ({"model": {**vars(SMALL), "new": 1}, "precision": {}}, "make no model"),
    ],
)
def test_a_config_that_does_not_fit_is_named(path, config, message):
    weights = safetensors.torch.load_file(path)
    safetensors.torch.save_file(weights, path, {"config": json.dumps(config)})
    with pytest.raises(UserError, match=message):
        load_model(path)


def test_published_models_are_listed_and_a_folder_without_any_is_named(path):
    table = published_models(path.parent)
    row = table.iloc[0]
    assert list(table["run_id"]) == ["run"]
    assert (row["weights"], row["kv_cache"], row["seed"]) == ("int4", "int3", 3)
    assert row["N"] == SMALL.n_non_embedding and row["path"] == path
    path.unlink()
    with pytest.raises(UserError, match="no trained models"):
        published_models(path.parent)


@pytest.mark.parametrize(("table", "count"), [("short", 12), ("main", 6)])
def test_the_published_models_are_runs_of_the_table_and_fit_in_ten_megabytes(
    table, count
):
    folder = table_folder(table)
    models = published_models(folder / "checkpoints")
    assert set(models["run_id"]) <= set(load_runs(folder / "runs.csv")["run_id"])
    assert sum(path.stat().st_size for path in models["path"]) < 10e6
    assert len(models) >= count
    quantized = (models[["weights", "activations", "kv_cache"]] != "float32").any()
    assert quantized.all(), "each part is quantized in one of them"


@pytest.mark.parametrize("table", ["short", "main"])
def test_a_published_model_has_the_loss_of_its_row(table):
    folder = table_folder(table)
    smallest = published_models(folder / "checkpoints").iloc[0]
    losses = load_runs(folder / "runs.csv").set_index("run_id")["loss"]
    with one_thread():
        loss, _ = evaluate(load_model(smallest["path"]), load_corpus())
    assert loss == pytest.approx(losses[smallest["run_id"]], abs=1e-4)
