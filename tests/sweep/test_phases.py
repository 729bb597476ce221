"""Runs of two phases are one schedule, cut where quantization is switched on."""

from __future__ import annotations

import numpy as np
import pytest

from precision_lib.errors import UserError
from precision_lib.model.config import Precision
from precision_lib.model.shapes import SHAPES
from precision_lib.sweep.phases import two_phases
from precision_lib.sweep.plans import read_plan
from precision_lib.training.config import RunConfig, learning_rate

RUN = RunConfig(
    SHAPES["24k"], Precision("int4"), tokens=512 * 1000, batch_size=4, decay=0.2,
    warmup=0.1, final_lr=0.0, schedule="wsd",
)  # fmt: skip
SHARES = (0, 0.05, 0.1, 0.2, 0.4, 0.7, 1)


def whole(config: RunConfig | None) -> list[float]:
    """The rates of a run and of those that it starts from."""
    if config is None:
        return []
    own = [learning_rate(step, config) for step in range(config.steps)]
    return whole(config.start_from) + own


def test_every_share_has_the_rates_of_one_run() -> None:
    usual = np.array(whole(RUN))
    ends = [c for c in two_phases(RUN, SHARES) if c.windows * c.sequence == RUN.tokens]
    assert len(ends) == len(SHARES)
    for config in ends:
        rates = np.array(whole(config))
        assert len(rates) == RUN.steps
        # a piece ends at its last step, the whole a step later
        assert rates == pytest.approx(usual, abs=0.011 * RUN.peak_lr)


def test_the_low_part_has_its_share_and_the_rest_is_trained_once() -> None:
    runs = two_phases(RUN, SHARES)
    low = [c for c in runs if c.precision.weights == "int4"]
    assert [round(c.steps / 1000, 3) for c in low] == [1, 0.7, 0.4, 0.2, 0.1, 0.05]
    high = [c for c in runs if c.precision.weights == "float32"]
    assert sum(c.steps for c in high) == RUN.steps
    assert runs.index(low[2]) > runs.index(low[2].start_from)  # type: ignore[arg-type]


def test_a_plan_has_one_trunk_a_seed(tmp_path) -> None:
    path = tmp_path / "plan.yaml"
    text = """
name: a
hypothesis: b
role: ablation
sets:
  - shapes: [24k]
    tokens: [1_750_000]
    precisions: [{weights: int3}, {weights: int4}]
    rule: tuned
    low_shares: [0, 0.4, 1]
"""
    path.write_text(text)
    runs = read_plan(path).configs()
    assert [c.precision.weights for c in runs].count("float32") == 2
    assert [c.precision.weights for c in runs].count("int3") == 2
    for wrong in ("low_shares: [0.95]", "branch: 0.2\n    low_shares: [0.4]"):
        path.write_text(text.replace("low_shares: [0, 0.4, 1]", wrong))
        with pytest.raises(UserError, match=r"low_shares"):
            read_plan(path)
