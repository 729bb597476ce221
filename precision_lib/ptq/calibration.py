"""Text that a post-training method may look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from precision_lib.errors import UserError
from precision_lib.text.corpus import SEQUENCE, Corpus


@dataclass(frozen=True)
class Calibration:
    """A named set of token windows, or of whatever else a model reads.

    `name`: says where the windows come from; goes into tables. `rows`: Tensor of int64,
    shape (windows, time); what the model reads, in one forward pass. `batch`: windows
    that share a scale where activations have one a tensor, as in training.

    >>> Calibration("made up", torch.zeros(4, 16, dtype=torch.int64)).tokens
    64
    """

    name: str
    rows: Tensor
    batch: int = 16

    def __post_init__(self) -> None:
        if self.rows.dim() < 2 or not self.rows.numel() or self.batch < 1:
            raise UserError(
                f"calibration set '{self.name}' holds no tokens; give at least one "
                "window, as an array of (windows, time), and a batch of 1 or more."
            )

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return self.rows.shape[:2].numel()

    @classmethod
    def from_batches(cls, name: str, batches: Sequence[Tensor]) -> Calibration:
        """Batches of one shape, as a data loader gives them.

        Raises UserError if there is none or their shapes differ in more than the first
        axis.

        >>> batches = [torch.ones(2, 8), torch.ones(1, 8)]
        >>> Calibration.from_batches("ones", batches).tokens
        24
        """
        if not batches or len({batch.shape[1:] for batch in batches}) > 1:
            raise UserError(
                f"calibration set '{name}': give at least one batch, and batches that "
                "differ in their first axis only."
            )
        return cls(name, torch.cat(list(batches)), max(1, len(batches[0])))

    @classmethod
    def from_corpus(
        cls, corpus: Corpus, windows: int = 64, seed: int = 0, source: str | None = None
    ) -> Calibration:
        """`windows` windows of 128 tokens from the training side, without repeats.

        Raises UserError if there are fewer windows or the source is unknown.

        `seed`: which of the windows; `source`: one of ``corpus.sources``: windows of
        this source only.
        """
        first, last = _windows_of(corpus, source)
        if not 1 <= windows <= last - first:
            raise UserError(
                f"{corpus.name}: cannot take {windows} calibration windows of "
                f"{SEQUENCE} tokens; it has {last - first} of them."
            )
        # Apart from the stream that orders the training windows.
        generator = np.random.default_rng([seed, 0xCA11B])
        chosen = first + generator.choice(last - first, windows, replace=False)
        rows = corpus.train[chosen[:, None] * SEQUENCE + np.arange(SEQUENCE)]
        of = f"-{source}" if source else ""
        name = f"{corpus.name}{of}-{windows}x{SEQUENCE}-seed{seed}"
        return cls(name, torch.from_numpy(rows.astype(np.int64)))


def _windows_of(corpus: Corpus, source: str | None) -> tuple[int, int]:
    """First window, and one past the last, that lie wholly in the source."""
    if source is None:
        return 0, len(corpus.train) // SEQUENCE
    if source not in corpus.sources:
        known = ", ".join(corpus.sources)
        raise UserError(f"{corpus.name} has no source '{source}'; one of {known}.")
    index = corpus.sources.index(source)
    ends = np.cumsum([0, *corpus.train_lengths])
    first = math.ceil(ends[index] / SEQUENCE)
    return first, max(first, int(ends[index + 1]) // SEQUENCE)
