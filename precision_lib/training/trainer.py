"""Training runs: frozen configs in, trained models and their records out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from precision_lib.errors import UserError
from precision_lib.model.transformer import Transformer
from precision_lib.text.corpus import Corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.data import data_order, training_tokens
from precision_lib.training.evaluation import evaluate
from precision_lib.training.record import describe
from precision_lib.training.replay import fast_step
from precision_lib.training.share import Share
from precision_lib.training.state import State, put_weights
from precision_lib.training.step import ALONE, Lanes

CURVE_POINTS = 20

Curve = list[tuple[int, float]]


@dataclass
class Run:
    """A finished run.

    Attributes
    ----------
    model : Transformer, optional
    record : dict
        What the run table keeps of it.
    state : State, optional
        The last weights and optimizer, which other runs can start from.

    Examples
    --------
    >>> Run(None, {"loss": 3.5}).record["loss"]
    3.5
    """

    model: Transformer | None
    record: dict[str, Any]
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

    Parameters
    ----------
    config : RunConfig
    corpus : Corpus
        Its digest goes into the record.
    progress : bool
        Show a progress bar.
    states : Path, optional
        Folder with ``<run_id>.state`` of the run to start from; if it is not there,
        that run is trained first.
    share : Share
        Of one of several processes, see `precision_lib.training.devices`.

    Returns
    -------
    Run
        ``record["status"]`` is "finished", or "diverged" if a loss became NaN or
        the final one is worse than guessing every token with equal probability.

    Raises
    ------
    UserError
        If the corpus is smaller than a quarter of the tokens asked for or has
        another vocabulary, or the device is not there.

    Examples
    --------
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

    Parameters
    ----------
    configs : sequence of RunConfig
        They may differ in rate, schedule, seed, weight decay, `start_from` and the
        width of integers.

    Raises
    ------
    UserError
        If they differ in more, or as in `train`.

    Examples
    --------
    >>> train_lanes([config, other], corpus)  # doctest: +SKIP
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


@dataclass
class Trained:
    """A run after its last step, before its loss is measured.

    Attributes
    ----------
    config : RunConfig
    weights : Tensor, shape (parameters,)
        Of the final model, averaged if the config wants that.
    state : State
        The last weights and optimizer.
    record : dict
        What is known by now, see `Run`.

    Examples
    --------
    >>> train_steps([config], corpus)[0].record["lanes"]  # doctest: +SKIP
    1
    """

    config: RunConfig
    weights: Tensor
    state: State
    record: dict[str, Any]


def train_steps(
    configs: Sequence[RunConfig],
    corpus: Corpus,
    *,
    progress: bool = False,
    states: Path | None = None,
    share: Share = ALONE,
) -> list[Trained]:
    """The steps of `train_lanes`, without the evaluation of what they end in.

    Examples
    --------
    >>> train_steps([config], corpus)[0].weights.shape  # doctest: +SKIP
    torch.Size([56704])
    """
    begin = time.perf_counter()
    for config in configs:
        _check(config, corpus)
    if len({config.lane for config in configs}) > 1:
        raise UserError(
            "runs that train as lanes differ in seed, rates and widths alone."
        )
    lanes = new_lanes(configs, corpus, states=states, share=share)
    curves, averages = _optimize(lanes, configs, progress)
    trained = (time.perf_counter() - begin) / len(configs)
    runs = []
    for i, config in enumerate(configs):
        state = State(lanes.weights[i], lanes.first[i], lanes.second[i])
        record = describe(config, corpus) | {"lanes": len(configs)}
        record |= {"curve": curves[i], "train_seconds": round(trained, 2)}
        runs.append(Trained(config, averages.get(i, state.weights), state, record))
    return runs


def measured(trained: Trained, corpus: Corpus, device: str | None = None) -> Run:
    """The run with its final loss, measured on `device`; by default where it trained.

    Examples
    --------
    >>> measured(trained, corpus, "cpu").record["status"]  # doctest: +SKIP
    'finished'
    """
    begin = time.perf_counter()
    config = trained.config
    model = new_model(config, device)
    put_weights(model, trained.weights)
    record = trained.record | _evaluated(model, config, corpus)
    seconds = record["train_seconds"] + time.perf_counter() - begin
    return Run(model, record | {"seconds": round(seconds, 2)}, trained.state)


def _check(config: RunConfig, corpus: Corpus) -> None:
    if config.model.vocab_size != corpus.vocab_size:
        raise UserError(
            f"corpus {corpus.name} has {corpus.vocab_size} tokens and the model a "
            f"vocab_size of {config.model.vocab_size}; make them equal."
        )
    try:
        torch.zeros(1, device=config.device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device '{config.device}' is not available here.") from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside the block.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def new_model(config: RunConfig, device: str | None = None) -> Transformer:
    """The model of a run before its first step, on `device` or the one of its config.

    Examples
    --------
    >>> from precision_lib.model.config import ModelConfig
    >>> new_model(RunConfig(ModelConfig(16, 1, 2, 32))).head.weight.dtype
    torch.float32
    """
    dtype = torch.float64 if config.dtype == "float64" else torch.float32
    model = Transformer(config.model, config.precision, config.seed)
    return model.to(device=device or config.device, dtype=dtype)


def _start(config: RunConfig, corpus: Corpus, states: Path | None) -> State:
    before = config.start_from
    if before is None:
        return State.of(new_model(config))
    path = states / f"{before.run_id}.state" if states else None
    if path is not None and path.exists():
        return State.load(path).to(config.device)
    state = train(before, corpus, states=states).state
    assert state is not None
    return state


def new_lanes(
    configs: Sequence[RunConfig],
    corpus: Corpus,
    *,
    states: Path | None = None,
    share: Share = ALONE,
) -> Lanes:
    """The lanes of these runs, before their first step.

    Examples
    --------
    >>> new_lanes([config], corpus).step()  # doctest: +SKIP
    tensor([6.2384])
    """
    device = configs[0].device
    order = np.stack([data_order(corpus, config) for config in configs], 1)
    return Lanes(
        new_model(configs[0]),
        configs,
        [_start(config, corpus, states) for config in configs],
        training_tokens(corpus, device),
        torch.from_numpy(order).to(device),
        share,
    )


def _optimize(
    lanes: Lanes, configs: Sequence[RunConfig], progress: bool
) -> tuple[list[Curve], dict[int, Tensor]]:
    """Train in place; (tokens seen, mean training loss) along the way of each lane.

    The second result is the mean of the last weights of the lanes that want it.
    """
    steps = configs[0].steps
    every = max(1, steps // CURVE_POINTS)
    curves: list[Curve] = [[] for _ in configs]
    averages: dict[int, Tensor] = {}
    take_step = fast_step(lanes)
    shown = tqdm(range(steps), disable=None if progress else True, leave=False)
    for step in shown:
        take_step()
        for i, config in enumerate(configs):
            _average(averages, i, lanes.weights, config, steps - step)
        if (step + 1) % every == 0 or step + 1 == steps:
            losses = (lanes.total / (step % every + 1)).tolist()
            lanes.total.zero_()
            for curve, config, loss in zip(curves, configs, losses, strict=True):
                if not curve or math.isfinite(curve[-1][1]):
                    done = config.before[1] + (step + 1) * config.batch_size
                    curve.append((done * config.sequence, round(loss, 5)))
            if not any(map(math.isfinite, losses)):
                break
    return curves, averages


def _average(
    averages: dict[int, Tensor], i: int, weights: Tensor, config: RunConfig, left: int
) -> None:
    """Take the weights of lane `i` into their mean, with `left` steps to go."""
    last = round(config.averaging * config.steps)
    if left == last:
        averages[i] = weights[i].clone()
    elif left < last:
        averages[i].lerp_(weights[i], 1 / (last - left + 1))


def _evaluated(model: Transformer, config: RunConfig, corpus: Corpus) -> dict[str, Any]:
    loss, by_source = evaluate(model, corpus, config.sequence)
    finished = loss < math.log(corpus.vocab_size)
    return {
        "loss": loss,
        "status": "finished" if finished else "diverged",
        **{f"loss_{name}": mean for name, mean in by_source.items()},
    }
