"""Nested records as flat ones, nothing of them dropped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]


class Unreadable(Exception):  # noqa: N818 - it is a finding about one run
    """Why a record or a log cannot be read, in words without a full stop."""


def flatten(record: Mapping[str, Any], prefix: str = "") -> Record:
    """Nested objects as one, names joined with points; lists stay as they are.

    >>> flatten({"model": {"params": 1e6, "sizes": [1, 2]}, "loss": 3.5})
    {'model.params': 1000000.0, 'model.sizes': [1, 2], 'loss': 3.5}
    """
    found: Record = {}
    for name, value in record.items():
        nested = isinstance(value, Mapping) and value
        inner = flatten(value, f"{prefix}{name}.") if nested else {}
        if not nested:
            inner = {f"{prefix}{name}": value}
        for key, each in inner.items():
            if key in found:
                raise Unreadable(f"names {key!r} twice")
            found[key] = each
    return found


def unrolled(record: Mapping[str, Any], loss: str) -> list[Record]:
    """A record, and behind it the log that it holds as a list of records.

    A list is such a log if one of its records has the loss, as ``log_history``
    has in the state that the Trainer of transformers saves.

    >>> unrolled({"N": 1, "log_history": [{"step": 1, "loss": 2.0}]}, "loss")
    [{'N': 1}, {'step': 1, 'loss': 2.0}]
    """
    flat = flatten(record)
    logs = {
        name: [flatten(each) for each in value]
        for name, value in flat.items()
        if isinstance(value, list)
        and value
        and all(isinstance(each, Mapping) for each in value)
    }
    logs = {name: log for name, log in logs.items() if any(loss in r for r in log)}
    if len(logs) > 1:
        names = " and ".join(map(repr, logs))
        raise Unreadable(f"has {loss!r} in several lists, {names}; keep one of them")
    head = {name: value for name, value in flat.items() if name not in logs}
    return [head, *(record for log in logs.values() for record in log)]
