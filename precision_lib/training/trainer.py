"""One training run: a frozen config in, a trained model and its record out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor
from tqdm import tqdm

from precision_lib.errors import UserError
from precision_lib.model.transformer import Transformer
from precision_lib.text.corpus import Corpus
from precision_lib.training.config import RunConfig, learning_rate
from precision_lib.training.evaluation import evaluate

CURVE_POINTS = 20
MAX_EPOCHS = 4


@dataclass
class Run:
    """A finished run: the trained model and what the run table keeps of it.

    Examples
    --------
    >>> Run(None, {"loss": 3.5}).record["loss"]
    3.5
    """

    model: Transformer | None
    record: dict[str, Any]


def train(
    config: RunConfig,
    corpus: Corpus,
    *,
    progress: bool = False,
    prepare: Callable[[Transformer], None] | None = None,
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
    prepare : callable, optional
        Gets the model before training, see
        `precision_lib.training.devices.share_batches`.

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
    >>> from precision_lib.text.building import build_corpus
    >>> from precision_lib.model.transformer import ModelConfig
    >>> from precision_lib.text.sources import Document
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(1800)]
    >>> corpus = build_corpus(text, name="tiny", vocab_size=300)
    >>> shape = ModelConfig(16, 1, 2, 32, vocab_size=300)
    >>> run = train(RunConfig(shape, tokens=16_384, batch_size=4), corpus)
    >>> run.record["status"], run.record["D"]
    ('finished', 16384)
    """
    start = time.perf_counter()
    _check(config, corpus)
    order = data_order(corpus, config)
    with one_thread(), np.errstate(over="ignore", invalid="ignore"):
        dtype = torch.float64 if config.dtype == "float64" else torch.float32
        model = Transformer(config.model, config.precision, config.seed)
        model.to(device=config.device, dtype=dtype)
        if prepare is not None:
            prepare(model)
        curve = _optimize(model, config, corpus, order, progress)
        trained = time.perf_counter() - start
        record = {**describe(config, corpus), "curve": curve}
        loss, by_source = evaluate(model, corpus, config.sequence)
        record |= {"loss": loss, "status": _status(loss, corpus.vocab_size)}
        record |= {f"loss_{name}": mean for name, mean in by_source.items()}
    record["train_seconds"] = round(trained, 2)
    record["seconds"] = round(time.perf_counter() - start, 2)
    return Run(model, record)


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
    """Let torch and the BLAS of numpy use one thread inside the block.

    Examples
    --------
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)


def data_order(corpus: Corpus, config: RunConfig) -> np.ndarray:
    """Starts of the training windows, in the order of use.

    Shape (steps, batch_size). Every epoch is its own random order; a window is
    used once an epoch.

    Examples
    --------
    >>> data_order(corpus, config).shape  # doctest: +SKIP
    (488, 16)
    """
    windows = (len(corpus.train) - 1) // config.sequence
    needed = config.steps * config.batch_size
    if needed > MAX_EPOCHS * windows:
        raise UserError(
            f"{config.tokens} tokens are more than {MAX_EPOCHS} epochs of the corpus "
            f"{corpus.name} ({windows * config.sequence} tokens); ask for fewer."
        )
    generator = np.random.default_rng(config.seed)
    epochs = math.ceil(needed / windows)
    order = np.concatenate([generator.permutation(windows) for _ in range(epochs)])
    return (order[:needed] * config.sequence).reshape(config.steps, config.batch_size)


def _optimize(
    model: Transformer,
    config: RunConfig,
    corpus: Corpus,
    order: np.ndarray,
    progress: bool,
) -> list[tuple[int, float]]:
    """Train in place; returns (tokens seen, mean training loss) along the way."""
    optimizer = make_optimizer(model, config)
    averaged = _Average(model, round(config.averaging * config.steps))
    offsets = np.arange(config.sequence + 1)
    every = max(1, config.steps // CURVE_POINTS)
    curve: list[tuple[int, float]] = []
    since = torch.zeros((), device=config.device)
    steps = tqdm(range(config.steps), disable=None if progress else True, leave=False)
    for step in steps:
        rows = corpus.train[order[step][:, None] + offsets].astype(np.int64)
        batch = torch.from_numpy(rows).to(config.device)
        since += training_step(
            model, optimizer, batch, learning_rate(step, config), config
        )
        averaged.update(config.steps - step)
        if (step + 1) % every == 0 or step + 1 == config.steps:
            seen = (step + 1) * config.tokens_per_step
            count = (step % every) + 1
            curve.append((seen, round(float(since) / count, 5)))
            since.zero_()
            if not math.isfinite(curve[-1][1]):
                break
    averaged.apply()
    return curve


def training_step(
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    batch: Tensor,
    rate: float,
    config: RunConfig,
) -> Tensor:
    """One update of the weights; returns the mean loss before it.

    Parameters
    ----------
    model : Transformer
    optimizer : Optimizer
        As `make_optimizer` gives it.
    batch : Tensor of int64, shape (batch_size, sequence + 1)
    rate : float
        Learning rate.
    config : RunConfig

    Examples
    --------
    >>> from precision_lib.model.transformer import ModelConfig
    >>> config = RunConfig(ModelConfig(16, 1, 2, 32), tokens=4096)
    >>> model = Transformer(config.model, config.precision)
    >>> batch = torch.zeros(16, 129, dtype=torch.int64)
    >>> optimizer = make_optimizer(model, config)
    >>> losses = [training_step(model, optimizer, batch, 0.01, config) for _ in "ab"]
    >>> bool(losses[1] < losses[0])
    True
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    parts = batch.split(config.micro_batch or len(batch))
    total = torch.zeros((), device=batch.device)
    for part in parts:
        with _autocast(config):
            loss = model(part[:, :-1], part[:, 1:]) / len(parts)
        loss.backward()
        total += loss.detach()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
    optimizer.step()
    return total


def _autocast(config: RunConfig) -> AbstractContextManager[Any]:
    if config.dtype != "bfloat16":
        return nullcontext()
    return torch.autocast(torch.device(config.device).type, torch.bfloat16)


def make_optimizer(model: Transformer, config: RunConfig) -> torch.optim.Optimizer:
    """AdamW with weight decay on the matrices alone.

    Examples
    --------
    >>> from precision_lib.model.transformer import ModelConfig
    >>> config = RunConfig(ModelConfig(16, 1, 2, 32))
    >>> model = Transformer(config.model, config.precision)
    >>> [g["weight_decay"] for g in make_optimizer(model, config).param_groups]
    [0.1, 0.0]
    """
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    gains = [p for p in model.parameters() if p.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": gains, "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    return torch.optim.AdamW(
        groups, lr=config.peak_lr, betas=betas, eps=config.epsilon, fused=True
    )


class _Average:
    """Mean of the weights after each of the last `last` steps."""

    def __init__(self, model: Transformer, last: int):
        self.parameters, self.last = list(model.parameters()), last
        self.mean: list[Tensor] = []

    def update(self, left: int) -> None:
        """Take in the weights after a step with `left` steps to go, itself included."""
        if left > self.last:
            return
        now = [p.detach() for p in self.parameters]
        if not self.mean:
            self.mean = [p.clone() for p in now]
        else:
            torch._foreach_lerp_(self.mean, now, 1 / (self.last - left + 1))

    def apply(self) -> None:
        """Put the mean into the model, if there is one."""
        for parameter, mean in zip(self.parameters, self.mean, strict=bool(self.mean)):
            parameter.detach().copy_(mean)


def _status(loss: float, vocab_size: int) -> str:
    return "finished" if loss < math.log(vocab_size) else "diverged"


def describe(config: RunConfig, corpus: Corpus) -> dict[str, Any]:
    """The columns of the run table that are known before training.

    Examples
    --------
    >>> describe(config, corpus)["N"]  # doctest: +SKIP
    23936
    """
    model, precision = config.model, config.precision
    windows = (len(corpus.train) - 1) // config.sequence
    same = ["schedule", "warmup", "final_lr", "decay", "averaging", "sequence"]
    same += ["seed", "peak_lr", "batch_size", "weight_decay"]
    return {
        "run_id": config.run_id,
        "N": model.n_non_embedding,
        "D": config.steps * config.tokens_per_step,
        "epochs": config.steps * config.batch_size / windows,
        **precision.bits,
        "weight_format": precision.weights,
        "activation_format": precision.activations,
        "kv_format": precision.kv_cache,
        "query_format": precision.queries,
        "weight_granularity": precision.weight_granularity,
        "activation_granularity": precision.activation_granularity,
        "kv_granularity": precision.kv_granularity,
        "scale": precision.scale,
        "straight_through": precision.straight_through,
        "rotation": precision.rotation,
        **{name: getattr(config, name) for name in same},
        "d_model": model.d_model,
        "n_layers": model.n_layers,
        "n_heads": model.n_heads,
        "d_mlp": model.d_mlp,
        "extra_norm": model.extra_norm,
        **{f"params_{name}": n for name, n in model.parameters.items()},
        "corpus": config.corpus,
        "corpus_digest": corpus.digest,
        "torch": torch.__version__.split("+")[0],
    }
