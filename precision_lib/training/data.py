"""Which text a run reads, in which order."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from precision_lib.text.corpus import Corpus
from precision_lib.training.config import RunConfig


def data_order(corpus: Corpus, config: RunConfig) -> np.ndarray:
    """Starts of the training windows, in the order of use.

    Shape (steps, batch_size). Every epoch is its own random order; a window is
    used once an epoch. A run that starts from another goes on where that one ended.
    """
    config.must_fit(corpus.name, len(corpus.train), corpus.vocab_size)
    windows = (len(corpus.train) - 1) // config.sequence
    generator = np.random.default_rng(config.seed)
    epochs = math.ceil(config.windows / windows)
    order = np.concatenate([generator.permutation(windows) for _ in range(epochs)])
    own = order[config.before[1] : config.windows] * config.sequence
    return own.reshape(config.steps, config.batch_size)


def training_tokens(corpus: Corpus, device: str) -> Tensor:
    """The training text on a device, two bytes a token where the vocabulary allows."""
    short = corpus.vocab_size <= 2**15
    tokens = corpus.train.view(np.int16) if short else corpus.train.astype(np.int32)
    return torch.from_numpy(tokens).to(device)
