"""Runs in full precision that go on in low precision, along one schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from precision_lib.model.config import Precision
from precision_lib.training.config import RunConfig


def two_phases(run: RunConfig, shares: Sequence[float]) -> list[RunConfig]:
    """Full precision first, that of `run` for each share of its tokens, at the end.

    Whatever the share, the rate is that of a "wsd" run of all the tokens, with the
    warmup and `decay` of `run`: quantization is switched on in its midst. Of a share of
    1 nothing is in full precision, of 0 all. The runs in full precision go on from each
    other, so that no token is trained twice on.

    Returns each run after the one that it starts from.

    >>> from precision_lib.model.shapes import SHAPES
    >>> run = RunConfig(SHAPES["24k"], Precision("int4"), tokens=2048 * 100)
    >>> [(c.precision.weights, c.steps) for c in two_phases(run, [0, 0.1, 1])]
    [('int4', 100), ('float32', 90), ('int4', 10), ('float32', 10)]
    """
    high = replace(run, precision=Precision())
    trunk: RunConfig | None = None
    found = []
    for share in sorted(shares, reverse=True):
        if share < 1:
            trunk = _piece(high, trunk, run.tokens * (1 - share))
            found.append(trunk)
        if share > 0:
            found.append(_piece(run, trunk, run.tokens))
    return found


def _piece(run: RunConfig, start: RunConfig | None, until: float) -> RunConfig:
    """The part of a run from where another ends to so many of its tokens."""
    done = start.windows * start.sequence if start else 0
    tokens, decays_from = round(until) - done, run.tokens * (1 - run.decay)
    rates = [min(1.0, (run.tokens - at) / (run.tokens - decays_from))
             for at in (done, until)]  # fmt: skip
    return replace(
        run,
        start_from=start,
        tokens=tokens,
        peak_lr=run.peak_lr * rates[0],
        schedule="wsd",
        warmup=0.0 if start else run.warmup * run.tokens / tokens,
        decay=max(0.0, min(1.0, (until - max(done, decays_from)) / tokens)),
        final_lr=rates[1] / rates[0],
    )
