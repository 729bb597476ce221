"""PTQ of a run of ours, by every method at every width."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from precision_lib.formats import Int, bits_of
from precision_lib.model.transformer import Transformer
from precision_lib.ptq.apply import quantize
from precision_lib.ptq.calibration import Calibration
from precision_lib.ptq.options import PTQ_BITS, PTQ_METHODS
from precision_lib.ptq.statistics import spread
from precision_lib.text.corpus import Corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.evaluation import evaluate
from precision_lib.training.optimize import one_thread
from precision_lib.training.trainer import Run

CALIBRATED = ("gptq", "awq")


def round_after_training(
    model: Transformer, corpus: Corpus, config: RunConfig
) -> list[dict[str, Any]]:
    """Rows of the PTQ table: every method at `PTQ_BITS`, on the narrow grid.

    A model trained with low-bit weights is rounded to as many bits at most. The
    calibration set is the same for all runs of a corpus.
    """
    most = bits_of(config.precision.weights)
    calibration = Calibration.from_corpus(corpus)
    rows = []
    for method in PTQ_METHODS:
        for bits in (b for b in PTQ_BITS if b <= most):
            fmt = Int(bits)
            given = calibration if method in CALIBRATED else None
            # another direction of noise for each run and width
            seed = int(config.run_id, 16) + bits
            result = quantize(model, method, fmt, given, seed=seed)
            loss, _ = evaluate(result.model, corpus, config.sequence)
            rows.append(
                {
                    "method": method,
                    "grid": fmt.grid,
                    "granularity": "channel",
                    "calibration": given.name if given else "",
                    "post_bits": bits,
                    "post_loss": loss,
                    "weight_error": float(result.report["weight_error"].mean()),
                }
            )
    return rows


def add_roundings(run: Run, config: RunConfig, corpus: Corpus) -> None:
    """Put the rows of `round_after_training` into the record of a finished run.

    And the statistics of its weights and activations. Takes about as long as 300,000
    tokens of training. A diverged run has none.

    >>> run = Run(None, {"status": "diverged", "seconds": 1.0})
    >>> add_roundings(run, config=None, corpus=None)
    >>> run.record["ptq"]
    []
    """
    start = time.perf_counter()
    run.record |= {"ptq": [], "statistics": {}}
    if run.model is not None and run.record["status"] == "finished":
        with one_thread(), np.errstate(over="ignore", invalid="ignore"):
            run.record["ptq"] = round_after_training(run.model, corpus, config)
            calibration = Calibration.from_corpus(corpus)
            run.record["statistics"] = spread(run.model, calibration)
    seconds = run.record["seconds"] + time.perf_counter() - start
    run.record["seconds"] = round(seconds, 2)
