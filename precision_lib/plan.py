"""A sweep as a file: YAML that expands to run configs, priced before it runs."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path

import numpy as np
import pydantic
import torch
import yaml

from precision_lib.corpus import SEQUENCE, VALIDATION_WINDOWS
from precision_lib.errors import UserError
from precision_lib.model import ModelConfig, Precision, Transformer
from precision_lib.train import PTQ_BITS, RunConfig, one_thread

# Published shapes by their N, the non-embedding parameters.
SHAPES: dict[str, ModelConfig] = {
    "24k": ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80),
    "56k": ModelConfig(d_model=48, n_layers=2, n_heads=2, d_mlp=128),
    "98k": ModelConfig(d_model=64, n_layers=2, n_heads=2, d_mlp=168),
    "156k": ModelConfig(d_model=80, n_layers=2, n_heads=2, d_mlp=216),
    "334k": ModelConfig(d_model=96, n_layers=3, n_heads=3, d_mlp=256),
}


def peak_learning_rate(n_parameters: int) -> float:
    """The tuned rule for N = `n_parameters`: 0.022 · (N / 24,000)^-0.45.

    It runs between the optima of unquantized and 2-bit-weight training in the
    sweep ``data/plans/learning_rate.yaml``.

    Examples
    --------
    >>> round(peak_learning_rate(334_000), 4)
    0.0067
    """
    return float(0.022 * (n_parameters / 24_000) ** -0.45)


class Set(pydantic.BaseModel):
    """A grid of runs: every shape × tokens × precision × seed × learning rate."""

    model_config = pydantic.ConfigDict(extra="forbid")
    shapes: list[str]
    tokens: list[pydantic.PositiveInt]
    precisions: list[dict[str, str]] = [{}]
    seeds: list[pydantic.NonNegativeInt] = [0]
    peak_lr: list[pydantic.PositiveFloat] | None = None

    def configs(self) -> list[RunConfig]:
        """The runs of this grid."""
        grid = product(self.tokens, self.shapes, self.precisions, self.seeds)
        runs = []
        for tokens, shape, precision, seed in grid:
            model = SHAPES[shape]
            rule = [round(peak_learning_rate(model.n_non_embedding), 5)]
            runs += [
                RunConfig(model, Precision(**precision), tokens, rate, seed=seed)
                for rate in self.peak_lr or rule
            ]
        return runs


class Plan(pydantic.BaseModel):
    """A named sweep with the hypothesis that it tests.

    Examples
    --------
    >>> plan = Plan(name="a", hypothesis="b", sets=[Set(shapes=["24k"], tokens=[9999])])
    >>> plan.configs()[0].tokens
    9999
    """

    model_config = pydantic.ConfigDict(extra="forbid")
    name: str
    hypothesis: str
    sets: list[Set]

    def configs(self) -> list[RunConfig]:
        """All runs, each once, in the order of the file."""
        runs = [config for grid in self.sets for config in grid.configs()]
        return list({config.run_id: config for config in runs}.values())


def read_plan(path: Path) -> Plan:
    """Read and check a plan file.

    Raises
    ------
    UserError
        If the file is missing or not a plan: an unknown key, shape, format or
        keyword, or a number out of range.

    Examples
    --------
    >>> read_plan(Path("data/plans/first.yaml")).name  # doctest: +SKIP
    'first'
    """
    try:
        plan = Plan.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        plan.configs()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{path}: {where}: {first['msg']}.") from error
    except KeyError as error:
        known = ", ".join(SHAPES)
        raise UserError(f"{path}: unknown shape {error}; one of {known}.") from error
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: {error}") from error
    return plan


def price(configs: list[RunConfig], steps: int = 8) -> float:
    """Core-hours the runs will take on this machine, measured by a few steps each.

    Each distinct model and precision is timed on made-up tokens, training and
    evaluation apart, on one thread.

    Examples
    --------
    >>> 0 < price([RunConfig(SHAPES["24k"], tokens=100_000)], steps=1) < 1
    True
    """
    seconds = 0.0
    timed: dict[tuple[ModelConfig, Precision], tuple[float, float]] = {}
    for config in configs:
        key = (config.model, config.precision)
        if key not in timed:
            timed[key] = _time_steps(config, steps)
        train, forward = timed[key]
        evaluations = (len(PTQ_BITS) + 1) * VALIDATION_WINDOWS / config.batch_size
        seconds += config.steps * train + evaluations * forward
    return seconds / 3600


def _time_steps(config: RunConfig, steps: int) -> tuple[float, float]:
    """Seconds of a training step and of a forward pass over one batch."""
    generator = np.random.default_rng(0)
    shape = (config.batch_size, SEQUENCE + 1)
    batch = torch.from_numpy(generator.integers(0, config.model.vocab_size, shape))
    model = Transformer(config.model, config.precision)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        optimizer.zero_grad()
        model(batch[:, :-1], batch[:, 1:]).backward()
        optimizer.step()

    with one_thread():
        step()
        times = []
        for work in (step, lambda: model.token_losses(batch)):
            start = time.perf_counter()
            for _ in range(steps):
                work()
            times.append((time.perf_counter() - start) / steps)
    return times[0], times[1]
