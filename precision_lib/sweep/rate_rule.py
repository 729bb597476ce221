"""The tuned rule for learning rate and batch, which plans name instead of numbers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import pydantic

from precision_lib.errors import UserError
from precision_lib.paths import DATA
from precision_lib.runs.strict_yaml import read_yaml
from precision_lib.training.rate_fit import B0, D0, N0

PATH = DATA / "rate_rule.yaml"


class RateRule(pydantic.BaseModel):
    """Rate and batch as powers of N and D.

    `rate`: ``at``, the peak rate at 98k parameters, 7M tokens and 16 windows a step,
    and the exponents of ``N``, ``D`` and ``batch``; `batch`: ``at``, windows a step at
    7M tokens, and the exponent of ``D``; `schedule`, `final_lr`: as in
    `precision_lib.training.config.RunConfig`; `source`: what it was read off.

    >>> rule = read_rule()
    >>> rule.batch_size(28e6) > rule.batch_size(875e3)
    True
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    source: str
    schedule: Literal["cosine", "linear"]
    final_lr: float
    rate: dict[Literal["at", "N", "D", "batch"], float]
    batch: dict[Literal["at", "D"], float]
    intervals: dict[str, tuple[float, float]] = {}

    def batch_size(self, tokens: float, factor: float = 1.0) -> int:
        """The power of two nearest to the best batch, in windows, times a factor.

        >>> read_rule().batch_size(7e6, factor=2) == 2 * read_rule().batch_size(7e6)
        True
        """
        best = self.batch["at"] * (tokens / D0) ** self.batch["D"]
        return max(1, round(2 ** round(math.log2(best)) * factor))

    def peak_lr(self, size: float, tokens: float, batch: int) -> float:
        """The best peak rate at this batch, to three digits.

        >>> read_rule().peak_lr(98e3, 7e6, 16) == read_rule().rate["at"]
        True
        """
        rate = self.rate["at"] * (size / N0) ** self.rate["N"]
        rate *= (tokens / D0) ** self.rate["D"] * (batch / B0) ** self.rate["batch"]
        return float(f"{rate:.3g}")


def read_rule(path: Path = PATH) -> RateRule:
    """Read and check the rule.

    Raises UserError if the file is missing or a constant is.

    >>> sorted(read_rule().rate)
    ['D', 'N', 'at', 'batch']
    """
    try:
        return RateRule.model_validate(read_yaml(path))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UserError(f"{path}: {where}: {first['msg']}.") from error
