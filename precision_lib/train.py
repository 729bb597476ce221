"""One training run: a frozen config in, a record of results out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from precision_lib.corpus import SEQUENCE, Corpus
from precision_lib.errors import UserError
from precision_lib.formats import Int
from precision_lib.model import ModelConfig, Precision, Transformer
from precision_lib.ptq import round_to_nearest

PTQ_BITS = (2, 3, 4, 5, 6, 7, 8)
CURVE_POINTS = 20
MAX_EPOCHS = 4
EVALUATION_BATCH = 16  # as in training: a per-tensor scale depends on the batch


@dataclass(frozen=True)
class RunConfig:
    """Everything a run depends on.

    Attributes
    ----------
    model : ModelConfig
    precision : Precision
    tokens : int
        Training tokens asked for; the run takes the nearest whole step.
    peak_lr : float
        Peak learning rate, reached after `warmup` of the steps, then down a cosine
        to `final_lr` of it.
    batch_size : int
        Sequences of 128 tokens a step.
    weight_decay : float
        On matrices; norm gains have none.
    seed : int
        Initial weights and order of the data.
    corpus : str
        As in `precision_lib.corpus.load_corpus`.
    device, dtype : str
        Of torch; the published runs are "cpu", "float32".

    Examples
    --------
    >>> shape = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80)
    >>> config = RunConfig(shape, Precision("int4"), tokens=10_000, peak_lr=0.01)
    >>> config.steps, config.run_id == dataclasses.replace(config).run_id
    (5, True)
    """

    model: ModelConfig
    precision: Precision = field(default_factory=Precision)
    tokens: int = 1_000_000
    peak_lr: float = 0.01
    warmup: float = 0.1
    final_lr: float = 0.1
    batch_size: int = 16
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    gradient_clip: float = 1.0
    seed: int = 0
    corpus: str = "default"
    device: str = "cpu"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.tokens < self.tokens_per_step or self.peak_lr <= 0:
            raise UserError(
                f"a run needs a positive peak_lr and at least {self.tokens_per_step} "
                f"tokens, not peak_lr={self.peak_lr} and tokens={self.tokens}."
            )

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one batch."""
        return self.batch_size * SEQUENCE

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return round(self.tokens / self.tokens_per_step)

    @property
    def run_id(self) -> str:
        """Hash of all fields: equal configs have equal ids."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


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


def train(config: RunConfig, corpus: Corpus, *, progress: bool = False) -> Run:
    """Train, evaluate, round to 2-8 bits and evaluate again.

    One thread, so that the same config gives bit-identical weights on one machine.

    Parameters
    ----------
    config : RunConfig
    corpus : Corpus
        Its digest goes into the record.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Run
        ``record["status"]`` is "finished", or "diverged" if a loss became NaN or
        the final one is worse than guessing every token with equal probability.

    Raises
    ------
    UserError
        If the corpus is smaller than a quarter of the tokens asked for.

    Examples
    --------
    >>> from precision_lib.corpus import build_corpus
    >>> from precision_lib.sources import Document
    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(900)]
    >>> corpus = build_corpus(text, name="tiny", vocab_size=300)
    >>> shape = ModelConfig(16, 1, 2, 32, vocab_size=300)
    >>> run = train(RunConfig(shape, tokens=4096, batch_size=4), corpus)
    >>> run.record["status"], run.record["D"], len(run.record["ptq"])
    ('finished', 4096, 7)
    """
    start = time.perf_counter()
    order = data_order(corpus, config)
    with one_thread():
        dtype = getattr(torch, config.dtype)
        model = Transformer(config.model, config.precision, config.seed)
        model.to(device=config.device, dtype=dtype)
        curve = _optimize(model, config, corpus, order, progress)
        trained = time.perf_counter() - start
        record = {**describe(config, corpus), "curve": curve}
        loss, by_source = evaluate(model, corpus)
        record |= {"loss": loss, "status": _status(loss, corpus.vocab_size)}
        record |= {f"loss_{name}": mean for name, mean in by_source.items()}
        record["ptq"] = _ptq(model, corpus) if record["status"] == "finished" else []
    record["train_seconds"] = round(trained, 2)
    record["seconds"] = round(time.perf_counter() - start, 2)
    return Run(model, record)


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


def data_order(corpus: Corpus, config: RunConfig) -> np.ndarray:
    """Starts of the training windows, in the order of use.

    Shape (steps, batch_size). Every epoch is its own random order; a window is
    used once an epoch.

    Examples
    --------
    >>> data_order(corpus, config).shape  # doctest: +SKIP
    (488, 16)
    """
    windows = (len(corpus.train) - 1) // SEQUENCE
    needed = config.steps * config.batch_size
    if needed > MAX_EPOCHS * windows:
        raise UserError(
            f"{config.tokens} tokens are more than {MAX_EPOCHS} epochs of the corpus "
            f"{corpus.name} ({windows * SEQUENCE} tokens); ask for fewer."
        )
    generator = np.random.default_rng(config.seed)
    epochs = math.ceil(needed / windows)
    order = np.concatenate([generator.permutation(windows) for _ in range(epochs)])
    return (order[:needed] * SEQUENCE).reshape(config.steps, config.batch_size)


def learning_rate(step: int, config: RunConfig) -> float:
    """Linear warmup, then a cosine from the peak to `final_lr` of it.

    Examples
    --------
    >>> config = RunConfig(ModelConfig(16, 1, 2, 32), tokens=204_800, peak_lr=1.0)
    >>> [round(learning_rate(s, config), 3) for s in (0, 9, 10, 99)]
    [0.1, 1.0, 1.0, 0.1]
    """
    warmup = max(1, round(config.warmup * config.steps))
    if step < warmup:
        return config.peak_lr * (step + 1) / warmup
    done = (step - warmup) / max(1, config.steps - 1 - warmup)
    cosine = (1 + math.cos(math.pi * done)) / 2
    return config.peak_lr * (config.final_lr + (1 - config.final_lr) * cosine)


def _optimize(
    model: Transformer,
    config: RunConfig,
    corpus: Corpus,
    order: np.ndarray,
    progress: bool,
) -> list[tuple[int, float]]:
    """Train in place; returns (tokens seen, mean training loss) along the way."""
    optimizer = _optimizer(model, config)
    offsets = np.arange(SEQUENCE + 1)
    every = max(1, config.steps // CURVE_POINTS)
    curve: list[tuple[int, float]] = []
    since = torch.zeros((), device=config.device)
    steps = tqdm(range(config.steps), disable=None if progress else True, leave=False)
    for step in steps:
        rows = corpus.train[order[step][:, None] + offsets].astype(np.int64)
        batch = torch.from_numpy(rows).to(config.device)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        loss = model(batch[:, :-1], batch[:, 1:])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
        optimizer.step()
        since += loss.detach()
        if (step + 1) % every == 0 or step + 1 == config.steps:
            seen = (step + 1) * config.tokens_per_step
            count = (step % every) + 1
            curve.append((seen, round(float(since) / count, 5)))
            since.zero_()
            if not math.isfinite(curve[-1][1]):
                break
    return curve


def _optimizer(model: Transformer, config: RunConfig) -> torch.optim.Optimizer:
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


@torch.inference_mode()
def evaluate(model: Transformer, corpus: Corpus) -> tuple[float, dict[str, float]]:
    """Mean loss on the validation tokens and on those of each source, nats per token.

    Examples
    --------
    >>> loss, by_source = evaluate(model, corpus)  # doctest: +SKIP
    """
    device = next(model.parameters()).device
    rows = torch.from_numpy(corpus.validation.astype(np.int64))
    batches: list[Tensor] = []
    for start in range(0, len(rows), EVALUATION_BATCH):
        batch = rows[start : start + EVALUATION_BATCH].to(device)
        batches.append(model.token_losses(batch).double().mean(1).cpu())
    losses = torch.cat(batches).numpy()
    by_source = {
        corpus.sources[index]: float(losses[corpus.validation_source == index].mean())
        for index in np.unique(corpus.validation_source)
    }
    return float(losses.mean()), by_source


def _ptq(model: Transformer, corpus: Corpus) -> list[dict[str, Any]]:
    rows = []
    for bits in PTQ_BITS:
        fmt = Int(bits)
        post_loss, _ = evaluate(round_to_nearest(model, fmt), corpus)
        row = {"method": "rtn", "grid": fmt.grid, "granularity": "channel"}
        rows.append({**row, "post_bits": bits, "post_loss": post_loss})
    return rows


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
    return {
        "run_id": config.run_id,
        "N": model.n_non_embedding,
        "D": config.steps * config.tokens_per_step,
        **precision.bits,
        "weight_format": precision.weights,
        "activation_format": precision.activations,
        "kv_format": precision.kv_cache,
        "weight_granularity": precision.weight_granularity,
        "activation_granularity": precision.activation_granularity,
        "kv_granularity": precision.kv_granularity,
        "seed": config.seed,
        "peak_lr": config.peak_lr,
        "batch_size": config.batch_size,
        "weight_decay": config.weight_decay,
        "d_model": model.d_model,
        "n_layers": model.n_layers,
        "n_heads": model.n_heads,
        "d_mlp": model.d_mlp,
        "extra_norm": model.extra_norm,
        **{f"params_{name}": n for name, n in model.parameters.items()},
        "corpus_digest": corpus.digest,
        "torch": torch.__version__.split("+")[0],
    }
