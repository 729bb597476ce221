"""Everything that a training run depends on, and its learning-rate schedule."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args

from precision_lib.errors import UserError, check_known
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.text.corpus import SEQUENCE

Schedule = Literal["cosine", "linear", "constant", "wsd"]
Engine = Literal["auto", "eager", "compiled"]
DTYPES = ("float32", "bfloat16", "float64")
MAX_EPOCHS = 4  # over a corpus
LONG = 1e12  # operations from which compiling saves more than it takes


@dataclass(frozen=True)
class RunConfig:
    """A training run.

    Raises UserError if a value is out of range.

    >>> shape = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80)
    >>> config = RunConfig(shape, tokens=10_000, peak_lr=0.01)
    >>> config.steps, config.run_id == RunConfig(shape, tokens=10_000).run_id
    (5, True)
    """

    model: ModelConfig
    precision: Precision = field(default_factory=Precision)
    #: Training tokens asked for; the run takes the nearest whole step. Those of the run
    #: that it starts from come on top.
    tokens: int = 1_000_000
    peak_lr: float = 0.01  #: peak learning rate, reached after `warmup` of the steps
    #: What follows the warmup: "cosine" or "linear" down to `final_lr` of the peak;
    #: "constant"; or "wsd" (warmup, stable, decay), constant and then linear down over
    #: the last `decay` of the steps
    schedule: Schedule = "cosine"
    warmup: float = 0.1
    final_lr: float = 0.1
    decay: float = 0.2
    #: Share of the steps, the last ones, whose weights are averaged into the final
    #: model; 0 keeps the last weights
    averaging: float = 0.0
    sequence: int = SEQUENCE  #: tokens of a training window
    batch_size: int = 16  #: windows a step
    #: Windows that pass through the model at once; 0 is the whole batch. Where
    #: activations share a scale a tensor, they share it within a micro-batch.
    micro_batch: int = 0
    weight_decay: float = 0.1  #: on matrices; norm gains have none
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    gradient_clip: float = 1.0
    seed: int = 0  #: initial weights and order of the data
    corpus: str = "default"  #: as in `precision_lib.text.loading.load_corpus`
    #: device, dtype: of torch; the published runs are "cpu", "float32". "bfloat16"
    #: keeps float32 weights and computes under autocast.
    device: str = "cpu"
    dtype: str = "float32"
    devices: int = 1  #: processes that share each batch, one device each
    #: "compiled": the step goes through ``torch.compile``; "eager": it does not;
    #: "auto": compiled for more than 10¹² operations, if there is a compiler and no GPU
    engine: Engine = "auto"
    #: A run of the same shape, seed, corpus and sequence whose last weights and
    #: optimizer this one starts from, and whose data it goes on from; `schedule` and
    #: `warmup` are about the steps of this run alone
    start_from: RunConfig | None = None

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
        check_known("schedule", self.schedule, get_args(Schedule))
        check_known("dtype", self.dtype, DTYPES)
        if self.batch_size % (self.devices * (self.micro_batch or 1)):
            raise UserError(
                f"batch_size {self.batch_size} does not divide into micro-batches of "
                f"{self.micro_batch or 1} on {self.devices} devices."
            )
        check_known("engine", self.engine, get_args(Engine))
        self.precision.must_fit(self.model)
        for name in ("model", "seed", "corpus", "sequence", "dtype"):
            if self.start_from and getattr(self, name) != getattr(
                self.start_from, name
            ):
                raise UserError(f"a run and the one it starts from differ in {name}.")

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one batch."""
        return self.batch_size * self.sequence

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return round(self.tokens / self.tokens_per_step)

    @property
    def before(self) -> tuple[int, int]:
        """Steps and windows of the runs that this one starts from."""
        if self.start_from is None:
            return 0, 0
        steps, windows = self.start_from.before
        own = self.start_from.steps
        return steps + own, windows + own * self.start_from.batch_size

    @property
    def windows(self) -> int:
        """Windows of training text up to the end, with those of the runs before."""
        return self.before[1] + self.steps * self.batch_size

    def must_fit(self, corpus: str, tokens: int, vocab_size: int) -> None:
        """Raise a UserError if the run cannot be done on a corpus of this size.

        It must pass the tokens at most four times, and know as many kinds as the model.
        """
        if self.windows > MAX_EPOCHS * ((tokens - 1) // self.sequence):
            asked = self.before[1] * self.sequence + self.tokens
            raise UserError(
                f"{asked:,} tokens are more than {MAX_EPOCHS} epochs of the corpus "
                f"{corpus} ({tokens:,} tokens); ask for fewer."
            )
        if self.model.vocab_size != vocab_size:
            raise UserError(
                f"the corpus {corpus} has {vocab_size} kinds of token and the model of "
                f"run {self.run_id} {self.model.vocab_size}; set vocab_size."
            )

    @property
    def lane(self) -> RunConfig:
        """Equal for runs that can train side by side as lanes of one step."""
        return replace(
            self, peak_lr=1.0, seed=0, weight_decay=0.0, schedule="cosine", warmup=0.1,
            final_lr=0.1, decay=0.2, averaging=0.0, precision=self.precision.lane,
            start_from=self.start_from and self.start_from.lane,
        )  # fmt: skip

    @property
    def compiles(self) -> bool:
        """Whether the step is compiled here."""
        from precision_lib.training.compiling import can_compile  # and torch

        if self.engine == "auto":
            parameters = sum(self.model.parameters.values())
            long = 6 * parameters * self.tokens > LONG
            # On a GPU the step is one graph anyway. The search for the scale of least
            # error is too long a program.
            here = self.device != "cuda" and self.precision.scale != "mse"
            return long and here and can_compile(self.device)
        if self.engine == "compiled" and not can_compile(self.device):
            raise UserError("no step can be compiled here; take the engine 'eager'.")
        return self.engine == "compiled"

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
