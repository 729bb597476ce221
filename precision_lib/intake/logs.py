"""JSON logs and W&B's own files: what each run ended with."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from precision_lib.errors import UserError

LINES = (".jsonl", ".ndjson")
SUMMARY = "wandb-summary.json"


@dataclass(frozen=True)
class Run:
    """One run: where it stands, its values, or why it cannot be read.

    Examples
    --------
    >>> Run("a.json", {"loss": 3.5}).fault
    ''
    """

    place: str
    values: dict[str, Any] = field(default_factory=dict)
    fault: str = ""


def flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as one, names joined with points; lists are left out.

    Examples
    --------
    >>> flatten({"model": {"params": 1e6, "sizes": [1, 2]}, "loss": 3.5})
    {'model.params': 1000000.0, 'loss': 3.5}
    """
    found: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= flatten(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            found[f"{prefix}{name}"] = value
    return found


def end_of(
    records: Sequence[Mapping[str, Any]], loss: str, take: str
) -> dict[str, Any]:
    """The record at which a log ends, or has its lowest loss.

    Values of earlier records hold until they change; what only later records
    say, as a summary at the end does, is filled in.

    Examples
    --------
    >>> log = [{"N": 10, "loss": 4.0}, {"loss": 3.0}, {"loss": 3.5}, {"seconds": 9}]
    >>> end_of(log, "loss", "last")
    {'N': 10, 'loss': 3.5, 'seconds': 9}
    >>> end_of(log, "loss", "min")["loss"]
    3.0
    """
    flat = [{k: v for k, v in flatten(r).items() if v is not None} for r in records]
    with_loss = [i for i, record in enumerate(flat) if loss in record]
    at = len(flat) - 1
    if with_loss:
        at = with_loss[-1]
        if take == "min":
            at = min(with_loss, key=lambda i: _height(flat[i][loss]))
    found: dict[str, Any] = {}
    for record in flat[: at + 1]:
        found |= record
    for record in flat[at + 1 :]:
        found = {**record, **found}
    return dict(sorted(found.items(), key=lambda pair: _first(flat, pair[0])))


def _height(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else math.inf


def _first(records: Sequence[Mapping[str, Any]], name: str) -> int:
    return next(i for i, record in enumerate(records) if name in record)


def read_json(path: Path) -> list[Run]:
    """Runs of one file: a line each, an object of a list each, or the one object.

    Raises
    ------
    UserError
        The file holds no run.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "runs.json"
    >>> _ = path.write_text('[{"N": 1}, {"N": 2}]')
    >>> [run.place for run in read_json(path)]
    ['run 1', 'run 2']
    >>> folder.cleanup()
    """
    if path.suffix.lower() in LINES:
        lines = list(enumerate(_text(path).splitlines(), 1))
        runs = [_line(f"line {n}", line) for n, line in lines if line.strip()]
    else:
        whole = _json(_text(path))
        if isinstance(whole, str):
            raise UserError(f"{path}: {whole}; give one object or a list of them.")
        runs = [_run(f"run {n}", one) for n, one in enumerate(_listed(whole), 1)]
    if not runs:
        raise UserError(f"{path} holds no run; give one object a run.")
    return runs


def _listed(whole: Any) -> list[Any]:
    return whole if isinstance(whole, list) else [whole]


def _line(place: str, line: str) -> Run:
    found = _json(line)
    return Run(place, fault=found) if isinstance(found, str) else _run(place, found)


def _run(place: str, record: Any) -> Run:
    if not isinstance(record, Mapping):
        return Run(place, fault="is not a JSON object with names and values")
    return Run(place, flatten(record))


def _json(text: str) -> Any:
    """What the text says, or in words why it cannot be read."""
    if not text.strip():
        return "is empty"
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        return f"is not JSON (line {error.lineno}: {error.msg.lower()})"
    except RecursionError:
        return "is nested too deeply to be a log"
    return "is a text, not an object" if isinstance(found, str) else found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path}: this is not UTF-8 text; save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None


def read_folder(path: Path, loss: str, take: str) -> tuple[str, list[Run]]:
    """Runs of a folder, and what kind of folder it is.

    Raises
    ------
    UserError
        No file in it is a log.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = (Path(folder.name) / "a.json").write_text('{"N": 1, "loss": 3.5}')
    >>> read_folder(Path(folder.name), "loss", "last")[0]
    'folder of JSON logs, one file a run'
    >>> folder.cleanup()
    """
    summaries = sorted(path.rglob(SUMMARY))
    if summaries:
        return "folder of W&B runs", [_wandb(path, each) for each in summaries]
    files = list(_logs(path))
    if files:
        runs = [_log(each.name, [each], loss, take) for each in files]
        return "folder of JSON logs, one file a run", runs
    folders = [each for each in sorted(path.iterdir()) if each.is_dir()]
    inner = {each: list(_logs(each)) for each in folders}
    runs = [_log(each.name, logs, loss, take) for each, logs in inner.items() if logs]
    if not runs:
        raise UserError(
            f"{path}: there is no JSON log, no folder of them and no {SUMMARY} in "
            "this folder; give a folder with one file a run, or a CSV table."
        )
    return "folder of JSON logs, one folder a run", runs


def _logs(path: Path) -> Iterator[Path]:
    for each in sorted(path.iterdir()):
        if each.suffix.lower() in (".json", *LINES) and each.is_file():
            yield each


def _log(place: str, files: Sequence[Path], loss: str, take: str) -> Run:
    records: list[Mapping[str, Any]] = []
    for path in files:
        at = path.name if len(files) > 1 else ""
        try:
            found = _records(path)
        except UserError as error:
            return Run(place, fault=str(error).split(": ", 1)[-1].rstrip("."))
        if isinstance(found, str):
            return Run(place, fault=f"{at} {found}".strip())
        records += found
    return Run(place, end_of(records, loss, take))


def _records(path: Path) -> list[Mapping[str, Any]] | str:
    text = _text(path)
    if path.suffix.lower() in LINES:
        lines = [(n, line) for n, line in enumerate(text.splitlines(), 1)]
        parsed = [(n, _json(line)) for n, line in lines if line.strip()]
    else:
        whole = _json(text)
        if isinstance(whole, str):
            return whole
        parsed = list(enumerate(_listed(whole), 1))
    for number, one in parsed:
        if isinstance(one, str):
            return f"cannot be read in line {number}, which {one}"
        if not isinstance(one, Mapping):
            return f"holds in record {number} no JSON object with names and values"
    return [one for _, one in parsed] if parsed else "is empty"


def _wandb(top: Path, summary: Path) -> Run:
    """A run that W&B left on disk: its summary, with its configuration below."""
    folder = summary.parent
    folder = folder.parent if folder.name == "files" else folder
    place = folder.relative_to(top).as_posix() if folder != top else folder.name
    try:
        found = _json(_text(summary))
        config = _config(summary.with_name("config.yaml"))
    except UserError as error:
        return Run(place, fault=str(error).split(": ", 1)[-1].rstrip("."))
    if isinstance(found, str) or not isinstance(found, Mapping):
        reason = found if isinstance(found, str) else "is not a JSON object"
        return Run(place, fault=f"{SUMMARY} {reason}")
    values = flatten({k: v for k, v in found.items() if k != "_wandb"})
    return Run(place, {**flatten(config), **values})


def _config(path: Path) -> dict[str, Any]:
    """W&B writes each name as ``name: {value: ...}``."""
    if not path.exists():
        return {}
    try:
        found = yaml.safe_load(_text(path))
    except yaml.YAMLError:
        raise UserError(f"{path}: config.yaml is not YAML; mend it.") from None
    if not isinstance(found, Mapping):
        return {}
    return {
        str(name): value.get("value") if isinstance(value, Mapping) else value
        for name, value in found.items()
        if name not in ("_wandb", "wandb_version")
    }
