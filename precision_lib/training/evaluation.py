"""The loss of a trained model on the validation windows."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from precision_lib.model.transformer import Transformer
from precision_lib.text.corpus import SEQUENCE, Corpus

EVALUATION_BATCH = 16  # as in training: a per-tensor scale depends on the batch


@torch.inference_mode()
def evaluate(
    model: Transformer, corpus: Corpus, sequence: int = SEQUENCE
) -> tuple[float, dict[str, float]]:
    """Mean loss on the validation tokens and on those of each source, nats per token.

    `sequence`: tokens that the model was trained to read; shorter than a validation
    window they cut it into pieces, so that the predicted tokens stay the same.
    """
    device = next(model.parameters()).device
    rows = torch.from_numpy(corpus.validation.astype(np.int64)).to(device)
    length = rows.shape[1] - 1
    pieces = []
    for start in range(0, length, sequence):
        pieces.append(_window_losses(model, rows[:, start : start + sequence + 1]))
    losses = torch.cat(pieces, 1).mean(1).numpy()
    by_source = {
        corpus.sources[index]: float(losses[corpus.validation_source == index].mean())
        for index in np.unique(corpus.validation_source)
    }
    return float(losses.mean()), by_source


def _window_losses(model: Transformer, rows: Tensor) -> Tensor:
    """Loss of each token, shape (windows, tokens)."""
    batches = [model.token_losses(batch) for batch in rows.split(EVALUATION_BATCH)]
    return torch.cat(batches).double().cpu()
