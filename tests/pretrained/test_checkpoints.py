"""Checkpoints of one training, in the layout that Pythia has: a revision a step."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from precision_lib.cli import pretrained as cli_pretrained
from precision_lib.cli.app import make_app
from precision_lib.pretrained.language_model import window_texts
from precision_lib.pretrained.ptq_table import growth, load_pretrained_table

transformers = pytest.importorskip("transformers")
STEPS, TOKENS = (10, 40), 64


@pytest.fixture(scope="module")
def trained(tokenizer, corpus, tmp_path_factory):
    """A small GPT-NeoX, trained here, with a folder a checkpoint."""
    folder = tmp_path_factory.mktemp("family") / "made-1m"
    torch.manual_seed(0)
    config = transformers.GPTNeoXConfig(
        vocab_size=285, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=256,
    )  # fmt: skip
    model = transformers.GPTNeoXForCausalLM(config)
    steps = torch.optim.AdamW(model.parameters(), 1e-2)
    ids = torch.tensor(tokenizer(" ".join(window_texts(corpus, 64)))["input_ids"])
    rows = ids[: len(ids) // TOKENS * TOKENS].view(-1, 1, TOKENS)
    for step in range(1, max(STEPS) + 1):
        batch = rows[step % len(rows)]
        model(batch, labels=batch).loss.backward()
        steps.step()
        steps.zero_grad()
        if step in STEPS:
            model.save_pretrained(folder / f"step{step}")
            tokenizer.save_pretrained(folder / f"step{step}")
    return folder


def run(arguments, corpus, monkeypatch):
    monkeypatch.setattr("precision_lib.text.loading.load_corpus", lambda: corpus)
    app = make_app([cli_pretrained.checkpoints, len])
    return CliRunner().invoke(app, ["checkpoints", *arguments])


def test_one_command_goes_through_the_checkpoints(
    trained, corpus, tmp_path, monkeypatch
):
    path = tmp_path / "made.csv"
    steps = [part for step in STEPS for part in ("--step", str(step))]
    done = run(
        [str(trained), *steps, "--tokens-per-step", str(TOKENS), "--bits", "2",
         "--windows", "32", "--out", str(path)],
        corpus, monkeypatch,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    table = load_pretrained_table(path)
    assert table["D"].tolist() == [step * TOKENS for step in STEPS]
    assert table["loss"].is_monotonic_decreasing and table["N"].nunique() == 1
    ratio = table["delta"].iloc[1] / table["delta"].iloc[0]
    expected = np.log(ratio) / np.log(STEPS[1] / STEPS[0])
    assert growth(table)["gamma_D"].tolist() == pytest.approx([expected])
    assert f"to the power {expected:.2f}" in done.output
    assert "The paper's power is 0.5" in done.output


def test_what_cannot_be_had_is_said_in_a_sentence(
    trained, corpus, tmp_path, monkeypatch
):
    lonely = run([str(trained), "--step", "10"], corpus, monkeypatch)
    assert "growth needs two checkpoints" in str(lonely.exception)
    two = [str(trained), "--step", "10", "--step", "11"]
    missing = run([*two, "--out", str(tmp_path / "t.csv")], corpus, monkeypatch)
    assert "made-1m@step11' could not be loaded" in str(missing.exception)
