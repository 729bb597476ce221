"""The steps of training runs, and what is known when the last one is done."""

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
from precision_lib.training.record import describe
from precision_lib.training.replay import fast_step
from precision_lib.training.state import State
from precision_lib.training.step import ALONE, Lanes, Share

CURVE_POINTS = 20

Curve = list[tuple[int, float]]


@dataclass
class Trained:
    """A run after its last step, before its loss is measured."""

    config: RunConfig
    #: Shape (parameters,); of the final model, averaged if the config wants that
    weights: Tensor
    state: State  #: the last weights and optimizer
    record: dict[str, Any]  #: what is known by now, see `Run`


def train_steps(
    configs: Sequence[RunConfig],
    corpus: Corpus,
    *,
    progress: bool = False,
    states: Path | None = None,
    share: Share = ALONE,
) -> list[Trained]:
    """The steps of `train_lanes`, without the evaluation of what they end in."""
    begin = time.perf_counter()
    try:
        torch.zeros(1, device=configs[0].device)
    except (RuntimeError, AssertionError) as error:
        device = configs[0].device
        raise UserError(f"device '{device}' is not available here.") from error
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


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread inside the block.

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
    return train_steps([before], corpus, states=states)[0].state


def new_lanes(
    configs: Sequence[RunConfig],
    corpus: Corpus,
    *,
    states: Path | None = None,
    share: Share = ALONE,
) -> Lanes:
    """The lanes of these runs, before their first step."""
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
