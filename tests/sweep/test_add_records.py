"""Files of lines become the tables of the second run table."""

import json
from itertools import islice

import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.runs import run_table as tables
from tests.findings.planted_records import planted_records, write_lines
from tools import add_records, rate_rule

READERS = {
    "runs": tables.load_runs,
    "ptq": tables.load_ptq,
    "curves": tables.load_curves,
    "costs": tables.load_costs,
    "statistics": tables.load_statistics,
}


def some(*plans):
    return list(islice(planted_records(*plans), 12))


@pytest.mark.slow
def test_lines_of_training_and_of_rounding_make_the_tables(tmp_path):
    records = some("decay") + some("ladder")
    rounded = [{k: r.pop(k) for k in ("ptq", "statistics")} for r in records]
    labels = [{k: r.pop(k) for k in ("sweep", "role")} for r in records]
    write_lines(tmp_path / "trained", records)
    pairs = zip(records, rounded, strict=True)
    lines = [{"run_id": r["run_id"], **more} for r, more in pairs]
    write_lines(tmp_path / "rounded", lines)
    files = [tmp_path / "trained", tmp_path / "rounded"]
    assert add_records.add(files, tmp_path / "records", tmp_path) == 24
    found = {name: read(tmp_path / f"{name}.csv") for name, read in READERS.items()}
    runs = found["runs"].set_index("run_id")
    assert set(runs["sweep"]) == {"decay", "ladder"}
    assert set(runs["device"]) == {"cpu"} and set(runs["dtype"]) == {"float32"}
    for record, label, more in zip(records, labels, rounded, strict=True):
        row = runs.loc[record["run_id"]]
        names = {"loss", "D", "start_from", "peak_lr", "batch_size"}
        assert {n: row[n] for n in names} == {n: record[n] for n in names}
        assert row["role"] == label["role"]
        own = found["ptq"].query(f"run_id == '{record['run_id']}'")
        assert own["post_loss"].sum() == pytest.approx(
            sum(line["post_loss"] for line in more["ptq"])
        )
    assert (runs["start_from"] == "").any() and runs["start_from"].nunique() > 2
    again = {name: (tmp_path / f"{name}.csv").read_bytes() for name in READERS}
    assert add_records.add(files, tmp_path / "records", tmp_path) == 24
    assert again == {n: (tmp_path / f"{n}.csv").read_bytes() for n in READERS}


@pytest.mark.slow
def test_a_cut_off_last_line_is_no_record(tmp_path, capsys):
    path = tmp_path / "lines"
    write_lines(path, some("base"))
    path.write_text(path.read_text()[:-100])
    assert add_records.add([path], tmp_path / "records", tmp_path) == 11
    assert "the last line is cut off" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run_id": "0" * 12}, "run 000000000000 is of no plan"),
        ({"loss": None}, "has no loss"),
    ],
)
def test_what_cannot_be_a_record(tmp_path, change, message):
    record = some("base")[0] | change
    gone = {"sweep", "role"} if "run_id" in change else {"loss"}
    kept = {name: value for name, value in record.items() if name not in gone}
    write_lines(tmp_path / "lines", [kept])
    with pytest.raises(UserError, match=message):
        add_records.add([tmp_path / "lines"], tmp_path / "records", tmp_path)
    assert not (tmp_path / "runs.csv").exists()


def test_a_line_that_is_no_json(tmp_path):
    path = tmp_path / "lines"
    path.write_text("{\n" + json.dumps(some("base")[0]) + "\n")
    with pytest.raises(UserError, match=r"lines, line 1: is no JSON"):
        add_records.add([path], tmp_path / "records", tmp_path)


@pytest.mark.slow
def test_the_rule_is_written_from_tuning_and_stays_once_blocks_are_trained(
    tmp_path, monkeypatch, capsys
):
    tuning = list(planted_records("tuning", "rule_check", low=False))
    write_lines(tmp_path / "lines", tuning)
    add_records.add([tmp_path / "lines"], tmp_path / "records", tmp_path)
    runs = tables.load_runs(tmp_path / "runs.csv")
    monkeypatch.setattr(rate_rule, "load_runs", lambda: runs)
    monkeypatch.setattr(rate_rule, "PATH", tmp_path / "rate_rule.yaml")
    monkeypatch.setattr(rate_rule, "POINTS", tmp_path / "rate_rule.csv")
    provisional = rate_rule.read_rule()
    assert rate_rule.main() == 0
    written = rate_rule.read_rule(tmp_path / "rate_rule.yaml")
    assert written.source.startswith("362 runs of the plans tuning")
    for name in ("N", "D", "batch"):
        low, high = written.intervals[f"rate {name}"]
        assert low - 0.1 <= provisional.rate[name] <= high + 0.1
    assert pd.read_csv(tmp_path / "rate_rule.csv")["bracketed"].mean() > 0.7
    before = (tmp_path / "rate_rule.yaml").read_text()
    trained = runs.assign(role=["fit", *runs["role"][1:]], loss=runs["loss"] + 1)
    monkeypatch.setattr(rate_rule, "load_runs", lambda: trained)
    assert rate_rule.main() == 0
    assert (tmp_path / "rate_rule.yaml").read_text() == before
    assert "the rule stays" in capsys.readouterr().out
