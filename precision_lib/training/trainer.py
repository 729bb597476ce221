"""Training runs: frozen configs in, trained models and their records out."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from precision_lib.model.transformer import Transformer
from precision_lib.text.corpus import Corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.evaluation import evaluate
from precision_lib.training.optimize import Trained, new_model, one_thread, train_steps
from precision_lib.training.state import State, put_weights
from precision_lib.training.step import ALONE, Share


@dataclass
class Run:
    """A finished run.

    >>> Run(None, {"loss": 3.5}).record["loss"]
    3.5
    """

    model: Transformer | None
    record: dict[str, Any]  #: what the run table keeps of it
    #: The last weights and optimizer, which other runs can start from
    state: State | None = None


def train(
    config: RunConfig,
    corpus: Corpus,
    *,
    progress: bool = False,
    states: Path | None = None,
    share: Share = ALONE,
) -> Run:
    """Train and evaluate.

    One thread, so that the same config gives bit-identical weights on one machine.

    ``record["status"]`` of the run is "finished", or "diverged" if a loss became NaN or
    the final one is worse than guessing every token with equal probability.

    Raises UserError if the corpus is smaller than a quarter of the tokens asked for or
    has another vocabulary, or the device is not there.

    `corpus`: its digest goes into the record; `progress`: show a progress bar.
    `states`: folder with ``<run_id>.state`` of the run to start from; if it is not
    there, that run is trained first. `share`: of one of several processes, see
    `precision_lib.training.devices`.

    >>> from precision_lib.model.config import ModelConfig
    >>> from precision_lib.text.building import build_corpus
    >>> from precision_lib.text.sources import Document
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(1800)]
    >>> corpus = build_corpus(text, name="tiny", vocab_size=300)
    >>> shape = ModelConfig(16, 1, 2, 32, vocab_size=300)
    >>> run = train(RunConfig(shape, tokens=16_384, batch_size=4), corpus)
    >>> run.record["status"], run.record["D"], len(run.record["curve"])
    ('finished', 16384, 32)
    """
    [run] = train_lanes([config], corpus, progress=progress, states=states, share=share)
    return run


def train_lanes(
    configs: Sequence[RunConfig],
    corpus: Corpus,
    *,
    progress: bool = False,
    states: Path | None = None,
    share: Share = ALONE,
) -> list[Run]:
    """Train several runs as lanes of one step; see `train`.

    Each equals its run alone up to the order of sums. Seconds in the records are
    shares of what the lanes took together.

    Raises UserError if they differ in more, or as in `train`.

    `configs`: they may differ in rate, schedule, seed, weight decay, `start_from` and
    the width of integers.
    """
    begin = time.perf_counter()
    with one_thread():
        trained = train_steps(
            configs, corpus, progress=progress, states=states, share=share
        )
        runs = [measured(steps, corpus) for steps in trained]
    seconds = (time.perf_counter() - begin) / len(configs)
    for run in runs:
        run.record["seconds"] = round(seconds, 2)
    return runs


def measured(trained: Trained, corpus: Corpus, device: str | None = None) -> Run:
    """The run with its final loss, measured on `device`; by default as it trained."""
    begin = time.perf_counter()
    config = trained.config
    model = new_model(config, device)
    put_weights(model, trained.weights)
    loss, by_source = evaluate(model, corpus, config.sequence)
    finished = loss < math.log(corpus.vocab_size)
    seconds = trained.record["train_seconds"] + time.perf_counter() - begin
    record = {
        **trained.record,
        "loss": loss,
        "status": "finished" if finished else "diverged",
        **{f"loss_{name}": mean for name, mean in by_source.items()},
        "seconds": round(seconds, 2),
    }
    return Run(model, record, trained.state)
