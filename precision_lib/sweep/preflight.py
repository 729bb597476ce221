"""What is checked before anything is trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from precision_lib.errors import UserError
from precision_lib.formats import bits_of
from precision_lib.paths import DATA, cache_folder, writable_folder
from precision_lib.ptq.options import PTQ_BITS, PTQ_METHODS
from precision_lib.text.corpus import SEQUENCE, VALIDATION_WINDOWS, Corpus, save_corpus
from precision_lib.text.loading import load_corpus
from precision_lib.text.streaming import STREAMS
from precision_lib.training.config import RunConfig

RECORD_BYTES = 100_000


def prepare(todo: list[RunConfig], out: Path) -> dict[str, Path]:
    """Check the runs of a sweep and make its folder; returns that of each corpus.

    Raises UserError if the folder cannot be written or has no room for the results, a
    corpus cannot be had, or a run asks for more of it than there is.

    >>> prepare([], Path("."))
    {}
    """
    writable_folder(out, "name another folder with --out")
    need = sum(map(weight_bytes, todo))
    free = shutil.disk_usage(out).free
    if need > free:
        raise UserError(
            f"{out}: {len(todo)} runs need {need / 1e6:,.0f} MB and {free / 1e6:,.0f} "
            "MB are free; make room, or name another folder with --out."
        )
    corpora = {name: load_corpus(name) for name in {c.corpus for c in todo}}
    for config in todo:
        corpus = corpora[config.corpus]
        config.must_fit(corpus.name, len(corpus.train), corpus.vocab_size)
    return {name: _folder_of(corpus) for name, corpus in corpora.items()}


def check_sizes(todo: list[RunConfig]) -> None:
    """Raise a UserError if a run asks for more of a published corpus than there is.

    Reads no tokens, so that a dry run is quick; other corpora are checked by
    `prepare`.

    >>> from precision_lib.model.shapes import SHAPES
    >>> check_sizes([RunConfig(SHAPES["24k"], tokens=200_000_000)])
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: 200,000,000 tokens are more than 4 epochs of the \
    corpus default (30,323,549 tokens); ask for fewer.
    """
    published = json.loads((DATA / "corpus.json").read_text(encoding="utf-8"))
    known = {"default": published, **published["variants"]}
    for config in todo:
        if config.corpus in known:
            about = known[config.corpus]
            sizes = about["training_tokens"], about["vocab_size"]
            config.must_fit(config.corpus, *sizes)
        elif config.corpus in STREAMS:
            stream = STREAMS[config.corpus]
            config.must_fit(config.corpus, stream.tokens, stream.vocab_size)


def weight_bytes(config: RunConfig) -> int:
    """Room that a finished run takes on disk, in bytes.

    >>> from precision_lib.model.shapes import SHAPES
    >>> weight_bytes(RunConfig(SHAPES["24k"])) // 1000
    326
    """
    return 4 * sum(config.model.parameters.values()) + RECORD_BYTES


def _folder_of(corpus: Corpus) -> Path:
    """Folder of the arrays of a corpus, so that workers map it instead of copying."""
    if isinstance(corpus.train, np.memmap):
        return Path(str(corpus.train.filename)).parent.resolve()
    folder = cache_folder().resolve() / "corpora" / corpus.digest[:12]
    if not (folder / "corpus.json").exists():
        save_corpus(corpus, folder)
    return folder


def rough_seconds(config: RunConfig) -> float:
    """What a run takes at ten thousand million operations a second.

    Training takes six operations a parameter and token. The model is evaluated once
    as it is and once for each method and width of rounding that its weights allow;
    with the rounding itself that is half of what training on those tokens takes.

    Good for the order of the runs; `precision_lib.sweep.price.prices` measures.

    >>> from precision_lib.model.shapes import SHAPES
    >>> round(rough_seconds(RunConfig(SHAPES["24k"], tokens=1_000_000)), 1)
    66.4
    """
    bits = min(bits_of(config.precision.weights), max(PTQ_BITS))
    evaluated = 1 + len(PTQ_METHODS) * (bits - min(PTQ_BITS) + 1)
    tokens = config.tokens + evaluated * VALIDATION_WINDOWS * SEQUENCE / 2
    return 6e-10 * sum(config.model.parameters.values()) * tokens
