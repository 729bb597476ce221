"""Corpora too large to hold in memory: streamed, tokenized and written as they come.

The published sweeps do not need this; ``data/plans/paper_scale.yaml`` does.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from precision_lib.errors import UserError
from precision_lib.paths import cache_folder, writable_folder
from precision_lib.text.corpus import Corpus, read_corpus

BATCH = 1000  # documents tokenized at once


@dataclass(frozen=True)
class Stream:
    """A public corpus that is read over the network.

    >>> STREAMS["dolma-cc"].tokens
    26000000000
    """

    index: str  #: address of a text with the address of one JSON-lines file a line
    part: str  #: what the address of a file holds if it belongs to the corpus
    tokenizer: str  #: of the Hugging Face Hub
    end: str  #: token after each document
    vocab_size: int  #: of the tokenizer
    tokens: int  #: training tokens to write
    #: sequence, windows: tokens of a validation window, and their number
    sequence: int = 1024
    windows: int = 512


STREAMS = {
    # Dolma v1.7 [Soldaini et al. 2024], Common Crawl, with the tokenizer made for it.
    "dolma-cc": Stream(
        index="https://huggingface.co/datasets/allenai/dolma/resolve/main/urls/v1_7.txt",
        part="/cc_en_",
        tokenizer="allenai/gpt-neox-olmo-dolma-v1_5",
        end="<|endoftext|>",
        vocab_size=50_280,
        tokens=26_000_000_000,
    ),
}


def load_stream(name: str) -> Corpus:
    """A corpus of `STREAMS`, from the cache or streamed now.

    Needs a network, the extra ``hub``, and two bytes of disk a token.

    Raises UserError if there is no room, no network or no ``datasets``.
    """
    stream = STREAMS[name]
    folder = cache_folder() / "corpora" / name
    if not (folder / "corpus.json").exists():
        need = 2 * stream.tokens
        free = shutil.disk_usage(writable_folder(folder.parent)).free
        if need > free:
            raise UserError(
                f"the corpus {name} needs {need / 1e9:,.0f} GB in {folder.parent}, "
                f"{free / 1e9:,.0f} GB are free; set PRECISION_LIB_CACHE to a larger "
                "disk."
            )
        try:
            tokenizer = Tokenizer.from_pretrained(stream.tokenizer)
            texts = _texts(stream)
            write_stream(texts, tokenizer, stream, folder)
        except (OSError, ConnectionError) as error:
            raise UserError(f"the corpus {name} could not be read: {error}") from error
    return read_corpus(folder)


def _texts(stream: Stream) -> Iterator[str]:
    """The documents, in the order of the files."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UserError(
            'a streamed corpus needs an extra: pip install "precision_lib[hub]".'
        ) from error
    index = load_dataset("text", data_files=stream.index, split="train")
    files = [line for line in index["text"] if stream.part in line]
    rows = load_dataset("json", data_files=files, split="train", streaming=True)
    return (row["text"] for row in rows.select_columns(["text"]))


def write_stream(
    texts: Iterable[str], tokenizer: Tokenizer, stream: Stream, folder: Path
) -> None:
    """Tokenize `texts` into the files that `read_corpus` reads; all of it or nothing.

    The first documents fill the validation windows, whole documents; training begins
    with the next one. Nothing but one batch of documents is in memory.

    Raises UserError if the vocabulary is not the one said or does not fit 16 bits, or
    the documents end too early.

    `texts`: documents, in a random order; `stream`: its sizes are kept; the training
    tokens are cut at `tokens`. `folder`: must not exist.
    """
    end = tokenizer.token_to_id(stream.end)
    size = tokenizer.get_vocab_size()
    if end is None or size != stream.vocab_size or size > 1 << 16:
        raise UserError(
            f"the tokenizer {stream.tokenizer} must have {stream.vocab_size} tokens, "
            f"65,536 at most, with {stream.end} among them; it has {size}."
        )
    parts = _tokens(iter(texts), tokenizer, end)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        validation, text_bytes = _validation(parts, stream)
        np.save(scratch / "validation.npy", validation)
        source = np.zeros(stream.windows, np.int64)
        np.save(scratch / "validation_source.npy", source)
        digest = _write_training(parts, scratch / "train.npy", stream.tokens)
        digest.update(validation.tobytes())
        about: dict[str, Any] = {
            "name": folder.name,
            "sources": [folder.name],
            "train_lengths": [stream.tokens],
            "vocab_size": size,
            "digest": digest.hexdigest(),
            "bytes_per_token": text_bytes,
        }
        (scratch / "corpus.json").write_text(json.dumps(about), encoding="utf-8")
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


Part = tuple[npt.NDArray[np.uint16], int]


def _tokens(texts: Iterator[str], tokenizer: Tokenizer, end: int) -> Iterator[Part]:
    """Tokens of each document and its length in bytes."""
    while batch := list(islice(texts, BATCH)):
        for text, encoded in zip(batch, tokenizer.encode_batch(batch), strict=True):
            yield np.array([*encoded.ids, end], np.uint16), len(text.encode())


def _validation(
    parts: Iterator[Part], stream: Stream
) -> tuple[npt.NDArray[np.uint16], float]:
    """Windows of the first documents, and the bytes that a token stands for."""
    need = stream.windows * stream.sequence + 1
    taken: list[npt.NDArray[np.uint16]] = []
    count = size = 0
    while count < need:
        tokens, length = _next(parts)
        taken.append(tokens)
        count, size = count + len(tokens), size + length
    flat = np.concatenate(taken)
    starts = np.arange(stream.windows)[:, None] * stream.sequence
    return flat[starts + np.arange(stream.sequence + 1)], size / count


def _write_training(parts: Iterator[Part], path: Path, tokens: int) -> Any:
    """Fill the array of training tokens; returns its running SHA-256."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint16, shape=(tokens,))
    digest, at = hashlib.sha256(), 0
    while at < tokens:
        part = _next(parts)[0][: tokens - at]
        array[at : at + len(part)] = part
        digest.update(part.tobytes())
        at += len(part)
    array.flush()
    return digest


def _next(parts: Iterator[Part]) -> Part:
    try:
        return next(parts)
    except StopIteration:
        message = "the documents ended before there were enough tokens."
        raise UserError(message) from None
