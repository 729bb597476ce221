"""Small inputs from public bug reports, each with the answer that is right.

Where there is a truth, the rows follow L = 1.8 + 400 N^-0.34 + 410 D^-0.28 exactly.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from precision_lib.cli.reading import Reading
from precision_lib.decide import allocation, surface
from precision_lib.decide.choices import choices, unpriced
from precision_lib.errors import UserError
from precision_lib.intake import check_runs, read_runs
from precision_lib.laws import compare, fit, get_law
from precision_lib.report.choice import choose

CASES = Path(__file__).parent / "cases"
TRUTH = {"E": 1.8, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}


def runs() -> Iterator[dict[str, float]]:
    for line in (CASES / "I13_lines.json").read_text().splitlines():
        yield json.loads(line)


def curve(run: dict[str, float], steps: int) -> Iterator[dict[str, float]]:
    """A straight curve that is 25% too high at its start and ends at the run."""
    for step in range(1, steps + 1):
        share = step / steps
        yield {
            "params": run["N"], "step": 100 * step, "tokens": share * run["D"],
            "loss": run["loss"] * (1.25 - 0.25 * share),
        }  # fmt: skip


def lines(path: Path, records) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def rotated(folder: Path) -> None:
    for number, run in enumerate(runs()):
        for each in curve(run, 12):
            name = f"metrics-{each['step'] // 100}.jsonl"
            lines(folder / f"run{number:02}" / name, [each])


def rotated_away(folder: Path) -> None:
    for number, run in enumerate(runs()):
        log = list(curve(run, 12))
        lines(folder / f"run{number}.jsonl.1", log[:5])
        lines(folder / f"run{number}.jsonl", log[5:])


def resumed(folder: Path) -> None:
    for number, run in enumerate(runs()):
        named = [{**each, "run_id": f"r{number}"} for each in curve(run, 6)]
        lines(folder / f"{number}-restart.jsonl", named[2:])
        lines(folder / f"{number}-start.jsonl", named[:4])


def lower(records) -> Iterator[dict[str, float]]:
    for each in records:
        yield {**each, "loss": each["loss"] - 0.3}


def eval_and_train(folder: Path) -> None:
    for number, run in enumerate(runs()):
        lines(folder / f"run{number}" / "eval.jsonl", curve(run, 4))
        lines(folder / f"run{number}" / "train.jsonl", lower(curve(run, 4)))


def split_key(folder: Path) -> None:
    for number, run in enumerate(runs()):
        pairs = zip(curve(run, 4), lower(curve(run, 4)), strict=True)
        both = [({**a, "split": "test"}, {**b, "split": "train"}) for a, b in pairs]
        lines(folder / f"run{number}.jsonl", [each for pair in both for each in pair])


def trainer_state(folder: Path) -> None:
    for number, run in enumerate(runs()):
        log = [
            record
            for each in curve(run, 4)
            for at in [{"step": each["step"], "num_input_tokens_seen": each["tokens"]}]
            for record in ({**at, "loss": each["loss"] - 0.1},
                           {**at, "eval_loss": each["loss"]})
        ]  # fmt: skip
        state = {"global_step": 400, "log_history": log}
        lines(folder / f"run{number}" / "config.json", [{"params": run["N"]}])
        lines(
            folder / f"run{number}" / "checkpoint-400" / "trainer_state.json", [state]
        )


def lightning(folder: Path) -> None:
    for number, run in enumerate(runs()):
        version = folder / f"version_{number}"
        version.mkdir(parents=True)
        (version / "hparams.yaml").write_text(f"model:\n  params: {run['N']}\n")
        rows = [f"{e['step']},{e['tokens']},,{e['loss']}\n{e['step']},,2.0,\n"
                for e in curve(run, 4)]  # fmt: skip
        (version / "metrics.csv").write_text(
            "step,tokens,train_loss,loss\n" + "".join(rows)
        )


def ray_trials(folder: Path) -> None:
    for number, run in enumerate(runs()):
        log = [{**each, "trial_id": f"t{number}"} for each in curve(run, 4)]
        for each in log:
            each["training_iteration"] = each.pop("step")
        lines(folder / f"trial_{number}" / "result.json", log)


FOLDERS = {
    "I03": (rotated, ""),
    "I03, rotated away": (rotated_away, ""),
    "resumed": (resumed, ""),
    "I04": (eval_and_train, ""),
    "I04b": (split_key, ""),
    "I10": (trainer_state, "D=num_input_tokens_seen,loss=eval_loss"),
    "Lightning": (lightning, "N=model.params"),
    "Ray": (ray_trials, ""),
}


def truth_of(path: Path, mapping: str, **options) -> dict[str, float]:
    found = Reading(mapping, **options).read(path, [get_law("chinchilla")])
    assert len(found.table) == 12
    return fit(found.table, "chinchilla", starts=10).params


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_logs_gives_the_end_of_each_run(name: str, tmp_path: Path) -> None:
    write: Callable[[Path], None]
    write, mapping = FOLDERS[name]
    write(tmp_path)
    pairs = {"N": "params", "D": "tokens"} | dict(
        part.split("=") for part in mapping.split(",") if part
    )
    mapping = ",".join(f"{new}={old}" for new, old in pairs.items())
    found = truth_of(tmp_path, mapping)
    assert found == pytest.approx(TRUTH, rel=1e-4)


@pytest.mark.parametrize(
    ("file", "mapping", "options"),
    [
        ("I01_optuna_pruned.csv", "N=params_N,D=user_attrs_tokens,loss=value",
         {"skip_bad_rows": True}),
        ("I06_steps.csv", "N=params,D=tokens,loss=val_loss", {}),
        ("I06_steps.jsonl", "N=params,D=tokens,loss=val_loss", {}),
        ("I13_lines.json", None, {}),
        ("I14_line_separator.jsonl", None, {}),
        ("I15_excel_sep.csv", None, {}),
        ("I16_other_names.csv", "N=params,D=tokens,loss=val_loss", {}),
        ("I17_comma_in_name.csv", "loss=loss, nats/token", {}),
    ],
)  # fmt: skip
def test_a_table_gives_the_truth(file: str, mapping: str, options: dict) -> None:
    assert truth_of(CASES / file, mapping, **options) == pytest.approx(TRUTH, rel=1e-4)


def test_null_to_the_end_is_a_fault_and_null_between_two_numbers_is_not(
    tmp_path: Path,
) -> None:
    for number, run in enumerate(runs()):
        log = [dict(each) for each in curve(run, 12)]
        for each in log[4:] if number % 3 == 2 else log[1::2][:-1]:
            each["loss"] = None
        lines(tmp_path / f"run{number:02}.jsonl", log)
    names = {"N": "params", "D": "tokens"}
    found = check_runs(read_runs(tmp_path, names), names)
    assert [f.place for f in found.faults] == [
        f"run{n:02}.jsonl" for n in (2, 5, 8, 11)
    ]
    assert all("has null for 'loss' after step 400" in f.what for f in found.faults)
    assert len(found.table) == 8
    known = fit(found.table, "chinchilla", starts=10).params
    assert known == pytest.approx(TRUTH, rel=1e-4)


@pytest.mark.parametrize(
    ("file", "mapping", "law", "said"),
    [
        ("I01_optuna_pruned.csv", "N=params_N,D=user_attrs_tokens,loss=value", "",
         "4 faults in 4 of 16 rows"),
        ("I16_other_names.csv", None, "chinchilla",
         "'N' and 'D' and 'loss' are missing; the columns are 'params', 'tokens', "
         "'val_loss'; say which they are with --map "
         '"N=params,D=tokens,loss=val_loss"'),
    ],
)  # fmt: skip
def test_what_is_refused_is_said(
    file: str, mapping: str, law: str, said: str, capsys
) -> None:
    with pytest.raises(UserError) as caught:
        Reading(mapping).read(CASES / file, [get_law(law)] if law else [])
    assert said in str(caught.value)
    assert capsys.readouterr().err.count("\n") == (1 if "faults" in said else 0)


def test_a_list_in_a_cell_is_said_to_be_one(capsys) -> None:
    names = "N=model_size,D=token_ct,loss=valid_loss"
    with pytest.raises(UserError, match="12 faults in 12 of 12 rows"):
        Reading(names).read(CASES / "I11_loss_is_a_list.jsonl")
    said = capsys.readouterr().err
    assert said.startswith("line 1 (and 11 more like it), column 'valid_loss': holds a "
                           "list of 4; ")  # fmt: skip


@pytest.mark.parametrize("where", ["not outlier", "outlier == 'False'",
                                   "outlier != 'True'"])  # fmt: skip
@pytest.mark.parametrize("law", ["chinchilla", ""])
def test_truth_has_one_spelling_for_all_commands(where: str, law: str) -> None:
    laws = [get_law(law)] if law else []
    found = Reading(where=where).read(CASES / "I19_true_false.csv", laws)
    assert len(found.table) == 11 and found.left_out == 1


@pytest.mark.parametrize("file", ["I20_blank_group_size.csv",
                                  "I20b_group_size_minus_1.csv"])  # fmt: skip
def test_what_no_law_reads_is_not_checked(file: str, capsys) -> None:
    found = Reading().read(CASES / file)
    law = fit(found.table, "effective-weights-no-offset", starts=5)
    assert len(found.table) == 48 and "group_size" not in found.table
    assert law.params["gamma_weights"] == pytest.approx(2, rel=1e-3)
    assert law.params["E"] == pytest.approx(1.8, rel=1e-3)
    with pytest.raises(UserError, match="faults in"):
        Reading().read(CASES / file, more=["group_size"])
    assert "group_size" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["I22_weight_format_bf16.csv",
                                  "I23_weight_format_none.csv"])  # fmt: skip
def test_unquantized_training_is_priced_at_16_bits(file: str) -> None:
    table = Reading().read(CASES / file).table
    law = fit(choose(table)[0].table, "format-multiplier", starts=5)
    assert law.params["eff[int4]"] == pytest.approx(0.7, rel=1e-4)
    assert law.params["E"] == pytest.approx(1.8, rel=1e-4)
    known = choices(surface(law))
    assert list(known) == [4.0, 16.0]
    values = allocation(surface(law), 9.72e19, 16.0).values
    assert 6 * values["N"] * values["D"] == pytest.approx(9.72e19, rel=1e-6)
    assert values["N"] == pytest.approx(6.22e8, rel=1e-2)


def test_a_format_without_known_bits_is_left_out_and_named() -> None:
    table = Reading().read(CASES / "I23_weight_format_none.csv").table
    own = table.replace({"weight_format": {"int4": "ours-v2"}})
    law = fit(own, "format-multiplier", starts=5)
    assert list(choices(surface(law))) == [16.0]
    assert unpriced(surface(law)) == ["ours-v2"]


def test_names_of_formats_have_no_case() -> None:
    file = CASES / "I24_case_of_formats.csv"
    found = Reading().read(file, [get_law("format-multiplier")])
    law = fit(found.table, "format-multiplier", starts=5)
    assert set(law.params) == {*TRUTH, "eff[bf16]", "eff[int4]"}


@pytest.mark.filterwarnings("error")
def test_a_degradation_of_zero_makes_no_noise() -> None:
    table = Reading().read(CASES / "I35_post_bits_16_baseline.csv", [get_law("ptq")])
    assert (table.table["delta"] == 0).any()
    scores = compare(table.table, ["ptq"], folds=3, starts=5).scores
    assert math.isfinite(scores[0].aic)


def test_a_table_packed_or_in_another_encoding_is_the_same(tmp_path: Path) -> None:
    import bz2
    import gzip
    import lzma

    whole = (CASES / "I16_other_names.csv").read_bytes()
    names = {"N": "params", "D": "tokens", "loss": "val_loss"}
    expected = check_runs(read_runs(CASES / "I16_other_names.csv"), names).table
    for name, data in {
        "a.csv.gz": gzip.compress(whole),
        "a.csv.bz2": bz2.compress(whole),
        "a.csv.xz": lzma.compress(whole),
        "named wrong.csv": gzip.compress(whole),
        "utf16.csv": whole.decode().encode("utf-16"),
        "utf8.csv": whole.decode().encode("utf-8-sig"),
        "tabs.tsv": whole.replace(b",", b"\t"),
        "no suffix": whole,
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert check_runs(read_runs(path), names).table.equals(expected), name
    (tmp_path / "in").mkdir()
    shutil.copy(CASES / "I16_other_names.csv", tmp_path / "in")
    packed = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "in")
    assert check_runs(read_runs(packed), names).table.equals(expected)


def test_cells_that_hold_dictionaries_are_columns(tmp_path: Path) -> None:
    """As the example of W&B's documentation writes them with its API."""
    rows = [
        f"\"{{'val_loss': {r['loss']}, '_step': 9}}\","
        f"\"{{'model': {{'N': {r['N']}}}, 'D': {r['D']}}}\",finished\n"
        for r in runs()
    ]
    path = tmp_path / "project.csv"
    path.write_text("summary,config,state\n" + "".join(rows))
    names = "N=config.model.N,D=config.D,loss=summary.val_loss"
    assert truth_of(path, names) == pytest.approx(TRUTH, rel=1e-4)
