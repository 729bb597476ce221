"""Generated tables and folders of logs: the rows that are right, or what is wrong.

Each is made from runs that are known, in a spelling drawn at random, with cells and
runs spoiled at random. A run that was spoiled never becomes numbers; the others come
back as they were; nothing ends in anything but faults or one sentence.

    INTAKE_TABLES=10000 INTAKE_FOLDERS=1000 pytest tests/intake/test_generated.py
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from precision_lib.errors import UserError
from precision_lib.intake import Units, check_runs, read_runs

TABLES = int(os.environ.get("INTAKE_TABLES", "60"))
FOLDERS = int(os.environ.get("INTAKE_FOLDERS", "20"))

SIZE = st.floats(1e3, 1e13).map(lambda x: float(f"{x:.4g}"))
LOSS = st.floats(0.01, 30.0)
BITS = st.sampled_from([2, 3, 4, 6, 8, 16])
UNIT = {"": 1, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, "m": 1e6, " B": 1e9}
SPELLED = {  # what a number of bits may be called
    "{}": range(1, 33), "{}.0": range(1, 33), "int{}": range(1, 33),
    "INT{}": range(1, 33), "w{}": range(1, 33), "W{}A16": range(1, 17),
    "{}-bit": range(1, 33), "{} bits": range(1, 33), "fp{}": (4, 8, 16, 32),
    "bf{}": (16,), "nf{}": (4,), "float{}": (16, 32), "fp{}_e4m3": (8,),
}  # fmt: skip
SPOILED = ["x", "1,5", "1.234,5", "1_000", "True", "-3", "0", "inf", "-inf", "nan",
           "", "null", "n/a", "#DIV/0!", "=A1", "5%", "12 GB", "1e400", "0x10", "2 3",
           "[1, 2]", "--", "1e5 tokens", "\u22125"]  # fmt: skip
UNFINISHED = ["crashed", "RUNNING", "failed", "PRUNED", "killed", "who knows", ""]
PLAIN = {"N": "N", "D": "D", "loss": "loss", "weight_bits": "weight_bits"}
OTHER = {"N": "model/params", "D": "train tokens", "loss": "val, loss",
         "weight_bits": "precision"}  # fmt: skip
PACK = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@st.composite
def size(draw: Any) -> tuple[str, float]:
    value = draw(SIZE)
    unit = draw(st.sampled_from(list(UNIT)))
    text = draw(st.sampled_from(["{!r}", "{:.12e}", "{:.17g}"]))
    cell = text.format(value / UNIT[unit])
    if unit and ("e" in cell):
        return repr(value), value
    return cell + unit, float(cell) * UNIT[unit]


@st.composite
def bits(draw: Any) -> tuple[str, float]:
    value = draw(BITS)
    names = [name for name, widths in SPELLED.items() if value in widths]
    return draw(st.sampled_from(names)).format(value), float(value)


@st.composite
def row(draw: Any) -> tuple[dict[str, str], tuple[float, ...] | None]:
    """The cells of a row, and its numbers unless it was spoiled."""
    n, d, width = draw(size()), draw(size()), draw(bits())
    loss = draw(LOSS)
    cells = {"N": n[0], "D": d[0], "loss": repr(loss), "weight_bits": width[0]}
    cells["state"] = draw(st.sampled_from(["finished", "COMPLETE", "Done", "success"]))
    truth: tuple[float, ...] | None = (n[1], d[1], loss, width[1])
    if draw(st.integers(0, 4)) == 0:
        where = draw(st.sampled_from(["N", "D", "loss", "weight_bits", "state"]))
        wrong = UNFINISHED if where == "state" else SPOILED
        cells[where] = draw(st.sampled_from(wrong))
        truth = None
    return cells, truth


def same(found: Any, expected: list[tuple[float, ...]]) -> None:
    rows = found.to_numpy(dtype=float).tolist() if len(found) else []
    assert len(rows) == len(expected)
    for one, other in zip(rows, expected, strict=True):
        assert one == pytest.approx(other, rel=1e-12)


@settings(max_examples=TABLES, deadline=None)
@given(
    rows=st.lists(row(), min_size=1, max_size=6),
    separator=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    packed=st.sampled_from(list(PACK)),
    head=st.sampled_from(["", "\n", "sep="]),
    names=st.sampled_from([PLAIN, OTHER]),
    kind=st.sampled_from(["csv", "jsonl", "json"]),
    units=st.sampled_from(["nats", "bits"]),
    order=st.permutations(["N", "D", "loss", "weight_bits", "state", "note"]),
)
def test_a_table_gives_its_good_rows_and_names_the_others(
    rows, separator, end, encoding, packed, head, names, kind, units, order
) -> None:
    header = [names.get(name, name) for name in order]
    records = [
        {names.get(name, name): cells.get(name, "a; b,\tc") for name in order}
        for cells, _ in rows
    ]
    if kind == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, header, delimiter=separator, lineterminator=end)
        writer.writeheader()
        writer.writerows(records)
        body = (f"sep={separator}{end}" if head == "sep=" else head) + text.getvalue()
    elif kind == "jsonl":
        body = end.join(json.dumps(record, ensure_ascii=False) for record in records)
    else:
        body = json.dumps(records, indent=1)
    factor = math.log(2) if units == "bits" else 1.0
    expected = [(t[0], t[1], t[2] * factor, t[3]) for _, t in rows if t]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"runs.{kind}{packed}")
        path.write_bytes(PACK[packed](body.encode(encoding)))
        mapping = names if names is OTHER else {}
        found = check_runs(read_runs(path, mapping), mapping, Units(loss=units))
    same(found.table[["N", "D", "loss", "weight_bits"]], expected)
    bad = [number for number, (_, truth) in enumerate(rows) if truth is None]
    assert sorted({fault.row for fault in found.faults}) == bad
    assert all("\n" not in fault.sentence for fault in found.faults)


@settings(max_examples=TABLES, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([*SPOILED, "1e6", "N", "D", "loss", "a"]),
                      max_size=5), max_size=5),
    st.binary(max_size=60),
    st.sampled_from(["runs.csv", "runs.json", "runs.jsonl", "runs.csv.gz", "runs",
                     "t/a.json", "t/b.csv", "t/r/a.jsonl", "t/r/hparams.yaml",
                     "t/wandb-summary.json"]),
)  # fmt: skip
def test_anything_ends_in_positive_numbers_or_in_one_sentence(
    lines, content, name
) -> None:
    text = "\n".join(",".join(line) for line in lines).encode()
    for data in (text, content, b"N,D,loss\n" + content, b'{"N": ' + content + b"}"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            whole = Path(folder, "t") if name.startswith("t/") else path
            try:
                found = check_runs(read_runs(whole))
            except UserError as error:
                assert "\n" not in str(error) and str(whole) in str(error)
                continue
        numbers = found.table[["N", "D", "loss"]].to_numpy(dtype=float)
        assert ((numbers > 0) & (numbers < math.inf)).all()


@st.composite
def log(draw: Any) -> tuple[list[dict[str, Any]], dict[str, Any], tuple | None]:
    """The records of a run, what is known of all of it, and its end unless spoiled."""
    n, d, steps = draw(SIZE), draw(SIZE), draw(st.integers(1, 6))
    losses = draw(st.lists(LOSS, min_size=steps, max_size=steps))
    records: list[dict[str, Any]] = [
        {"step": 10 * (i + 1), "D": d * (i + 1) / steps, "loss": losses[i]}
        for i in range(steps)
    ]
    truth: tuple[float, ...] | None = (n, records[-1]["D"], losses[-1])
    head = {"N": n, "state": "finished", "note": ["a", "list"]}
    faults = ["null", "nan", "list", "state", "N", "two sizes", "text", "inf"]
    spoiled = draw(st.sampled_from([""] * 6 + faults))
    last = records[-1]
    if spoiled in ("null", "nan", "list", "text", "inf"):
        last["loss"] = {"null": None, "nan": math.nan, "list": [1.0], "text": "x",
                        "inf": math.inf}[spoiled]  # fmt: skip
    elif spoiled == "state":
        head["state"] = draw(st.sampled_from(UNFINISHED))
    elif spoiled == "N":
        head["N"] = draw(st.sampled_from([None, -1, "many", [1]]))
    elif spoiled == "two sizes":
        records[-1]["N"] = 2 * n
    return records, head, None if spoiled else truth


def written(folder: Path, number: int, records: list, head: dict, how: dict) -> None:
    """One run as files."""
    lines = [json.dumps(record) for record in records]
    config = json.dumps(head)
    run = folder / f"run-{number}"
    if how["layout"] == "file":
        run.with_suffix(".jsonl").write_text("\n".join([config, *lines]))
    elif how["layout"] == "list":
        run.with_suffix(".json").write_text(f"[{', '.join([config, *lines])}]")
    elif how["layout"] == "history":
        whole = {**head, "log_history": records}
        run.with_suffix(".json").write_text(json.dumps(whole))
    elif how["layout"] == "folder":
        run.mkdir()
        (run / "config.json").write_text(json.dumps({"model": {}, **head}))
        (run / "metrics.jsonl").write_text("\n".join(lines))
    elif how["layout"] == "rotated":
        run.mkdir()
        (run / "config.json").write_text(config)
        for part, line in enumerate(lines, 1):
            (run / f"log-{part}.jsonl").write_text(line)
    elif how["layout"] == "resumed":
        named = [json.dumps({**json.loads(x), "run_id": f"r{number}"}) for x in lines]
        first = json.dumps({**head, "run_id": f"r{number}"})
        cut = how["cut"] % (len(named) + 1)
        (folder / f"{number}a.jsonl").write_text("\n".join(named[cut:] or [first]))
        (folder / f"{number}b.jsonl").write_text("\n".join([first, *named[: cut + 1]]))
    else:
        run.mkdir()
        (run / "config.json").write_text(config)
        (run / "eval.jsonl").write_text("\n".join(lines))
        train = [{"step": r["step"], "loss": 0.001} for r in records]
        (run / "train.jsonl").write_text("\n".join(map(json.dumps, train)))


@settings(max_examples=FOLDERS, deadline=None)
@given(
    logs=st.lists(log(), min_size=1, max_size=5),
    layout=st.sampled_from(
        ["file", "list", "history", "folder", "rotated", "resumed", "split"]
    ),  # fmt: skip
    cut=st.integers(0, 6),
    shuffled=st.randoms(use_true_random=False),
    strangers=st.booleans(),
)
def test_a_folder_gives_the_end_of_its_good_runs_and_names_the_others(
    logs, layout, cut, shuffled, strangers
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (records, head, _) in enumerate(logs):
            order = list(records)
            if layout != "resumed":
                shuffled.shuffle(order)  # an end is an end by its step
            written(folder, number, order, head, {"layout": layout, "cut": cut})
        if strangers:
            (folder / "notes.txt").write_text("not a log")
        found = check_runs(read_runs(folder))
    expected = [truth for _, _, truth in logs if truth]
    same(found.table[["N", "D", "loss"]].sort_values(["N", "D", "loss"]),
         sorted(expected))  # fmt: skip
    assert found.bad_rows == len(logs) - len(expected)
    assert all("\n" not in fault.sentence for fault in found.faults)
    assert strangers == any("not read: 1, 'notes.txt'" in r for r in found.remarks)


@settings(max_examples=TABLES, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(["rtn", "gptq", ""]),
            st.sampled_from(["3", "w4", ""]),
            st.floats(0.1, 9.0),
        ),
        min_size=1,
        max_size=8,
    ),
    step=st.booleans(),
)
def test_roundings_of_one_run_stay_rows(rows, step) -> None:
    header = ["run_id", "N", "D", "loss", "method", "post_bits", "post_loss"]
    lines = [
        [run, 1e6 * (run + 1), 1e8, 3.0 + run, method, width, after if width else ""]
        for run, method, width, after in rows
    ]
    if step:
        header, lines = [*header, "step"], [[*line, 9] for line in lines]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ptq.csv")
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *lines])
        found = check_runs(read_runs(path))
    assert not found.faults and len(found.table) == len(rows)
    if any(width for _, _, width, _ in rows):
        after = [float(line[6] or "nan") for line in lines]
        assert found.table["post_loss"].tolist() == pytest.approx(after, nan_ok=True)


@settings(max_examples=TABLES, deadline=None)
@given(
    logs=st.lists(log(), min_size=1, max_size=4),
    shuffled=st.randoms(use_true_random=False),
    kind=st.sampled_from(["csv", "jsonl"]),
    column=st.sampled_from(["run_id", "Run ID", "trial_id", "run"]),
)
def test_steps_of_one_run_are_a_curve_and_not_runs(
    logs, shuffled, kind, column
) -> None:
    records = [
        {**head, "note": "-", column: f"r{number}", **record}
        for number, (log, head, _) in enumerate(logs)
        for record in log
    ]
    shuffled.shuffle(records)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"runs.{kind}")
        if kind == "csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(records[0]))
                writer.writeheader()
                writer.writerows(records)
        else:
            path.write_text("\n".join(map(json.dumps, records)))
        found = check_runs(read_runs(path))
    numbers = found.table[["N", "D", "loss"]].to_numpy(dtype=float).tolist()
    for _, _, truth in logs:
        if truth is not None:
            assert any(row == pytest.approx(truth, rel=1e-12) for row in numbers)
    assert ((found.table[["N", "D", "loss"]] > 0).all()).all()
    good = [truth for _, _, truth in logs if truth]
    for row in numbers:  # a run of two sizes is two runs in a table
        ends = [*good, *((2 * h["N"], r[-1]["D"], r[-1]["loss"]) for r, h, _ in logs
                         if "N" in r[-1]),
                *((h["N"], r[-2]["D"], r[-2]["loss"]) for r, h, _ in logs
                  if "N" in r[-1] and len(r) > 1)]  # fmt: skip
        assert any(row == pytest.approx(end, rel=1e-12) for end in ends)
