"""Runs that share a trunk at a constant rate and branch off it to decay."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from precision_lib.training.config import RunConfig


def branches(runs: list[RunConfig], share: float) -> list[RunConfig]:
    """The trunk up to the longest of these runs, and a branch to each of them.

    The trunk has a constant rate after its warmup. It is cut where a branch begins and
    where it passes the D of a run, and each piece starts from the one before. A branch
    to D starts after ``1 - share`` of it and falls linearly to zero.

    Returns each after the one that it starts from.

    `runs`: equal but for `tokens`, which is those from the beginning, or of other
    models; each model has a trunk of its own.

    >>> from precision_lib.model.shapes import SHAPES
    >>> runs = [RunConfig(SHAPES["24k"], tokens=2048 * n) for n in (10, 20)]
    >>> [(c.schedule, c.windows // 16) for c in branches(runs, 0.2)]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('constant', 8), ('linear', 10), ('constant', 10), ('constant', 16),
     ('linear', 20), ('constant', 20)]
    """
    models: dict[RunConfig, list[int]] = defaultdict(list)
    for run in runs:
        models[replace(run, tokens=run.tokens_per_step)].append(run.tokens)
    found = []
    for model, lengths in models.items():
        trunk: RunConfig | None = None
        for length in sorted(lengths):
            trunk = _on(model, trunk, (1 - share) * length, schedule="constant")
            branch = _on(model, trunk, length, schedule="linear", final_lr=0.0)
            found += [trunk, branch]
            trunk = _on(model, trunk, length, schedule="constant")
            found.append(trunk)
    return found


def _on(
    model: RunConfig, start: RunConfig | None, until: float, **schedule: object
) -> RunConfig:
    """A run that goes on from another until so many tokens from the beginning."""
    done = start.windows * start.sequence if start else 0
    warmup = {} if start is None else {"warmup": 0.0}
    tokens = round(until) - done
    return replace(model, start_from=start, tokens=tokens, **warmup, **schedule)  # type: ignore[arg-type]
