"""Everything that a training run depends on, and its learning-rate schedule."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, Literal, get_args

from precision_lib.errors import UserError
from precision_lib.model.transformer import ModelConfig, Precision
from precision_lib.text.corpus import SEQUENCE

Schedule = Literal["cosine", "linear", "constant", "wsd"]
DTYPES = ("float32", "bfloat16", "float64")


@dataclass(frozen=True)
class RunConfig:
    """A training run.

    Attributes
    ----------
    model : ModelConfig
    precision : Precision
    tokens : int
        Training tokens asked for; the run takes the nearest whole step.
    peak_lr : float
        Peak learning rate, reached after `warmup` of the steps.
    schedule : str
        What follows the warmup: "cosine" or "linear" down to `final_lr` of the peak;
        "constant"; or "wsd" (warmup, stable, decay), constant and then linear down
        over the last `decay` of the steps.
    averaging : float
        Share of the steps, the last ones, whose weights are averaged into the final
        model; 0 keeps the last weights.
    sequence : int
        Tokens of a training window.
    batch_size : int
        Windows a step.
    micro_batch : int
        Windows that pass through the model at once; 0 is the whole batch. Where
        activations share a scale a tensor, they share it within a micro-batch.
    weight_decay : float
        On matrices; norm gains have none.
    seed : int
        Initial weights and order of the data.
    corpus : str
        As in `precision_lib.text.loading.load_corpus`.
    device, dtype : str
        Of torch; the published runs are "cpu", "float32". "bfloat16" keeps float32
        weights and computes under autocast.
    devices : int
        Processes that share each batch, one device each.

    Raises
    ------
    UserError
        If a value is out of range.

    Examples
    --------
    >>> shape = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80)
    >>> config = RunConfig(shape, tokens=10_000, peak_lr=0.01)
    >>> config.steps, config.run_id == RunConfig(shape, tokens=10_000).run_id
    (5, True)
    """

    model: ModelConfig
    precision: Precision = field(default_factory=Precision)
    tokens: int = 1_000_000
    peak_lr: float = 0.01
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    final_lr: float = 0.1
    decay: float = 0.2
    averaging: float = 0.0
    sequence: int = SEQUENCE
    batch_size: int = 16
    micro_batch: int = 0
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    gradient_clip: float = 1.0
    seed: int = 0
    corpus: str = "default"
    device: str = "cpu"
    dtype: str = "float32"
    devices: int = 1

    def __post_init__(self) -> None:
        if self.tokens < self.tokens_per_step or self.peak_lr <= 0:
            raise UserError(
                f"a run needs a positive peak_lr and at least {self.tokens_per_step} "
                f"tokens, not peak_lr={self.peak_lr} and tokens={self.tokens}."
            )
        for name in ("warmup", "final_lr", "decay", "averaging"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(
                    f"{name} must lie in 0 to 1, not {getattr(self, name)}."
                )
        if self.schedule not in get_args(Schedule):
            names = ", ".join(get_args(Schedule))
            raise UserError(f"unknown schedule '{self.schedule}'; one of {names}.")
        if self.dtype not in DTYPES:
            raise UserError(
                f"unknown dtype '{self.dtype}'; one of {', '.join(DTYPES)}."
            )
        if self.batch_size % (self.devices * (self.micro_batch or 1)):
            raise UserError(
                f"batch_size {self.batch_size} does not divide into micro-batches of "
                f"{self.micro_batch or 1} on {self.devices} devices."
            )

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one batch."""
        return self.batch_size * self.sequence

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return round(self.tokens / self.tokens_per_step)

    @property
    def run_id(self) -> str:
        """Hash of what differs from the defaults: equal configs have equal ids.

        A field that a later version adds leaves the ids of older runs alone.
        """
        text = json.dumps(_told(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _told(config: Any) -> dict[str, Any]:
    """Fields that differ from their defaults, nested configs likewise."""
    told = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            told[item.name] = _told(value)
        elif item.default is MISSING or value != item.default:
            told[item.name] = value
    return told


def learning_rate(step: int, config: RunConfig) -> float:
    """Learning rate of a step, counted from 0: linear warmup, then the schedule.

    Examples
    --------
    >>> config = RunConfig(ModelConfig(16, 1, 2, 32), tokens=204_800, peak_lr=1.0)
    >>> [round(learning_rate(s, config), 3) for s in (0, 9, 10, 99)]
    [0.1, 1.0, 1.0, 0.1]
    """
    warmup = max(1, round(config.warmup * config.steps))
    if step < warmup:
        return config.peak_lr * (step + 1) / warmup
    start = warmup
    if config.schedule == "wsd":
        start = max(start, config.steps - round(config.decay * config.steps))
    done = max(0.0, (step - start) / max(1, config.steps - 1 - start))
    left = {
        "cosine": (1 + math.cos(math.pi * done)) / 2,
        "linear": 1 - done,
        "wsd": 1 - done,
        "constant": 1.0,
    }[config.schedule]
    return config.peak_lr * (config.final_lr + (1 - config.final_lr) * left)
