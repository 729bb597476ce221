import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.paths import DATA, table_folder
from precision_lib.runs import run_table as runs
from tools import data_readme


@pytest.mark.parametrize("name", ["short", "main"])
def test_published_tables_pass_their_schema_and_belong_together(name):
    table, ptq = runs.load_runs(table=name), runs.load_ptq(table=name)
    assert set(ptq["run_id"]) <= set(table["run_id"])
    for also in (runs.load_curves(table=name), runs.load_costs(table=name)):
        assert set(also["run_id"]) == set(table["run_id"])
    finished = table[table["status"] == "finished"].set_index("run_id")
    asked = {"short": {2, 3, 4, 5, 6, 7, 8}, "main": {2, 3, 4, 5, 6, 8}}[name]
    assert set(ptq["method"]) - {"noise"} == {"rtn", "gptq", "awq"}
    assert ("noise" in set(ptq["method"])) == (name == "main")
    for (_, bits, _), rows in ptq.groupby(["run_id", "weight_bits", "method"]):
        assert {b for b in asked if b <= bits} <= set(rows["post_bits"])
    # The second table's rates were tuned on a GPU, and nothing was rounded there.
    rounded = finished if name == "short" else finished.query("sweep != 'tuning'")
    assert set(ptq["run_id"]) == set(rounded.index)
    losses = ptq.drop_duplicates("run_id").set_index("run_id")["loss"]
    assert (losses == finished["loss"].reindex(losses.index)).all()
    roles = ptq.drop_duplicates("run_id").set_index("run_id")["role"]
    assert (roles == finished["role"].reindex(roles.index)).all()
    assert (table["role"] == "tuning").any() and (table["role"] == "fit").any()


def test_every_column_is_described():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for name in {name for table in runs.TABLES.values() for name in table.columns}:
        assert f"`{name}`" in text or name.startswith(("params_", "loss_")), name


def test_all_runs_are_on_the_published_corpus():
    about = json.loads((DATA / "corpus.json").read_text(encoding="utf-8"))
    published = {name: one["digest"] for name, one in about["variants"].items()}
    published["default"] = about["digest"]
    table = runs.load_runs().drop_duplicates(["corpus", "corpus_digest"])
    found = table.set_index("corpus")["corpus_digest"].to_dict()
    assert found.items() <= published.items() and len(found) == len(table)


@pytest.mark.slow
def test_the_readme_says_what_the_tables_say():
    text = data_readme.README.read_text(encoding="utf-8")
    assert data_readme.updated(text) == text, "run: python -m tools.data_readme"


def test_the_noise_floor_is_the_scatter_of_seeds():
    table = runs.load_runs(table="short").query("sweep == 'base'")
    size = table["N"].min()
    groups = table[table["N"] == size].groupby("D")["loss"]
    groups = [loss for _, loss in groups if len(loss) > 1]
    squares = [((x - x.mean()) ** 2).sum() / (len(x) - 1) for x in groups]
    row = next(
        line
        for line in data_readme.noise_floor().splitlines()
        if line.startswith(f"| {size:,} |")
    )
    assert row.split(" | ")[2] == f"{np.sqrt(np.mean(squares)):.4f}"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.drop(columns="loss"), "column 'loss' is missing"),
        (lambda t: t.assign(extra=1), "column 'extra' is unknown"),
        (lambda t: t.assign(N=-t["N"]), "column 'N' in row 0 holds -"),
        (lambda t: t.assign(loss=np.nan), "a finished run has a loss"),
        (lambda t: t.assign(N=t["N"] + 1), "sum of its parameter groups"),
        (lambda t: t.assign(status="lost"), "column 'status'"),
        (lambda t: t.assign(D="many"), "column 'D'"),
        (lambda t: pd.concat([t, t]), "each row stands once"),
    ],
)
def test_damaged_tables(tmp_path, damage, message):
    path = tmp_path / "runs.csv"
    damage(runs.load_runs()).to_csv(path, index=False)
    with pytest.raises(UserError, match=message) as caught:
        runs.load_runs(path)
    assert "runs.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_no_table_and_half_a_table(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        runs.load_runs(tmp_path / "runs.csv")
    whole = (table_folder() / "runs.csv").read_text()
    half = tmp_path / "half.csv"
    lines = whole.splitlines(keepends=True)
    half.write_text("".join(lines[:9]) + lines[9][: len(lines[9]) // 2])
    with pytest.raises(UserError, match="half.csv"):
        runs.load_runs(half)
    half.write_text("")
    with pytest.raises(UserError, match="not a CSV table"):
        runs.load_runs(half)


def test_a_failed_write_leaves_the_old_table(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    runs.write_table(pd.DataFrame({"a": [1]}), path)

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(UserError, match="No space"):
        runs.write_table(pd.DataFrame({"a": [2]}), path)
    assert path.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]
