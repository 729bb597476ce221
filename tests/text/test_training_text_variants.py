"""Variants of a corpus, made from tokens, against what text operations give."""

import json
import re
from functools import lru_cache

import numpy as np
import pytest
from tokenizers import Tokenizer

from precision_lib.errors import UserError
from precision_lib.paths import DATA
from precision_lib.text import (
    loading,
    sources,
    tokenization,
    training_text_variants as variants,
)
from precision_lib.text.building import build_corpus
from precision_lib.text.loading import NAMES, _from_wheels, _variant, load_corpus
from precision_lib.text.sources import Document
from precision_lib.text.tokenization import (
    END,
    TOKENIZERS,
    bytes_of_tokens,
    encode,
    pieces,
    train_tokenizer,
)
from tests.made_text import documents, training_side


@lru_cache
def tokenizers():
    return train_tokenizer(training_side(), 270), train_tokenizer(training_side(), 285)


def text_of(tokens, tokenizer):
    return tokenizer.decode(np.asarray(tokens).tolist(), skip_special_tokens=False)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A small published corpus in place of the real one; no network."""
    small, large = tokenizers()
    data = tmp_path / "data"
    data.mkdir()
    small.save(str(data / "tokenizer.json"))
    large.save(str(data / "tokenizer1024.json"))
    monkeypatch.setattr(tokenization, "DATA", data)
    monkeypatch.setattr(loading, "DATA", data)
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sources, "download_wheels", lambda folder: None)
    monkeypatch.setattr(sources, "wheel_documents", lambda folder: documents())
    default = build_corpus(documents(), name="default", tokenizer=small)
    counts = {
        name: {
            "validation_windows": int((default.validation_source == i).sum()),
        }
        for i, name in enumerate(default.sources)
    }
    about = {"digest": default.digest, "sources": counts, "variants": {}}
    for name in NAMES[1:]:
        about["variants"][name] = {"digest": "unknown"}
    path = data / "corpus.json"
    path.write_text(json.dumps(about))

    def load(name):
        """Learn the digest from the refusal, then load."""
        with pytest.raises(UserError, match=f"The {name} corpus built here has digest"):
            load_corpus(name)
        made = (
            _from_wheels(name, counts)
            if name in TOKENIZERS
            else _variant(name, load_corpus("default"))
        )
        about["variants"][name]["digest"] = made.digest
        path.write_text(json.dumps(about))
        return load_corpus(name)

    return load


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gcide", {"gcide"}),
        ("wikipedia", {"wikipedia"}),
        ("api", {"botocore", "google"}),
    ],
)
def test_a_part_is_what_its_sources_alone_encode_to(published, name, wanted):
    corpus = published(name)
    alone = encode([d for d in training_side() if d.source in wanted], tokenizers()[0])
    assert np.array_equal(corpus.train, alone)
    assert isinstance(corpus.train, np.memmap)
    assert_scored_alike(corpus)


def documents_of_each_source(corpus):
    streams = np.split(corpus.train, np.cumsum(corpus.train_lengths)[:-1])
    return [text_of(stream, tokenizers()[0]).split(END)[:-1] for stream in streams]


def assert_scored_alike(corpus):
    assert sum(corpus.train_lengths) == len(corpus.train)
    default = load_corpus("default")
    assert np.array_equal(corpus.validation, default.validation)
    assert np.array_equal(corpus.validation_source, default.validation_source)
    assert corpus.sources == default.sources
    assert corpus.digest != default.digest


def test_half_keeps_whole_documents_and_half_of_each_source(published):
    corpus = published("half")
    tokenizer = tokenizers()[0]
    kept = text_of(corpus.train, tokenizer).split(END)
    whole = {"\n".join(d.passages): d.source for d in training_side()}
    assert kept.pop() == "" and set(kept) <= set(whole)
    assert len(kept) == len(set(kept))
    whole_lengths = load_corpus("default").train_lengths
    for source, texts, length, chosen in zip(
        corpus.sources,
        documents_of_each_source(corpus),
        whole_lengths,
        corpus.train_lengths,
        strict=True,
    ):
        assert {whole[text] for text in texts} == {source}
        assert length / 2 <= chosen < length / 2 + 400
    assert_scored_alike(corpus)


def test_a_fifth_of_the_words_is_replaced_by_words_of_the_text(published):
    corpus = published("replaced20")
    tokenizer = tokenizers()[0]
    before = text_of(load_corpus("default").train, tokenizer)
    after = text_of(corpus.train, tokenizer)
    parts = [re.split(r"( |\n|<\|end\|>)", text) for text in (before, after)]
    assert parts[0][1::2] == parts[1][1::2]  # same separators: a word for a word
    old, new = (np.array(words[::2]) for words in parts)
    spaced = np.array(["", *parts[0][1::2]]) == " "
    assert np.array_equal(old[~spaced], new[~spaced])
    assert set(new) <= set(old)
    # A draw is the old word again with the sum of the squared frequencies.
    frequency = np.unique(old[spaced], return_counts=True)[1] / spaced.sum()
    expected = 0.2 * (1 - np.sum(frequency**2))
    share = np.mean(old[spaced] != new[spaced])
    assert share == pytest.approx(expected, abs=4 * np.sqrt(0.16 / spaced.sum()))
    assert_scored_alike(corpus)
    texts = documents_of_each_source(corpus)
    default = documents_of_each_source(load_corpus("default"))
    assert [len(stream) for stream in texts] == [len(stream) for stream in default]


def test_moved_words_have_the_tokens_that_the_new_text_encodes_to(published):
    corpus = published("replaced20")
    tokenizer = tokenizers()[0]
    texts = text_of(corpus.train, tokenizer).split(END)[:-1]
    again = [Document("s", str(i), (text,)) for i, text in enumerate(texts)]
    assert np.array_equal(encode(again, tokenizer), corpus.train)


def test_nothing_and_everything_replaced():
    tokenizer = tokenizers()[0]
    tokens = encode(training_side(), tokenizer)
    same, none = variants.replace_words(
        [tokens, tokens[:0]], pieces(tokenizer), fraction=0
    )
    assert np.array_equal(same, tokens) and len(none) == 0
    (other,) = variants.replace_words([tokens], pieces(tokenizer), fraction=1)
    counts = [np.bincount(x, minlength=270) / len(x) for x in (tokens, other)]
    assert np.abs(counts[0] - counts[1]).max() < 0.01


@pytest.mark.slow
def test_another_tokenizer_is_scored_on_the_same_places(published):
    corpus = published("vocab1024")
    default = load_corpus("default")
    small, large = tokenizers()
    assert corpus.vocab_size == 285 and len(corpus.train) < len(default.train)
    assert text_of(corpus.train, large) == text_of(default.train, small)
    assert np.array_equal(corpus.validation_source, default.validation_source)
    for row, other in zip(corpus.validation, default.validation, strict=True):
        text, reference = text_of(row, large), text_of(other, small)
        assert reference[8:60] in text  # begins at most a token later


def test_loss_per_byte_counts_the_bytes_of_the_text():
    tokenizer = tokenizers()[0]
    corpus = build_corpus(documents(), name="x", tokenizer=tokenizer)
    targets = corpus.validation[:, 1:]
    text = "".join(text_of(row, tokenizer) for row in targets)
    size = sum(bytes_of_tokens(tokenizer)[row].sum() for row in targets)
    assert size == len(text.replace(END, "\n").encode())
    assert corpus.loss_per_byte(2.0) == pytest.approx(2.0 * targets.size / size)


def test_the_larger_tokenizer_goes_on_where_the_smaller_one_stops():
    """Both were trained on one text, so the first merges are the same."""
    merges = [
        json.loads((DATA / name).read_text(encoding="utf-8"))["model"]["merges"]
        for name in ("tokenizer.json", "tokenizer1024.json")
    ]
    assert merges[1][: len(merges[0])] == merges[0]
    larger = Tokenizer.from_file(str(DATA / "tokenizer1024.json"))
    assert larger.get_vocab_size() == 1024


def test_every_variant_is_published():
    about = json.loads((DATA / "corpus.json").read_text(encoding="utf-8"))
    assert tuple(about["variants"]) == NAMES[1:]
    digests = {v["digest"] for v in about["variants"].values()} | {about["digest"]}
    assert len(digests) == len(NAMES)
    tokens = {n: v["training_tokens"] for n, v in about["variants"].items()}
    counts = about["sources"]
    for name, wanted in variants.PARTS.items():
        assert tokens[name] == sum(counts[s]["training_tokens"] for s in wanted)
    assert tokens["half"] == pytest.approx(about["training_tokens"] / 2, rel=0.01)
