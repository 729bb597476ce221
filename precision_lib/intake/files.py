"""A reader's runs as they stand in files: a table, JSON logs or a tracker's export.

Nothing is checked here beyond what reading needs; a run that cannot be read
becomes a fault beside the others, so that all faults are said at once.

=========================== ==============================================
source                      what a run is
=========================== ==============================================
CSV or Parquet file         a row; also exports of W&B, MLflow, Optuna, Ray
JSON file                   an object of a list, of a line, or the one object
folder with logs            a file, as JSON, JSON lines or CSV
folder of folders           a folder, with all the logs in it
folder of W&B               a ``wandb-summary.json``, with its config.yaml
=========================== ==============================================
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path

from precision_lib.errors import UserError
from precision_lib.intake.cells import KNOWN
from precision_lib.intake.contents import read_text, suffix_of
from precision_lib.intake.curves import SETTINGS, Take, steps_vary
from precision_lib.intake.folders import Log, read_folder, refuse_stores, summed
from precision_lib.intake.nested import Record, Unreadable, unrolled
from precision_lib.intake.raw import RawRuns
from precision_lib.intake.records import JSON, read_json
from precision_lib.intake.roles import OWN_IDS, plain, roles
from precision_lib.intake.tables import read_csv, read_parquet
from precision_lib.intake.wide import is_of_a_width

PARQUET = (".parquet", ".pq")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")


def read_runs(
    source: str | Path,
    columns: Mapping[str, str] | None = None,
    take: Take = "last",
    also: Collection[str] | None = None,
) -> RawRuns:
    """Read a table of runs, a file or folder of logs, or a tracker's export.

    A file may be packed by gzip, bzip2, xz or zip. Rows of one ``run_id`` that
    differ in their step are a curve: the run is its end.

    Raises UserError if the source is missing, is of no known kind or cannot be read at
    all.

    `source`: a file or a folder; `columns`: our name to the file's; besides the columns
    of laws, ``run``, ``step``, ``split`` and ``state``. `take`: of a curve its end, the
    record with the lowest loss, or every record; `also`: columns that are read besides
    those a law can use; all by default.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "a.jsonl"
    ...     _ = path.write_text('{"params": 1e6}\\n{"step": 1, "loss": 4.0}\\n'
    ...                         '{"step": 2, "loss": 3.5}\\n')
    ...     runs = read_runs(folder)
    >>> runs.places, runs.frame.iloc[0].to_dict()
    (('a.jsonl',), {'params': 1000000.0, 'step': 2, 'loss': 3.5})
    """
    path, columns = Path(source), dict(columns or {})
    if not path.exists():
        raise UserError(f"{path}: there is no such file or folder; check the path.")
    if path.is_dir():
        return read_folder(path, columns, take)
    refuse_stores(path)
    kind = suffix_of(path)
    if kind in SPREADSHEETS:
        raise UserError(f"{path}: spreadsheets are not read; save it as CSV in UTF-8.")
    if kind in PARQUET:
        raw = read_parquet(path)
    elif kind in JSON or (not kind and read_text(path).lstrip()[:1] in ("{", "[")):
        raw = _json(path, columns, take)
    else:
        raw = read_csv(path, None if also is None else _keep(columns, also))
    return _runs_of_rows(raw, columns, take)


def _keep(columns: Mapping[str, str], also: Collection[str]) -> Callable[[str], bool]:
    """Whether a column of a CSV is needed; tables may have millions of cells."""
    named = {*columns.values(), *also, *KNOWN}
    named |= {name.split(".")[0] for name in named}
    spelled = {plain(name) for name in also}
    stars = tuple(v.partition("*")[0] for v in columns.values() if "*" in v)

    def needed(name: str) -> bool:
        known = name in named or name.startswith(stars) or is_of_a_width(name)
        return known or plain(name) in spelled or bool(roles([name], {}))

    return needed


def _json(path: Path, columns: Mapping[str, str], take: Take) -> RawRuns:
    logs, loss = [], columns.get("loss", "loss")
    for place, value in read_json(path):
        log = Log(place)
        try:
            if isinstance(value, Unreadable):
                raise value
            if not isinstance(value, Mapping):
                raise Unreadable("is not a JSON object with names and values")
            log.records = [(record, "") for record in unrolled(value, loss)]
        except Unreadable as error:
            log.fault = str(error)
        logs.append(log)
    if not logs:
        raise UserError(f"{path} holds no run; give one object a run.")
    if len(logs) == 1 and logs[0].fault:
        raise UserError(f"{path}: {logs[0].fault}; give one object a run.")
    return summed(str(path), "JSON file", iter(logs), columns, take)


def _runs_of_rows(raw: RawRuns, columns: Mapping[str, str], take: Take) -> RawRuns:
    """One row a run, where rows that name the same run are steps of a curve."""
    names = {**roles(raw.header, columns), **columns}
    run, step = names.get("run", ""), names.get("step", "")
    table = raw.frame
    same = [names.get(name, name) for name in ("seed", *SETTINGS)]
    same = [run, *dict.fromkeys(name for name in same if name in table)]
    if take == "all" or run not in table:
        return raw
    widths = [n for n in (names.get("post_bits", "post_bits"),) if n in table]
    if not table[[*same, *widths]].astype(str).duplicated().any():
        return raw
    if "run" not in columns and not step and plain(run) not in OWN_IDS:
        remark = (
            f"Column {run!r} repeats, and no column says the step: every row counts "
            "as a run."
        )
        return replace(raw, remarks=(*raw.remarks, remark))
    rows: list[Record] = table.to_dict("records")  # type: ignore[assignment]
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(tuple(str(row[name]) for name in same), []).append(number)
    bad = {fault.row for fault in raw.faults}
    logs, curves = [], []
    for key, of in groups.items():
        records = {i: _given(rows[i], names) for i in of if i not in bad}
        if len(records) > 1 and steps_vary(list(records.values()), names):
            curves.append(len(records))
            logs.append(Log(f"run {key[0]}", [(r, "") for r in records.values()]))
        else:
            logs += [Log(raw.places[i], [(r, "")]) for i, r in records.items()]
    if not curves:
        return raw
    collapsed = summed(raw.source, raw.kind, iter(logs), names, take, table=True)
    dropped = [replace(fault, row=-1) for fault in raw.faults]
    remark = (
        f"Column {run!r} repeats: {sum(curves)} rows are steps of {len(curves)} runs, "
        f"and each run is its {'lowest loss' if take == 'min' else 'end'}."
    )
    return replace(
        collapsed,
        frame=collapsed.frame.reindex(columns=list(table.columns)),
        header=raw.header,
        faults=(*dropped, *collapsed.faults),
        remarks=(*raw.remarks, remark, *collapsed.remarks),
    )


def _given(row: Record, names: Mapping[str, str]) -> Record:
    """A row as a record: an empty cell is not there, but a loss may be null."""
    loss = names.get("loss", "loss")
    return {
        name: None if name == loss and value == "" else value
        for name, value in row.items()
        if name == loss or not (value is None or value == "")
    }
