"""What a sweep costs, measured on this machine before it runs."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields, replace
from statistics import mean
from typing import Any

import numpy as np
import torch

from precision_lib.formats import Int, bits_of, parse_format
from precision_lib.model.transformer import Transformer
from precision_lib.ptq import Calibration, quantize
from precision_lib.ptq.options import PTQ_BITS, PTQ_METHODS
from precision_lib.sweep.engines import die_with_parent, worker_context
from precision_lib.text.corpus import VALIDATION_WINDOWS, Corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.evaluation import EVALUATION_BATCH, evaluate
from precision_lib.training.optimize import new_lanes, new_model, one_thread
from precision_lib.training.replay import fast_step

STEPS = 12  # a measurement
# An A100 does 312 teraflops in bfloat16 (nvidia.com/en-us/data-center/a100); small
# models reach two fifths of that at best.
GPU_TERAFLOPS = 125.0


@dataclass(frozen=True)
class Timings:
    """Seconds of the parts of a run.

    >>> Timings(start=0.1, step=0.02, evaluation=1.0, rounding=0.4).step
    0.02
    """

    start: float  #: until training begins: a process, and the model
    step: float  #: a training step
    evaluation: float  #: the loss on the validation tokens, once
    #: Rounding to one bit width by all methods, without the evaluations
    rounding: float

    def seconds(self, config: RunConfig) -> float:
        """Predicted seconds of a run of this kind."""
        most = bits_of(config.precision.weights)
        widths = sum(bits <= most for bits in PTQ_BITS)
        evaluations = 1 + widths * len(PTQ_METHODS)
        return (
            self.start
            + config.steps * self.step
            + evaluations * self.evaluation
            + widths * self.rounding
        )


def prices(configs: list[RunConfig], jobs: int = 1) -> dict[str, float]:
    """Seconds that each run will take here, by its id.

    A run of every kind is timed for a few steps: shapes, number formats (not their
    widths, which cost the same), batches, and compiling or not make a kind. The
    processes are those of a sweep, `jobs` at once, so that they share the machine as
    the sweep will. Runs on a GPU are timed where there is one, and else counted, see
    `gpu_seconds`.

    >>> from precision_lib.model.shapes import SHAPES
    >>> short = RunConfig(SHAPES["24k"], tokens=100_000)
    >>> 0 < prices([short])[short.run_id] < 3600
    True
    """
    kinds = {kind(config): config for config in configs if _is_here(config)}
    measured = dict(zip(kinds, _measure_all(list(kinds.values()), jobs), strict=True))
    return {
        config.run_id: (
            measured[kind(config)].seconds(config)
            if _is_here(config)
            else gpu_seconds(config)
        )
        for config in configs
    }


def _is_here(config: RunConfig) -> bool:
    alone = config.devices == 1 and torch.cuda.is_available()
    return config.device == "cpu" or alone


def gpu_seconds(config: RunConfig) -> float:
    """Seconds of a GPU that does `GPU_TERAFLOPS` 10¹² operations a second.

    Training takes six operations a weight and token, and attention 6 · layers ·
    width · sequence more a token [Kaplan et al. 2020, section 2.1, causal]. A
    forward pass is a third of that; each rounding needs one over the validation set.

    >>> from precision_lib.model.shapes import SHAPES
    >>> round(gpu_seconds(RunConfig(SHAPES["24k"], tokens=10**9)), 1)
    2.3
    """
    model = config.model
    weights = model.n_non_embedding + model.parameters["head"]
    attention = model.n_layers * model.d_model * config.sequence
    most = bits_of(config.precision.weights)
    roundings = sum(bits <= most for bits in PTQ_BITS) * len(PTQ_METHODS)
    evaluated = (1 + roundings) * VALIDATION_WINDOWS * config.sequence
    tokens = config.steps * config.tokens_per_step + evaluated / 3
    return 6 * (weights + attention) * tokens / (GPU_TERAFLOPS * 1e12)


def kind(config: RunConfig) -> tuple[Any, ...]:
    """What the speed of a run depends on.

    >>> from precision_lib.model.config import Precision
    >>> from precision_lib.model.shapes import SHAPES
    >>> two, six = (RunConfig(SHAPES["24k"], Precision(w)) for w in ("int2", "int6"))
    >>> kind(two) == kind(six) != kind(RunConfig(SHAPES["24k"]))
    True
    """
    precision = config.precision
    parts = []
    for item in fields(precision):
        value = getattr(precision, item.name)
        if item.name in ("weights", "activations", "kv_cache", "queries"):
            value = type(parse_format(value)).__name__
        parts.append(value)
    batch = (config.batch_size, config.micro_batch, config.sequence, config.dtype)
    return (config.model, *parts, *batch, config.device, config.compiles)


def _measure_all(configs: list[RunConfig], jobs: int) -> list[Timings]:
    """Timings of each config, by `jobs` processes that are busy at the same time."""
    if not configs:
        return []
    repeats = -(-jobs // len(configs))
    work = [config for config in configs for _ in range(repeats)]
    with worker_context().Pool(jobs, die_with_parent) as pool:
        measured = pool.map(measure, work, chunksize=1)
    found = defaultdict(list)
    for config, timings in zip(work, measured, strict=True):
        found[kind(config)].append(timings)
    return [
        Timings(*map(mean, zip(*map(astuple, found[kind(config)]), strict=True)))
        for config in configs
    ]


def measure(config: RunConfig) -> Timings:
    """Time the parts of a run on made-up tokens, on its device or one thread.

    >>> from precision_lib.model.shapes import SHAPES
    >>> measure(RunConfig(SHAPES["24k"])).step > 0
    True
    """
    corpus = made_up(config)
    with one_thread():
        begin = time.perf_counter()
        model = new_model(config)
        start = time.perf_counter() - begin
        few = replace(config, tokens=STEPS * config.tokens_per_step, start_from=None)
        few = replace(few, engine="compiled" if config.compiles else "eager")
        step = _seconds_of(fast_step(new_lanes([few], corpus)), repeats=STEPS - 1)
        batches = VALIDATION_WINDOWS / EVALUATION_BATCH
        evaluation = batches * _seconds_of(
            lambda: evaluate(model, corpus, config.sequence), repeats=3
        )
        rounding = _rounding_seconds(model, corpus)
    return Timings(start, step, evaluation, rounding)


def _rounding_seconds(model: Transformer, corpus: Corpus) -> float:
    calibration = Calibration.from_corpus(corpus)
    total = 0.0
    for method in PTQ_METHODS:
        given = None if method == "rtn" else calibration
        begin = time.perf_counter()
        quantize(model, method, Int(4), given)
        total += time.perf_counter() - begin
    return total


def _seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Mean seconds of a call, after one that is not counted."""
    work()
    _wait()
    begin = time.perf_counter()
    for _ in range(repeats):
        work()
    _wait()
    return (time.perf_counter() - begin) / repeats


def _wait() -> None:
    """Until a GPU has done what it was asked; a call returns before that."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def made_up(config: RunConfig) -> Corpus:
    """Random tokens: one batch for evaluation, and enough to calibrate on.

    >>> from precision_lib.model.shapes import SHAPES
    >>> made_up(RunConfig(SHAPES["24k"])).vocab_size
    512
    """
    generator = np.random.default_rng(0)
    draw = generator.integers(0, config.model.vocab_size, 1 << 16).astype(np.uint16)
    return Corpus(
        name="made up",
        train=draw,
        validation=np.resize(draw, (EVALUATION_BATCH, 129)),
        validation_source=np.zeros(EVALUATION_BATCH, np.int64),
        sources=("made up",),
        train_lengths=(len(draw),),
        vocab_size=config.model.vocab_size,
        digest="0" * 64,
        bytes_per_token=1.0,
    )
