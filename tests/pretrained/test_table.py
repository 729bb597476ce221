"""The table of roundings: resumable, checked, measured as it says."""

import pytest
import torch
from typer.testing import CliRunner

from precision_lib.cli import pretrained as cli_pretrained
from precision_lib.cli.app import make_app
from precision_lib.errors import UserError
from precision_lib.formats import Int
from precision_lib.paths import DATA
from precision_lib.pretrained import ptq_table as pretrained_table
from precision_lib.pretrained.by_text import load_texts, resampled_losses, texts_path
from precision_lib.pretrained.language_model import own_text, score, window_texts
from precision_lib.pretrained.ptq_table import (
    extend_table,
    load_pretrained_table,
    stored_bits,
)
from precision_lib.pretrained.weight_grid import linear_weights
from precision_lib.rounding.quantizer import quantize

METHODS = ["rtn", "gptq", "awq"]
FEW = 64  # windows


@pytest.fixture(scope="module")
def table(loaded, corpus, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "made.csv"
    frame = extend_table(
        path, loaded, corpus, methods=METHODS, bits=[8, 3], windows=FEW
    )
    assert load_pretrained_table(path).equals(frame)
    return frame


def test_every_method_and_width_has_a_row(table):
    rows = list(zip(table["method"], table["post_bits"], strict=True))
    assert rows == [(method, bits) for method in METHODS for bits in (8, 3)]
    assert set(table.loc[table["method"] == "rtn", "calibration"]) == {""}
    assert set(table["calibration"]) == {"", "default-32x128-seed0"}
    assert table["D"].isna().all()  # nobody said what this one was trained on


def test_rounding_to_nearest_is_that_of_each_matrix_alone(table, llama, loaded, corpus):
    rounded = llama()
    for weight in linear_weights(rounded).values():
        weight.copy_(quantize(weight, Int(3), (1, weight.shape[1])).values)
    by_hand = score(rounded, loaded.tokenizer, window_texts(corpus, FEW))
    row = table.query("method == 'rtn' and post_bits == 3").iloc[0]
    assert row["post_loss"] == pytest.approx(by_hand.loss, rel=1e-6)
    before = score(loaded.model, loaded.tokenizer, window_texts(corpus, FEW))
    assert row["loss"] == before.loss and row["tokens"] == before.tokens
    assert row["delta"] == pytest.approx(by_hand.loss - before.loss, rel=1e-3)


def test_head_and_embedding_stay(loaded):
    assert stored_bits(loaded, Int(4), "group:32") == 4.5
    assert not any("lm_head" in name for name in linear_weights(loaded.model))


def test_work_is_resumed_not_repeated(loaded, corpus, tmp_path, monkeypatch):
    path = tmp_path / "made.csv"
    said: list[str] = []
    first = extend_table(
        path,
        loaded,
        corpus,
        methods=["rtn"],
        bits=[4],
        windows=FEW,
        progress=said.append,
    )
    assert len(said) == 1
    both = extend_table(
        path,
        loaded,
        corpus,
        methods=["rtn"],
        bits=[4, 2],
        windows=FEW,
        progress=said.append,
    )
    assert len(said) == 2 and both[:1].equals(first)
    monkeypatch.setattr(pretrained_table.ptq, "quantize", None)
    again = extend_table(
        path, loaded, corpus, methods=["rtn"], bits=[4, 2], windows=FEW
    )
    assert again.equals(both)


def test_the_command(loaded, corpus, tmp_path, monkeypatch):
    load = "precision_lib.pretrained.language_model.load_pretrained"
    monkeypatch.setattr(load, lambda name: loaded)
    monkeypatch.setattr("precision_lib.text.loading.load_corpus", lambda: corpus)
    app = make_app([cli_pretrained.pretrained, len])
    command = [
        "pretrained",
        "made",
        "--method",
        "rtn",
        "--bits",
        "4",
        "--windows",
        "64",
    ]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "t.csv")])
    assert done.exit_code == 0, done.output
    assert "rtn 4 bits:" in done.output and "t.csv: 1 rows" in done.output


def test_a_table_that_is_not_there_or_is_another(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load_pretrained_table(tmp_path / "none.csv")
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="other.csv"):
        load_pretrained_table(path)
    path.write_bytes(b"\xff\xfe,\n")
    with pytest.raises(UserError, match="not a CSV table"):
        load_pretrained_table(path)


def test_the_published_table_is_what_the_command_makes():
    table = load_pretrained_table(DATA / "pretrained.csv")
    assert table["delta"].to_list() == pytest.approx(table["post_loss"] - table["loss"])
    for name, rows in table.groupby(["model", "tokens"]):
        for column in ("N", "D", "loss", "tokens", "corpus_digest"):
            assert rows[column].nunique() == 1, (name, column)


def test_nats_of_each_text_lie_beside_the_table(loaded, corpus, tmp_path):
    path = tmp_path / "made.csv"
    table = extend_table(path, loaded, corpus, methods=["rtn"], bits=[3, 2], windows=32)
    texts = load_texts(texts_path(path))
    assert texts.shape == (4, 32)
    tokens = texts.xs("tokens", level="method").to_numpy().sum()
    assert tokens == table["tokens"].iloc[0]
    nats = texts.drop("tokens", level="method").sum(axis=1) / tokens
    measured = [table["loss"].iloc[0], *table["post_loss"]]
    assert nats.to_list() == pytest.approx(measured, abs=1e-4)
    draws = resampled_losses(texts)
    assert draws.mean().to_list() == pytest.approx(measured, rel=0.02)
    with pytest.raises(UserError, match="holds 32 texts, not 16"):
        extend_table(path, loaded, corpus, methods=["rtn"], bits=[3], windows=16)


def test_what_a_model_writes_by_itself_calibrates(loaded):
    given = own_text(loaded, shape=(2, 8), seed=3)
    assert given.rows.shape == (2, 8) and given.name == "own-2x8-seed3"
    assert torch.equal(given.rows, own_text(loaded, shape=(2, 8), seed=3).rows)
