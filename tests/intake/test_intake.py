"""Any reader's files give checked runs, or every fault at once; never a traceback."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from precision_lib.errors import UserError
from precision_lib.intake.cells import KNOWN, Units, read_cell
from precision_lib.intake.checks import check_runs
from precision_lib.intake.files import read_runs

NAMES = {"N": "n_params", "D": "tokens", "loss": "val_loss"}


def write(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def sentences(path: Path, **options) -> list[str]:
    found = check_runs(read_runs(path), **options)
    return [fault.sentence for fault in found.faults]


def test_every_fault_of_a_table_is_said_at_once(tmp_path: Path) -> None:
    path = write(
        tmp_path / "runs.csv",
        "name,n_params,tokens,val_loss,weight_bits\n"
        "a,1e6,2e8,3.5,32\n"
        'b,"1,000,000",-5,oops,99\n'
        "c,1e6,,inf,\n"
        "name,n_params,tokens,val_loss,weight_bits\n"
        "d,1e6,2e8,3.5,32,more\n"
        "e,0,2e8,nan,int4\n",
    )
    said = sentences(path, columns=NAMES)
    assert said == [
        "row 2 (b), column 'n_params': '1,000,000' is not a number; write decimals "
        "with a point and no separator between thousands.",
        "row 2 (b), column 'tokens': '-5' is not above zero; correct it or leave the "
        "row out.",
        "row 2 (b), column 'val_loss': 'oops' is not a number; write a plain number "
        "such as 3.25.",
        "row 2 (b), column 'weight_bits': '99' is more bits than a number has; "
        "correct it or leave the row out.",
        "row 3 (c), column 'val_loss': 'inf' is not finite; correct it or leave the "
        "row out.",
        "row 3 (c), column 'tokens': the value is missing; fill it in or leave the "
        "row out.",
        "row 3 (c), column 'weight_bits': the value is missing; fill it in, or say "
        "what a blank means, as with --blank-bits 32.",
        *[
            f"row 4 (name), column {c!r}: {c!r} is not a number; the header stands "
            "again in that row, remove it."
            for c in ("n_params", "tokens", "val_loss", "weight_bits")
        ],
        "row 5: has 6 fields where the header names 5; quote a field that holds the "
        "separator.",
        "row 6 (e), column 'n_params': '0' is not above zero; correct it or leave the "
        "row out.",
        "row 6 (e), column 'val_loss': 'nan' is no value; fill it in or leave the row "
        "out.",
    ]
    found = check_runs(read_runs(path), NAMES)
    assert found.places == ("row 1 (a)",) and len(found.table) == 1
    assert (found.read, found.bad_rows) == (6, 5)
    assert found.remarks[0].endswith("were read as bits: int4 as 4.")


@pytest.mark.parametrize(
    ("cell", "name", "units", "value"),
    [
        ("1e6", "N", Units(), 1e6),
        (" 350M ", "N", Units(), 350e6),
        ("1.5b", "D", Units(), 1.5e9),
        ("125", "N", Units(parameters="M"), 125e6),
        (26, "D", Units(tokens="B"), 26e9),
        ("2.0", "loss", Units(loss="bits"), 2 * math.log(2)),
        ("20.0", "post_loss", Units(loss="perplexity"), math.log(20)),
        ("-0.01", "delta", Units(), -0.01),
        ("bf16", "weight_bits", Units(), 16),
        ("FP8", "kv_bits", Units(), 8),
        ("int4", "post_bits", Units(), 4),
        ("e4m3fn", "weight_bits", Units(), 8),
        ("nf4", "post_bits", Units(), 4),
        ("", "weight_bits", Units(blank_bits=16), 16),
        ("none", "weight_bits", Units(), 16),
        ("None", "weight_bits", Units(blank_bits=32), 32),
        ("W4A16", "weight_bits", Units(), 4),
        ("W4A16", "activation_bits", Units(), 16),
        ("w4a8kv3", "kv_bits", Units(), 3),
        ("w4", "post_bits", Units(), 4),
        ("3-bit", "post_bits", Units(), 3),
        ("float8_e4m3fn", "weight_bits", Units(), 8),
        (0, "mantissa_bits", Units(), 0),
        (0.0, "gmse", Units(), 0),
        (np.float32(4), "weight_bits", Units(), 4),
    ],
)
def test_cells_are_read_in_our_units(
    cell: object, name: str, units: Units, value: float
) -> None:
    assert read_cell(cell, name, units, "row 1", name, 0) == pytest.approx(value)


@pytest.mark.parametrize(
    ("cell", "name", "units", "what"),
    [
        (True, "N", Units(), "is not a number"),
        ("350M", "N", Units(parameters="M"), "is not a number"),
        ("1_000", "N", Units(), "is not a number"),
        ("0x10", "N", Units(), "is not a number"),
        ("int4", "N", Units(), "is not a number"),
        ("int99999", "weight_bits", Units(), "is not a number"),
        (10**400, "N", Units(), "is not finite"),
        (1.0, "loss", Units(loss="perplexity"), "is no perplexity"),
        ("inf", "D", Units(), "is not finite"),
        (1.5, "qat_share", Units(), "is not between 0 and 1"),
        (-1, "mantissa_bits", Units(), "is not above zero"),
        ([1], "D", Units(), "holds a list of 1"),
        (-1, "group_size", Units(), "is no size"),
    ],
)
def test_cells_that_are_no_such_number_are_faults(
    cell: object, name: str, units: Units, what: str
) -> None:
    found = read_cell(cell, name, units, "row 1", "column", 0)
    assert not isinstance(found, float) and found.what == what


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture],
          deadline=None,
          max_examples=60)  # fmt: skip
@given(
    cells=st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=8)] * 3), max_size=5
    )
)
def test_any_cells_give_rows_or_faults(tmp_path: Path, cells) -> None:
    path = tmp_path / "any.csv"
    rows = [("N", "D", "loss"), *cells]
    pd.DataFrame(rows).to_csv(path, index=False, header=False, encoding="utf-8")
    try:
        found = check_runs(read_runs(path))
    except UserError as error:
        assert "\n" not in str(error)
        return
    numbers = found.table[["N", "D", "loss"]].to_numpy(dtype=float)
    assert np.isfinite(numbers).all() and (numbers > 0).all()
    assert found.read == len(found.table) + found.bad_rows
    assert all("\n" not in fault.sentence for fault in found.faults)


def test_missing_columns_are_guessed_together(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "model/n_params,train_tokens,eval/loss\n1,2,3\n")
    with pytest.raises(UserError) as caught:
        check_runs(read_runs(path))
    assert "'N' and 'D' and 'loss' are missing" in str(caught.value)
    guess = '--map "N=model/n_params,D=train_tokens,loss=eval/loss"'
    assert guess in str(caught.value)
    lab = write(tmp_path / "c.csv", "params_K,tokens_M,val_loss_bits\n1,2,3\n")
    with pytest.raises(UserError, match="N=params_K,D=tokens_M,loss=val_loss_bits"):
        check_runs(read_runs(lab))
    with pytest.raises(UserError, match="no column 'x' .given for N. or 'y'"):
        check_runs(read_runs(path), {"N": "x", "D": "y"})
    with pytest.raises(UserError, match="'size' stands for nothing that a law reads"):
        check_runs(read_runs(path), {"size": "train_tokens"})
    chart = write(tmp_path / "b.csv", "Step,r - loss,r - loss__MIN\n1,2,3\n")
    with pytest.raises(UserError, match="export of one chart"):
        check_runs(read_runs(chart))


def test_a_condition_spares_rows_it_leaves_out(tmp_path: Path) -> None:
    text = "N,D,loss,status,width\n1e6,1e8,,diverged,3\n1e6,1e8,3.5,finished,4\n"
    path = write(tmp_path / "a.csv", text + "2e6,1e8,3.4,finished,8\n")
    assert len(sentences(path)) == 1
    found = check_runs(read_runs(path), where="status == 'finished' and width > 4")
    assert not found.faults and len(found.table) == 1 and found.left_out == 2
    mapped = check_runs(read_runs(path), {"w": "width"}, where="loss > 0", extra=["w"])
    assert mapped.table["w"].tolist() == [4.0, 8.0]
    with pytest.raises(UserError, match="keeps none of the 3 rows"):
        check_runs(read_runs(path), where="N > 1e9")
    with pytest.raises(UserError, match="no column 'height'"):
        check_runs(read_runs(path), where="height > 1")


def test_runs_that_were_not_rounded_may_lack_all_of_rounding(tmp_path: Path) -> None:
    text = "N,D,loss,post_bits,post_loss\n1e6,1e8,3.5,,\n1e6,1e8,3.5,4,3.6\n"
    path = write(tmp_path / "a.csv", text + "1e6,1e8,3.5,4,\n")
    found = check_runs(read_runs(path))
    assert len(found.table) == 2
    assert [fault.column for fault in found.faults] == ["post_loss"]


def test_oddities_are_remarked_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "N,D,loss\n125,2,20\n350,7,18\n350,7,18\n")
    said = " ".join(check_runs(read_runs(path)).remarks)
    for part in ("repeat another", "--parameters-unit M", "--tokens-unit M",
                 "--loss-unit perplexity"):  # fmt: skip
        assert part in said


WANDB = (
    '"Name","State","Notes","Runtime","n_params","precision","tokens","val_loss"\n'
    '"olive-sky-1","finished","-","120","125000000","4","2500000000","3.21"\n'
    '"calm-sea-2","crashed","","7","125000000","8","",""\n'
    '"red-fox-3","finished","a, b","140","350000000","8","2500000000","2.98"\n'
)


def test_an_export_of_wandb_names_its_runs_and_their_state(tmp_path: Path) -> None:
    path = write(tmp_path / "wandb_export.csv", WANDB)
    raw = read_runs(path)
    assert raw.kind == "W&B export"
    names = {**NAMES, "weight_bits": "precision"}
    found = check_runs(raw, names)
    assert found.table["weight_bits"].tolist() == [4.0, 8.0]
    assert found.places == ("row 1 (olive-sky-1)", "row 3 (red-fox-3)")
    assert {fault.place for fault in found.faults} == {"row 2 (calm-sea-2)"}
    (fault,) = found.faults
    assert "'crashed' is not the state of a finished run" in fault.sentence
    kept = check_runs(raw, names, where="State == 'finished'")
    assert not kept.faults and kept.left_out == 1


def test_wandb_folders_give_summary_and_configuration(tmp_path: Path) -> None:
    for name, loss in (("run-1-abc", 3.5), ("run-2-def", float("nan"))):
        files = tmp_path / "wandb" / name / "files"
        summary = {"val_loss": loss, "_step": 9, "_wandb": {"runtime": 3}}
        write(files / "wandb-summary.json", json.dumps(summary))
        config = {
            "wandb_version": 1,
            "_wandb": {"desc": None, "value": {"cli_version": "0.17"}},
            "model": {"desc": None, "value": {"n_params": 1e6}},
            "tokens": {"desc": None, "value": 1e8},
        }
        write(files / "config.yaml", yaml.safe_dump(config))
    write(tmp_path / "wandb" / "run-3-ghi" / "files" / "wandb-summary.json", "{")
    raw = read_runs(tmp_path)
    assert raw.kind == "folder of W&B runs"
    found = check_runs(raw, {**NAMES, "N": "model.n_params"})
    assert found.table[["N", "D", "loss"]].values.tolist() == [[1e6, 1e8, 3.5]]
    assert found.places == ("wandb/run-1-abc",)
    assert [fault.place for fault in found.faults] == [
        "wandb/run-2-def",
        "wandb/run-3-ghi",
    ]
    assert "is not JSON" in found.faults[1].sentence


def log(path: Path, *records: dict) -> Path:
    lines = [json.dumps(record) for record in records]
    joined = "\n".join(lines) if path.suffix == ".jsonl" else json.dumps(records[0])
    return write(path, joined + "\n")


def test_folders_of_logs_give_one_run_a_file(tmp_path: Path) -> None:
    head = {"n_params": 1e6, "lr": 0.1}
    steps = [{"tokens": 1e8, "val_loss": 3.0}, {"tokens": 2e8, "val_loss": 3.5}]
    log(tmp_path / "a.jsonl", head, *steps, {"tokens": 3e8, "train": 1.0})
    log(tmp_path / "b.json", {**head, "tokens": 5e8, "val_loss": 2.9})
    write(tmp_path / "c.jsonl", '{"n_params": 1e6}\n{"tokens": 1e8, "val_l')
    write(tmp_path / "d.json", "")
    write(tmp_path / "e.json", "[3]")
    write(tmp_path / "f.json", b"\xff\xfe")
    write(tmp_path / "notes.txt", "not a log")
    found = check_runs(read_runs(tmp_path, NAMES), NAMES)
    assert found.table["D"].tolist() == [2e8, 5e8]
    assert found.table["loss"].tolist() == [3.5, 2.9]
    best = check_runs(read_runs(tmp_path, NAMES, take="min"), NAMES)
    assert best.table["D"].tolist() == [1e8, 5e8]
    said = {fault.place: fault.what for fault in found.faults}
    assert set(said) == {"c.jsonl", "d.json", "e.json", "f.json"}
    assert "line 2" in said["c.jsonl"] and said["d.json"] == "is empty"


def test_folders_of_folders_put_the_files_of_a_run_together(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / f"run{number}"
        log(folder / "config.json", {"model": {"n_params": number * 1e6}})
        log(folder / "metrics.jsonl", {"tokens": 1e8, "val_loss": 4.0 - number})
    raw = read_runs(tmp_path, NAMES)
    found = check_runs(raw, {**NAMES, "N": "model.n_params"})
    assert found.table["N"].tolist() == [1e6, 2e6]
    assert found.places == ("run1", "run2")


def test_one_file_of_many_runs(tmp_path: Path) -> None:
    records = [{"N": 1e6, "D": 1e8, "loss": 3.5}, {"N": 2e6, "D": 1e8, "loss": 3.4}]
    listed = write(tmp_path / "a.json", json.dumps(records))
    lines = write(tmp_path / "b.jsonl", "\n".join(map(json.dumps, records)))
    wrapped = write(tmp_path / "c.json", json.dumps({"lab": "a", "runs": records}))
    for path in (listed, lines, wrapped):
        assert check_runs(read_runs(path)).table["N"].tolist() == [1e6, 2e6]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "N,D,loss\n", "no row below it"),
        ("a.csv", b"\xff\xfe\x00", "is not UTF-16 text"),
        ("a.csv", 'N,D,loss\n1,2,"3' + "x" * 200_000, "every quote closed"),
        ("a.csv", "N,D,D,loss\n1,2,2,3\n", "names column 'D' twice"),
        ("a.json", "", "is empty"),
        ("a.json", "[]", "holds no run"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[" * 100_000, "is nested too deeply"),
        ("a.jsonl", "\n\n", "holds no run"),
        ("a.xlsx", "PK", "save it as CSV"),
    ],
)
def test_files_without_runs_are_one_sentence(
    tmp_path: Path, name: str, content: str | bytes, said: str
) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(UserError) as caught:
        check_runs(read_runs(path))
    assert said in str(caught.value) and "\n" not in str(caught.value)


PTQ_ROWS = (
    "run_id,N,D,loss,method,post_bits,post_loss,step\n"
    "a,1e6,1e8,3.5,rtn,4,3.9,9\na,1e6,1e8,3.5,gptq,4,3.6,9\n"
    "a,1e6,1e8,3.5,rtn,3,4.9,9\na,1e6,1e8,3.5,gptq,3,4.6,9\n"
)


def test_rows_of_one_run_without_steps_are_measurements(tmp_path: Path) -> None:
    """One run rounded by several methods has one row for each, not a curve."""
    path = write(tmp_path / "ptq.csv", PTQ_ROWS)
    found = check_runs(read_runs(path))
    assert found.table["post_loss"].tolist() == [3.9, 3.6, 4.9, 4.6]
    assert not any("are steps" in remark for remark in found.remarks)
    found = check_runs(read_runs(path), where="method == 'gptq'")
    assert found.table["post_loss"].tolist() == [3.6, 4.6]
    early = "a,1e6,5e7,3.9,rtn,4,4.2,4\na,1e6,5e7,3.9,gptq,4,4.1,4\n"
    found = check_runs(read_runs(write(path, PTQ_ROWS + early)))
    assert sorted(found.table["post_loss"]) == [3.6, 3.9, 4.6, 4.9]
    assert "6 rows are steps of 1 runs" in found.remarks[0]


def test_missing_files_and_folders_without_logs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        read_runs(tmp_path / "absent")
    with pytest.raises(UserError, match="no JSON log"):
        read_runs(tmp_path)


@pytest.mark.slow
def test_a_table_of_steps_is_refused_and_can_be_thinned(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    step = np.arange(120_000)
    columns = {"N": 1e6, "D": 1e3 * (step + 1), "loss": 4.0, "step": step}
    pd.DataFrame(columns).to_csv(path, index=False)
    with pytest.raises(UserError, match="120,000 rows are too many"):
        check_runs(read_runs(path))
    assert len(check_runs(read_runs(path), where="step % 10000 == 0").table) == 12


def test_parquet_is_the_same_as_csv(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    table = pd.DataFrame({"N": [1_000_000], "D": [1e8], "loss": [np.float32(3.5)]})
    table.to_parquet(tmp_path / "a.parquet")
    found = check_runs(read_runs(tmp_path / "a.parquet")).table
    assert found.to_dict("list") == {"N": [1e6], "D": [1e8], "loss": [3.5]}
    path = write(tmp_path / "b.parquet", "not parquet")
    with pytest.raises(UserError, match="is not a Parquet table"):
        read_runs(path)


def test_without_its_package_parquet_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_: object) -> None:
        raise ImportError

    monkeypatch.setattr(pd, "read_parquet", absent)
    with pytest.raises(UserError, match="pip install pyarrow"):
        read_runs(write(tmp_path / "a.parquet", "PAR1"))


def test_known_names_are_columns_of_laws() -> None:
    from precision_lib.laws import list_laws

    read = {name for law in list_laws() for name in (*law.columns(), law.target)}
    assert read <= set(KNOWN)
