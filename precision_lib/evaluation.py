"""The loss of a trained model, and of the same model rounded after training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from precision_lib.config import RunConfig
from precision_lib.corpus import SEQUENCE, Corpus
from precision_lib.formats import Int, bits_of
from precision_lib.model import Transformer
from precision_lib.ptq import Calibration, quantize

PTQ_METHODS = ("rtn", "gptq", "awq")
PTQ_BITS = (2, 3, 4, 5, 6, 7, 8)
EVALUATION_BATCH = 16  # as in training: a per-tensor scale depends on the batch


@torch.inference_mode()
def evaluate(
    model: Transformer, corpus: Corpus, sequence: int = SEQUENCE
) -> tuple[float, dict[str, float]]:
    """Mean loss on the validation tokens and on those of each source, nats per token.

    Parameters
    ----------
    model : Transformer
    corpus : Corpus
    sequence : int
        Tokens that the model was trained to read; shorter than a validation window
        they cut it into pieces, so that the predicted tokens stay the same.

    Examples
    --------
    >>> loss, by_source = evaluate(model, corpus)  # doctest: +SKIP
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


def round_after_training(
    model: Transformer, corpus: Corpus, config: RunConfig
) -> list[dict[str, Any]]:
    """Rows of the PTQ table: every method at 2 to 8 bits, on the narrow grid.

    A model trained with low-bit weights is rounded to as many bits at most. The
    calibration set is the same for all runs of a corpus.

    Examples
    --------
    >>> round_after_training(model, corpus, config)[0]["method"]  # doctest: +SKIP
    'rtn'
    """
    most = bits_of(config.precision.weights)
    calibration = Calibration.from_corpus(corpus)
    rows = []
    for method in PTQ_METHODS:
        for bits in (b for b in PTQ_BITS if b <= most):
            fmt = Int(bits)
            given = None if method == "rtn" else calibration
            rounded = quantize(model, method, fmt, given).model
            loss, _ = evaluate(rounded, corpus, config.sequence)
            row = {"method": method, "grid": fmt.grid, "granularity": "channel"}
            row |= {"calibration": given.name if given else ""}
            rows.append({**row, "post_bits": bits, "post_loss": loss})
    return rows
