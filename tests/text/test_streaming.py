import dataclasses

import numpy as np
import pytest

from precision_lib.errors import UserError
from precision_lib.text.corpus import read_corpus
from precision_lib.text.sources import Document
from precision_lib.text.streaming import STREAMS, Stream, load_stream, write_stream
from precision_lib.text.tokenization import END, train_tokenizer

TEXTS = [f"document {i} says {i * i} and no more\n" for i in range(3000)]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([Document("a", "b", tuple(TEXTS[:200]))], 300)


def stream(**changes):
    sizes = {"tokens": 20_000, "vocab_size": 300, "sequence": 32, "windows": 8}
    sizes |= changes
    return Stream(index="", part="", tokenizer="here", end=END, **sizes)


def test_a_stream_is_written_as_it_comes(tmp_path, tokenizer):
    write_stream(iter(TEXTS), tokenizer, stream(), tmp_path / "made")
    corpus = read_corpus(tmp_path / "made")
    assert isinstance(corpus.train, np.memmap) and corpus.train.shape == (20_000,)
    assert corpus.validation.shape == (8, 33)
    assert corpus.vocab_size == tokenizer.get_vocab_size()
    assert [p.name for p in tmp_path.iterdir()] == ["made"]

    end = tokenizer.token_to_id(END)
    flat = np.concatenate([[*tokenizer.encode(text).ids, end] for text in TEXTS])
    windows = flat[np.arange(8)[:, None] * 32 + np.arange(33)]
    assert (corpus.validation == windows).all()
    first = np.flatnonzero(flat == end)
    begin = first[first >= 8 * 32][0] + 1  # the next document
    assert (corpus.train == flat[begin : begin + 20_000]).all()


def test_the_digest_tells_corpora_apart(tmp_path, tokenizer):
    for name, texts in (("a", TEXTS), ("b", TEXTS), ("c", TEXTS[1:])):
        write_stream(iter(texts), tokenizer, stream(), tmp_path / name)
    a, b, c = (read_corpus(tmp_path / name).digest for name in "abc")
    assert a == b != c


def test_too_little_text_leaves_nothing(tmp_path, tokenizer):
    with pytest.raises(UserError, match="ended before there were enough tokens"):
        write_stream(TEXTS[:50], tokenizer, stream(), tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_without_the_end_token(tmp_path, tokenizer):
    other = dataclasses.replace(stream(), end="</s>")
    with pytest.raises(UserError, match="here must have 300 tokens.* with </s>"):
        write_stream(TEXTS, tokenizer, other, tmp_path / "made")
    with pytest.raises(UserError, match="must have 400 tokens"):
        write_stream(TEXTS, tokenizer, stream(vocab_size=400), tmp_path / "made")


def test_no_room_for_a_stream(tmp_path, monkeypatch):
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(tmp_path))
    huge = stream(tokens=10**15)
    monkeypatch.setitem(STREAMS, "huge", huge)
    with pytest.raises(UserError, match="needs 2,000,000 GB"):
        load_stream("huge")
