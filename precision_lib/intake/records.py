"""The records that a JSON or CSV log holds, nothing of them dropped."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from precision_lib.errors import UserError
from precision_lib.intake.contents import read_text, suffix_of
from precision_lib.intake.nested import Record, Unreadable, flatten, unrolled
from precision_lib.intake.tables import open_table
from precision_lib.runs.strict_yaml import read_yaml

LINES = (".jsonl", ".ndjson")
JSON = (".json", *LINES)
TABLES = (".csv", ".tsv")
YAML = (".yaml", ".yml")
RUNS = ("runs", "trials", "results", "rows")  # names of a list of runs
WANDB_OWN = ("_wandb", "wandb_version")


def read_json(path: Path) -> Iterator[tuple[str, Any]]:
    """Each value of a JSON file with its place: of lines, of a list, or of one object.

    A value that cannot be read is given as the reason, so that all are said.

    Raises UserError if the file is no text.

    >>> from precision_lib.paths import DATA
    >>> [(place, sorted(value)[0]) for place, value in read_json(DATA / "corpus.json")]
    [('run 1', 'bytes_per_token')]
    """
    text = read_text(path)
    if suffix_of(path) in LINES:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"line {number}", _value(line)
        return
    for number, value in enumerate(_values(text), 1):
        yield f"run {number}", value


def _values(text: str) -> list[Any]:
    """Of a list, of one value, or of one value behind the other."""
    whole = _value(text)
    if isinstance(whole, Mapping):
        return _wrapped(whole)
    if not isinstance(whole, Unreadable):
        return whole if isinstance(whole, list) else [whole]
    decoder, found, at = _decoder(), [], 0
    stripped = text.rstrip()
    try:
        while at < len(stripped):
            at += len(stripped[at:]) - len(stripped[at:].lstrip())
            value, at = decoder.raw_decode(stripped, at)
            found.append(value)
    except (ValueError, RecursionError, Unreadable):
        return [whole]
    return found or [whole]


def _wrapped(whole: Mapping[str, Any]) -> list[Any]:
    """An object that holds a list of runs, with what it says of all of them."""
    for name in RUNS:
        runs = whole.get(name)
        if isinstance(runs, list) and all(isinstance(run, Mapping) for run in runs):
            head = {key: value for key, value in whole.items() if key != name}
            return [{**head, **run} for run in runs] or [whole]
    return [whole]


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_no_name_twice)


def _no_name_twice(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"names {twice!r} twice")
    return found


def _value(text: str) -> Any:
    """What the text says, or in words why it cannot be read."""
    if not text.strip():
        return Unreadable("is empty")
    try:
        return _decoder().decode(text)
    except json.JSONDecodeError as error:
        said = error.msg.lower()
        return Unreadable(f"is not JSON (line {error.lineno}: {said})")
    except RecursionError:
        return Unreadable("is nested too deeply to be a log")
    except Unreadable as error:
        return error
    except ValueError:  # an integer of thousands of digits
        return Unreadable("holds a number that is too long")


def read_log(path: Path, loss: str) -> list[Record]:
    """The records of one file of a run: its log, or what its configuration says.

    Raises UserError or Unreadable if the file is no text, or a part of it is no record.

    >>> from precision_lib.paths import DATA
    >>> list(read_log(DATA / "short" / "curves.csv", "loss")[0])
    ['run_id', 'tokens', 'training_loss']
    """
    kind = suffix_of(path)
    if kind in TABLES:
        text = io.StringIO(read_text(path), newline="")
        separator, header = open_table(text, path)
        rows = csv.reader(text, delimiter=separator, skipinitialspace=True)
        pairs = (zip(header, row, strict=False) for row in rows if any(row))
        return [{n: c.strip() for n, c in pair if c.strip()} for pair in pairs]
    if kind in YAML:
        found = read_yaml(path)
        return [flatten(found)] if isinstance(found, Mapping) else []
    records: list[Record] = []
    for place, value in read_json(path):
        at = place.replace("run", "record")
        if isinstance(value, Unreadable):
            raise Unreadable(str(value) if at == "record 1" else f"{at} {value}")
        if not isinstance(value, Mapping):
            raise Unreadable(f"holds in {at} no JSON object with names and values")
        records += unrolled(value, loss)
    if not records:
        raise Unreadable("is empty")
    return records


def wandb_records(summary: Path) -> list[Record]:
    """What W&B left of a run: its configuration, and its summary behind it.

    W&B writes each name of a configuration as ``name: {value: ...}``.

    Raises UserError or Unreadable if one of the two cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "wandb-summary.json")
    ...     _ = path.write_text('{"loss": 3.5, "_wandb": {"runtime": 3}}')
    ...     wandb_records(path)
    [{'loss': 3.5}]
    """
    records = []
    config = summary.with_name("config.yaml")
    found = read_yaml(config) if config.exists() else None
    if isinstance(found, Mapping):
        values = {
            str(name): value.get("value") if isinstance(value, Mapping) else value
            for name, value in found.items()
            if name not in WANDB_OWN
        }
        records.append(flatten(values))
    for _, value in read_json(summary):
        if isinstance(value, Unreadable):
            raise Unreadable(f"{summary.name} {value}")
        if not isinstance(value, Mapping):
            raise Unreadable(f"{summary.name} is not a JSON object")
        records.append(flatten({k: v for k, v in value.items() if k not in WANDB_OWN}))
    return records


def refused(error: Exception) -> str:
    """Why a file of a run could not be read, without its path.

    >>> refused(UserError("a/b.json: is no text; mend it."))
    'is no text; mend it'
    """
    text = str(error)
    if isinstance(error, UserError):
        text = text.split(": ", 1)[-1]
    return text.rstrip(".")
