"""Which runs of a plan are to be done, and which of them side by side."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from precision_lib.sweep.records import finished_ids
from precision_lib.training.config import RunConfig
from precision_lib.training.replay import FULL


def lanes_at_once(config: RunConfig) -> int:
    """How many runs of this kind are fastest together.

    On a GPU as many as fill it. On a processor one: there a compiled step gains
    nothing from lanes and an eager one with lanes stays behind it (the numbers are in
    benchmarks/README.md), and a run alone repeats to the bit.

    >>> from dataclasses import replace
    >>> from precision_lib.model.shapes import SHAPES
    >>> config = RunConfig(SHAPES["24k"])
    >>> lanes_at_once(config), lanes_at_once(replace(config, device="cuda"))
    (1, 128)
    """
    if config.device.partition(":")[0] != "cuda" or config.devices > 1:
        return 1
    return max(1, FULL // (config.tokens_per_step * config.model.d_model))


def with_starts(configs: Iterable[RunConfig], states: Path) -> list[RunConfig]:
    """The runs, each once, and before them those whose last state they need.

    `states`: folder of ``<run_id>.state`` of those that need not be trained again.

    >>> from precision_lib.model.shapes import SHAPES
    >>> trunk = RunConfig(SHAPES["24k"], schedule="constant")
    >>> branch = RunConfig(SHAPES["24k"], start_from=trunk)
    >>> with_starts([branch], Path("none")) == [trunk, branch]
    True
    """
    found: dict[str, RunConfig] = {}
    for config in configs:
        start = config.start_from
        if start is not None and not (states / f"{start.run_id}.state").exists():
            found |= {c.run_id: c for c in with_starts([start], states)}
        found[config.run_id] = config
    return list(found.values())


def open_runs(configs: list[RunConfig], out: Path, data: Path) -> list[RunConfig]:
    """Those that are not done, and what they start from where its state is gone.

    `out`, `data`: folders of the records and of ``runs.csv``.

    >>> open_runs([], Path("none"), Path("nor this"))
    []
    """
    done = finished_ids(out, data)
    return with_starts((c for c in configs if c.run_id not in done), out)
