"""Each row of the table of files in the book, tried with a planted law."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.intake import check_runs, read_runs
from precision_lib.intake.faults import grouped
from precision_lib.laws import fit

PAGE = Path(__file__).parents[2] / "book" / "imports.md"
TRUTH = {"E": 1.8, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}
RUNS = [(n, d, 1.8 + 400 * n**-0.34 + 410 * d**-0.28)
        for n in (1e8, 2e8, 4e8) for d in (1e9, 4e9, 8e9)]  # fmt: skip
ROWS = "".join(f"{n},{d},{loss}\n" for n, d, loss in RUNS)
CSV = "N,D,loss\n" + ROWS
RECORDS = [{"N": n, "D": d, "loss": loss} for n, d, loss in RUNS]
Made = dict[str, str | bytes]  # name of a file, or of one in a folder, to its content


def steps(n: float, d: float, loss: float) -> list[dict[str, float]]:
    return [{"step": i, "D": d * i / 3, "loss": loss + (3 - i)} for i in (1, 2, 3)]


def lines(records: list) -> str:
    return "\n".join(json.dumps(record) for record in records)


def zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return data.getvalue()


def tarred() -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as packed:
        info = tarfile.TarInfo("a.csv")
        info.size = len(CSV)
        packed.addfile(info, io.BytesIO(CSV.encode()))
    return data.getvalue()


def parquet() -> bytes:
    data = io.BytesIO()
    pd.DataFrame(RECORDS).to_parquet(data)
    return data.getvalue()


def database(table: str) -> bytes:
    """As SQLite writes it, with a table."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE {table}")
    return connection.serialize()


def each(write: Callable[[int, tuple], Made]) -> list[Made]:
    whole: Made = {}
    for number, run in enumerate(RUNS):
        whole |= write(number, run)
    return [whole]


def of(name: str, *contents: str | bytes) -> list[Made]:
    return [{name: content} for content in contents]


def starting(name: str, *marks: bytes) -> list[Made]:
    return of(name, *(mark + b"\x00 rest" for mark in marks))


KINDS: dict[str, Callable[[], list[Made]]] = {
    "CSV with commas, semicolons, tabs, bars or spaces": lambda: of(
        "a.csv", *(CSV.replace(",", each) for each in (",", ";", "\t", "|", "  "))),
    "CSV with a line of title above the names": lambda: of(
        "a.csv", "My runs\n\n" + CSV, "# of March,,\n" + CSV),
    "CSV of Excel with a line `sep=;`": lambda: of(
        "a.csv", "sep=;\r\n" + CSV.replace(",", ";").replace("\n", "\r\n")),
    "CSV in UTF-8 with a byte-order mark": lambda: of("a.csv", CSV.encode("utf-8-sig")),
    "CSV in UTF-16 or UTF-32 with a byte-order mark": lambda: of(
        "a.csv", CSV.encode("utf-16"), CSV.encode("utf-32")),
    "CSV packed by gzip, bzip2 or xz": lambda: of(
        "a.csv.gz", gzip.compress(CSV.encode()), bz2.compress(CSV.encode()),
        lzma.compress(CSV.encode())),
    "zip of one file": lambda: of("a.zip", zipped(**{"a.csv": CSV})),
    "columns of widths": lambda: of(
        "a.csv", "N,D,loss,loss_gptq_w4\n" + ROWS.replace("\n", ",4\n")),
    "Parquet": lambda: of("a.parquet", parquet()),
    "JSON list": lambda: of("a.json", json.dumps(RECORDS)),
    "JSON lines": lambda: of("a.jsonl", lines(RECORDS)),
    "JSON objects behind one another": lambda: of(
        "a.json", lines(RECORDS), "\n".join(json.dumps(r, indent=1) for r in RECORDS)),
    "rows of steps with a `run_id`": lambda: of("a.jsonl", lines(
        [{"run_id": i, "N": r[0], **s}
         for i, r in enumerate(RUNS) for s in steps(*r)])),
    "folder of JSON lines": lambda: each(lambda i, r: {
        f"r/{i}.jsonl": lines([{"N": r[0]}, *steps(*r)])}),
    "folder of folders": lambda: each(lambda i, r: {
        f"r/{i}/config.json": json.dumps({"N": r[0]}),
        f"r/{i}/logs/metrics.jsonl": lines(steps(*r))}),
    "log rotated into parts": lambda: each(lambda i, r: {
        f"r/{i}/m-{10 - k}.jsonl": lines([{"N": r[0], **s}])
        for k, s in enumerate(steps(*r))}) + each(lambda i, r: {
        f"r/{i}.jsonl{end}": lines([{"N": r[0], **s}])
        for end, s in zip(("", ".1", ".2"), steps(*r)[::-1], strict=True)}),
    "run that was resumed, with a `run_id`": lambda: each(lambda i, r: {
        f"r/{i}-b.jsonl": lines([{"run_id": f"x{i}", **s} for s in steps(*r)[:2]]),
        f"r/{i}-a.jsonl": lines([{"run_id": f"x{i}", "N": r[0]}]
                                + [{"run_id": f"x{i}", **s} for s in steps(*r)[1:]])}),
    "Trainer state of transformers": lambda: each(lambda i, r: {
        f"r/{i}/checkpoint-{k}/trainer_state.json": json.dumps(
            {"N": r[0], "log_history": steps(*r)[:k]}) for k in (2, 3)}),
    "Lightning's `metrics.csv` and `hparams.yaml`": lambda: each(lambda i, r: {
        f"r/version_{i}/hparams.yaml": f"N: {r[0]}\n",
        f"r/version_{i}/metrics.csv": "step,D,train,loss\n" + "".join(
            f"{s['step']},{s['D']},,{s['loss']}\n{s['step']},,1,\n"
            for s in steps(*r))}),
    "Ray's `result.json` and `progress.csv`": lambda: each(lambda i, r: {
        f"r/t{i}/params.json": json.dumps({"N": r[0]}),
        f"r/t{i}/result.json": lines(steps(*r)),
        f"r/t{i}/progress.csv": "step,D,loss\n" + "".join(
            f"{s['step']},{s['D']},{s['loss']}\n" for s in steps(*r))}),
    "W&B's folder of offline runs": lambda: each(lambda i, r: {
        f"r/wandb/offline-run-2025_1-{i}a/files/config.yaml":
            f"N:\n  value: {r[0]}\n_wandb:\n  value: {{}}\n",
        f"r/wandb/offline-run-2025_1-{i}a/files/wandb-summary.json":
            json.dumps({"D": r[1], "loss": r[2], "_step": 9})}),
    "W&B's export of the table of runs": lambda: of(
        "a.csv", "Name,State,N,D,loss\n" + "".join(
            f"r,finished,{row}\n" for row in ROWS.split())),
    "W&B's runs as its API gives them": lambda: of(
        "a.csv", "loss,name,config\n" + "".join(
            f"{r[2]},r,\"{{'N': {r[0]}, 'D': {r[1]}}}\"\n" for r in RUNS)),
    "MLflow's `search_runs` as CSV": lambda: of(
        "a.csv", "run_id,status,params.N,params.D,metrics.loss\n" + "".join(
            f"{i},FINISHED,{row}\n" for i, row in enumerate(ROWS.split()))),
    "Optuna's `trials_dataframe` as CSV": lambda: of(
        "a.csv", "number,state,params_N,user_attrs_D,value\n" + "".join(
            f"{i},COMPLETE,{row}\n" for i, row in enumerate(ROWS.split()))),
    "W&B's export of one chart": lambda: of(
        "a.csv", "Step,r - loss,r - loss__MIN,r - loss__MAX\n1,2,2,2\n"),
    "W&B's log that was never synchronized": lambda: [
        {"r/offline/a.wandb": b"\x00W"}, {"a.wandb": b"\xffW"}],
    "TensorBoard's export of one curve": lambda: of(
        "a.csv", "Wall time,Step,Value\n1,2,3\n"),
    "TensorBoard's curves as CSV, beside a `config.json`": lambda: each(lambda i, r: {
        f"r/{i}/config.json": json.dumps({"N": r[0], "D": r[1]}),
        f"r/{i}/loss.csv": "Wall time,Step,Value\n" + "".join(
            f"1.7e9,{s['step']},{s['loss']}\n" for s in steps(*r))}),
    "TensorBoard's event files": lambda: [
        {"r/a/events.out.tfevents.1.host": b"\x00"},
        {"r/a/events.out.tfevents.1.host": b"\x00", "r/a/hparams.yaml": "N: 1e8\n"},
        {"events.out.tfevents.1.host": b"\xff"}],
    "MLflow's own store": lambda: [{"r/0/abc/meta.yaml": "status: 3\n",
                                    "r/0/abc/metrics/loss": "1 3.5 0\n"}],
    "Optuna's database": lambda: [{"a.db": database("trials (study_id INTEGER)")}],
    "MLflow's database": lambda: [{"a.db": database("runs (run_uuid TEXT)")}],
    "Excel, OpenDocument, Numbers": lambda: [
        *of("a.xlsx", zipped(**{"[Content_Types].xml": ""})), *of("a.xls", b""),
        *of("a.ods", b""), *of("a.numbers", b"")],
    "workbook named `.csv`": lambda: of("a.csv", zipped(**{"[Content_Types].xml": ""}),
                                        zipped(mimetype="")),
    "CSV in Latin-1": lambda: of("a.csv", CSV.replace("N", "é").encode("latin-1")),
    "UTF-16 without a byte-order mark": lambda: of("a.csv", CSV.encode("utf-16-le")),
    "decimal commas": lambda: of("a.csv", "N;D;loss\n1e8;1e9;3,5\n"),
    "separators of thousands": lambda: of("a.csv", 'N,D,loss\n"1,000,000",1e9,3\n'),
    "formula or error of a spreadsheet": lambda: of(
        "a.csv", "N,D,loss\n1e8,1e9,=A1\n", "N,D,loss\n1e8,1e9,#DIV/0!\n"),
    "list of losses in a cell": lambda: of(
        "a.jsonl", '{"N": 1e8, "D": 1e9, "loss": [3, 2, 1]}'),
    "two objects of the same name in JSON": lambda: of(
        "a.jsonl", '{"N": 1e8, "D": 1e9, "loss": 3, "loss": 4}'),
    "broken line of JSON": lambda: of("a.jsonl", lines(RECORDS) + '\n{"N": 1e8'),
    "packed file that is damaged": lambda: of(
        "a.csv.gz", gzip.compress(CSV.encode())[:-9], b"\x1f\x8bno", b"PK\x03\x04no"),
    "zip of several files": lambda: of("a.zip", zipped(**{"a.csv": CSV, "b.csv": CSV})),
    "archive by tar": lambda: of("a.tar.gz", tarred()),
    "Zstandard, 7-Zip, RAR": lambda: starting(
        "a.csv.zst", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!"),
    "pickle": lambda: of("a.pkl", *(pickle.dumps(RECORDS, p) for p in (2, 3, 4, 5))),
    "NumPy, HDF5, Arrow, Feather, Avro": lambda: starting(
        "a.bin", b"\x93NUMPY", b"\x89HDF", b"ARROW1", b"FEA1", b"Obj\x01"),
    "PDF, web page, XML": lambda: of("a.csv", "%PDF-1.7", "<!DOCTYPE html>",
                                     "<html><table>", "<?xml version='1.0'?>"),
    "empty file": lambda: [*of("a.csv", "", "\n\n"), *of("a.json", ""),
                           *of("a.csv.gz", gzip.compress(b""))],
    "header without rows": lambda: of("a.csv", "N,D,loss\n", "N,D,loss\n,,\n"),
    "folder without a log": lambda: [{"r/notes.txt": "a"}],
}  # fmt: skip
NAMES = {
    "TensorBoard's curves as CSV, beside a `config.json`": {"loss": "Value"},
    "MLflow's `search_runs` as CSV": {"N": "params.N", "D": "params.D",
                                      "loss": "metrics.loss"},
    "Optuna's `trials_dataframe` as CSV": {"N": "params_N", "D": "user_attrs_D",
                                           "loss": "value"},
    "W&B's runs as its API gives them": {"N": "config.N", "D": "config.D"},
}  # fmt: skip


def table() -> dict[str, tuple[str, str]]:
    rows = (
        PAGE.read_text(encoding="utf-8").split("|---|---|---|\n")[1].split("\n:::")[0]
    )
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows.split("\n")]
    return {what: (outcome, said) for what, outcome, said in cells}


def test_the_table_of_the_book_lists_what_is_tried() -> None:
    assert list(table()) == list(KINDS)


@pytest.mark.parametrize("what", KINDS)
def test_a_kind_of_file_is_read_or_refused_as_the_book_says(
    what: str, tmp_path: Path
) -> None:
    outcome, said = table()[what]
    if "pyarrow" in outcome and importlib.util.find_spec("pyarrow") is None:
        pytest.skip("pyarrow is not installed")
    for number, made in enumerate(KINDS[what]()):
        for name, content in made.items():
            path = tmp_path / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else content.encode()
            path.write_bytes(data)
        first = next(iter(made)).split("/")[0]
        names = NAMES.get(what, {})
        try:
            found = check_runs(read_runs(tmp_path / str(number) / first, names), names)
        except UserError as error:
            assert outcome == "refused" and said in str(error)
            assert "\n" not in str(error)
            continue
        sentences = list(grouped(found.faults))
        if outcome == "refused":
            assert len(sentences) == 1 and said in sentences[0]
            continue
        assert outcome.startswith("read") and not sentences
        rows = found.table[["N", "D", "loss"]].to_numpy().tolist()
        assert sorted(map(tuple, rows)) == RUNS
        law = fit(found.table, "chinchilla", starts=3)
        assert law.params == pytest.approx(TRUTH, rel=1e-3)
