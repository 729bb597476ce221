"""A corpus: token arrays for training and validation, and their files."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from precision_lib.paths import writable_folder

SEQUENCE = 128  # tokens that a window predicts
VALIDATION_WINDOWS = 512

Tokens = npt.NDArray[np.uint16]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Token arrays for training and validation.

    >>> from precision_lib.text.building import build_corpus
    >>> from precision_lib.text.sources import Document
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(900)]
    >>> small = build_corpus(text, name="tiny", vocab_size=300)
    >>> small.validation.shape[1], small.sources, small.train_lengths
    (129, ('a',), (5717,))
    """

    #: One of `precision_lib.text.loading.NAMES`, or where it comes from
    name: str
    train: Tokens  #: shape (tokens,); memory-mapped, so that worker processes share it
    #: Shape (windows, 129); 128 inputs and their 128 next tokens a row; the same for
    #: every run
    validation: Tokens
    validation_source: Indices  #: shape (windows,); index into `sources` of each row
    sources: tuple[str, ...]  #: where the text comes from
    #: Training tokens of each source; they stand one after the other
    train_lengths: tuple[int, ...]
    vocab_size: int  #: number of tokens
    digest: str  #: SHA-256 of both arrays: equal digests mean equal data
    #: Bytes of text that a predicted validation token stands for, on average
    bytes_per_token: float

    def loss_per_byte(self, loss: float) -> float:
        """Nats per byte of the validation text, from nats per token.

        Losses per token of two tokenizers are not comparable, these are.
        """
        return loss / self.bytes_per_token


def digest_of(train: Tokens, validation: Tokens) -> str:
    """SHA-256 of both arrays.

    >>> digest_of(np.zeros(2, np.uint16), np.zeros((1, 2), np.uint16))[:8]
    'af5570f5'
    """
    return hashlib.sha256(train.tobytes() + validation.tobytes()).hexdigest()


def save_corpus(corpus: Corpus, folder: Path) -> None:
    """Write the arrays and a small ``corpus.json``; all of it or nothing.

    Raises UserError if the folder cannot be written.
    """
    scratch = Path(tempfile.mkdtemp(dir=writable_folder(folder.parent)))
    for name in ("train", "validation", "validation_source"):
        np.save(scratch / f"{name}.npy", getattr(corpus, name))
    facts = ("name", "sources", "train_lengths", "vocab_size", "digest")
    about = {name: getattr(corpus, name) for name in (*facts, "bytes_per_token")}
    (scratch / "corpus.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    try:
        scratch.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(scratch)


def read_corpus(folder: Path) -> Corpus:
    """The corpus that `save_corpus` wrote, its training tokens memory-mapped."""
    about = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    return Corpus(
        name=about["name"],
        train=np.load(folder / "train.npy", mmap_mode="c"),
        validation=np.load(folder / "validation.npy"),
        validation_source=np.load(folder / "validation_source.npy"),
        sources=tuple(about["sources"]),
        train_lengths=tuple(about["train_lengths"]),
        vocab_size=about["vocab_size"],
        digest=about["digest"],
        bytes_per_token=about["bytes_per_token"],
    )
