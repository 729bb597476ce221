"""Text that a post-training method may look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from precision_lib.corpus import SEQUENCE, Corpus
from precision_lib.errors import UserError


@dataclass(frozen=True)
class Calibration:
    """A named set of token windows.

    Attributes
    ----------
    name : str
        Says where the windows come from; goes into reports and tables.
    rows : Tensor of int64, shape (windows, time)
        What the model reads.
    batch : int
        Windows that share a scale where activations have one a tensor, as in
        training.

    Examples
    --------
    >>> Calibration("made up", torch.zeros(4, 16, dtype=torch.int64)).tokens
    64
    """

    name: str
    rows: Tensor
    batch: int = 16

    def __post_init__(self) -> None:
        if self.rows.dim() != 2 or not self.rows.numel():
            raise UserError(
                f"calibration set '{self.name}' holds no tokens; give at least one "
                "window, as an array of (windows, time)."
            )

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return self.rows.numel()

    @classmethod
    def from_corpus(
        cls, corpus: Corpus, windows: int = 64, seed: int = 0
    ) -> Calibration:
        """`windows` windows of 128 tokens from the training side, without repeats.

        Raises
        ------
        UserError
            If the training side has fewer windows.

        Examples
        --------
        >>> Calibration.from_corpus(corpus).name  # doctest: +SKIP
        'default-64x128-seed0'
        """
        available = len(corpus.train) // SEQUENCE
        if not 1 <= windows <= available:
            raise UserError(
                f"{corpus.name}: cannot take {windows} calibration windows of "
                f"{SEQUENCE} tokens; it has 1 to {available}."
            )
        # Apart from the stream that orders the training windows.
        generator = np.random.default_rng([seed, 0xCA11B])
        starts = generator.choice(available, windows, replace=False) * SEQUENCE
        rows = corpus.train[starts[:, None] + np.arange(SEQUENCE)]
        name = f"{corpus.name}-{windows}x{SEQUENCE}-seed{seed}"
        return cls(name, torch.from_numpy(rows.astype(np.int64)))
