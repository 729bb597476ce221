"""The runs of a folder of logs: which files are of one run, and what was not read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.contents import suffix_of
from precision_lib.intake.curves import Take, ends_of
from precision_lib.intake.faults import Fault, listed
from precision_lib.intake.nested import Record, Unreadable
from precision_lib.intake.raw import RawRuns
from precision_lib.intake.records import (
    JSON,
    TABLES,
    YAML,
    read_log,
    refused,
    wandb_records,
)
from precision_lib.intake.roles import OWN_IDS, roles

SUMMARY = "wandb-summary.json"
OF_A_RUN = re.compile(  # folders within the folder of a run
    r"(checkpoint|ckpt|step)[-_]?\d*|logs?|metrics?|results?|eval\w*|val\w*|train\w*"
    r"|test\w*|files|media",
    re.IGNORECASE,
)
NO_LOG = re.compile(  # what stands beside the logs of a model
    r"tokenizer.*|vocab|merges|special_tokens_map|added_tokens|generation_config"
    r"|preprocessor_config|.*\.index|wandb-metadata",
    re.IGNORECASE,
)
STORES = (  # a file of a tracker's own store, its name, what to do
    ("events.out.tfevents*", "TensorBoard's event files are",
     "export the scalars of each run as CSV into a folder of its own"),
    ("meta.yaml", "MLflow's own store is",
     "export its runs with mlflow.search_runs().to_csv('runs.csv')"),
    ("*.wandb", "W&B's log of a run that was never synchronized is",
     "synchronize it and export the table of runs as CSV"),
)  # fmt: skip


@dataclass
class Log:
    """The files of one run: where it stands, and what they hold."""

    place: str  #: within the folder
    #: Each record with the name of its file
    records: list[tuple[Record, str]] = field(default_factory=list)
    fault: str = ""  #: why the run cannot be read; empty if it can

    @property
    def header(self) -> list[str]:
        """Every name that a record has."""
        return list(dict.fromkeys(name for r, _ in self.records for name in r))


def read_folder(path: Path, columns: Mapping[str, str], take: Take) -> RawRuns:
    """The runs of a folder of logs, or of W&B's folder.

    A file is a run, or a folder is, with all the files in it. Files that name the
    same run_id are parts of one run.

    Raises UserError if no file in it is a log.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.json").write_text('{"N": 1, "loss": 3.5}')
    ...     found = read_folder(Path(folder), {}, "last")
    >>> found.kind, found.places
    ('folder of logs, one file a run', ('a.json',))
    """
    loss = columns.get("loss", "loss")
    summaries = sorted(path.rglob(SUMMARY))
    files = [each for each in _files(path) if not NO_LOG.fullmatch(each.stem)]
    logs = [each for each in files if suffix_of(each) in (*JSON, *TABLES)]
    if summaries:
        kind, own = "folder of W&B runs", {each: [each] for each in summaries}
    elif any(each.parent == path for each in logs):
        kind = "folder of logs, one file a run"
        own = _parts([each for each in logs if each.parent == path])
    else:
        kind, own = "folder of logs, one folder a run", _folders(path, files)
        own = {run: of for run, of in own.items() if set(of) & set(logs)}
    _require(path, own)
    found = [_read(_place(path, run), of, loss, path) for run, of in own.items()]
    read = {each for of in own.values() for each in of}
    left = [each for each in _files(path) if each not in read]
    remarks = []
    if left and not summaries:
        names = listed(list(dict.fromkeys(each.name for each in left)), 5)
        remarks.append(f"Read {len(read)} files; not read: {len(left)}, {names}.")
    return summed(str(path), kind, _joined(found), columns, take, remarks)


def _files(path: Path) -> list[Path]:
    found = [each for each in path.rglob("*") if each.is_file()]
    hidden = [each for each in found if not any(
        part.startswith(".") for part in each.relative_to(path).parts)]  # fmt: skip
    return sorted(hidden, key=natural)


def natural(path: Path) -> list[tuple[int, str]]:
    """An order in which log-2 comes before log-10.

    >>> natural(Path("log-10")) > natural(Path("log-2"))
    True
    """
    parts = re.split(r"(\d+)", path.as_posix())
    return [(int(p), "") if p.isdecimal() else (0, p) for p in parts]


def _parts(files: list[Path]) -> dict[Path, list[Path]]:
    """A file that was rotated away, as a.jsonl.1, belongs to a.jsonl."""
    own: dict[Path, list[Path]] = {}
    for each in files:
        name = re.sub(r"(\.jsonl|\.ndjson|\.json)\.\d+", r"\1", each.name)
        own.setdefault(each.with_name(name), []).append(each)
    return own


def _folders(top: Path, files: list[Path]) -> dict[Path, list[Path]]:
    own: dict[Path, list[Path]] = {}
    for each in files:
        if suffix_of(each) not in (*JSON, *TABLES, *YAML):
            continue
        run = each.parent
        while run.parent != top and run != top and OF_A_RUN.fullmatch(run.name):
            run = run.parent
        own.setdefault(run, []).append(each)
    return own


def _place(top: Path, run: Path) -> str:
    if run.name == SUMMARY:
        run = run.parent.parent if run.parent.name == "files" else run.parent
    return run.relative_to(top).as_posix() if run != top else run.name


def refuse_stores(path: Path) -> None:
    """Refuse a file or folder of a tracker's own store.

    Raises UserError: it is one; it says what to export instead.

    >>> refuse_stores(Path("runs.csv"))
    """
    for pattern, what, cure in STORES:
        if path.match(pattern) or (path.is_dir() and next(path.rglob(pattern), None)):
            raise UserError(f"{path}: {what} not read; {cure}.")


def _require(path: Path, own: Mapping[Path, list[Path]]) -> None:
    if any(suffix_of(each) not in YAML for files in own.values() for each in files):
        return
    refuse_stores(path)
    if own:
        return
    seen = listed([each.name for each in _files(path)], 5)
    raise UserError(
        f"{path}: there is no JSON log, no CSV log, no folder of them and no "
        f"{SUMMARY} in this folder, which holds {seen}; give a folder with one file "
        "a run, or a CSV table."
    )


def _read(place: str, files: list[Path], loss: str, top: Path) -> Log:
    log = Log(place)
    for path in files:
        at = path.name if len(files) > 1 else ""
        try:
            records = (
                wandb_records(path) if path.name == SUMMARY else read_log(path, loss)
            )
        except (UserError, Unreadable) as error:
            log.fault = f"{at} {refused(error)}".strip()
            return log
        log.records += [(each, path.stem) for each in records]
    if files[0].name == SUMMARY:  # a run that was resumed has several folders
        name = re.fullmatch(r"(?:offline-)?run-\d+_\d+-(\w+)", Path(place).name)
        log.records += [({"run_id": name[1]}, "")] if name else []
    return log


def _joined(logs: list[Log]) -> Iterator[Log]:
    """Runs by the name that their records say, else by their files."""
    runs: dict[str, Log] = {}
    for log in logs:
        column = roles(log.header, {}).get("run", "")
        said = [str(r[column]) for r, _ in log.records if r.get(column) is not None]
        names = list(dict.fromkeys(said))
        own = column.lower().endswith(OWN_IDS) or column.lower() in ("run id",)
        if log.fault or not names or (len(names) == 1 and not own):
            runs[f"/{log.place}"] = log
            continue
        current = names[0]
        for record, file in log.records:
            current = str(record.get(column, current))
            place = current if len(names) > 1 else log.place
            run = runs.setdefault(current, Log(place))
            run.records.append((record, file))
    yield from runs.values()


def summed(
    source: str,
    kind: str,
    logs: Iterator[Log],
    columns: Mapping[str, str],
    take: Take,
    remarks: Sequence[str] = (),
    table: bool = False,
) -> RawRuns:
    """Rows and faults of the logs, and what was chosen, said once.

    >>> log = Log("a.jsonl", [({"N": 1, "loss": 3.5}, "a")])
    >>> summed("a", "logs", iter([log]), {}, "last").frame.to_dict("records")
    [{'N': 1, 'loss': 3.5}]
    """
    found: list[tuple[str, Record]] = []
    faults: list[Fault] = []
    chosen: Counter[str] = Counter()
    for log in logs:
        names = {**roles(log.header, columns), **columns}
        try:
            if log.fault:
                raise Unreadable(log.fault)
            rows, remark = ends_of(log.records, names, take, table)
        except Unreadable as error:
            cure = "mend or remove it"
            what, _, said = str(error).partition("; ")
            faults.append(Fault(log.place, "", "", what, said or cure))
            continue
        found += [(log.place, row) for row in rows]
        chosen.update([remark] if remark else [])
    rows = [row for _, row in found]
    columns_read = tuple(dict.fromkeys(name for row in rows for name in row))
    frame = pd.DataFrame(
        {name: [row.get(name) for row in rows] for name in columns_read},
        dtype=object,
        index=range(len(rows)),
    )
    told = [f"In {count} runs {remark}." for remark, count in chosen.items()]
    places = tuple(place for place, _ in found)
    return RawRuns(
        source, kind, frame, places, columns_read, tuple(faults), (*remarks, *told)
    )
