"""The commands that make and check tables, run as a user runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from precision_lib.paths import DATA, label, tables_of
from precision_lib.sweep import plans as plan, records
from precision_lib.text.loading import load_corpus

ROOT = Path(__file__).parents[2]
PLANS = sorted(DATA.glob("**/plans/*.yaml"))
PLAN = """\
name: tiny
hypothesis: none
role: fit
sets:
  - shapes: [24k]
    tokens: [16384]
"""


def run(*arguments):
    command = [sys.executable, "-m", "precision_lib", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_default_corpus_is_the_published_one():
    corpus = load_corpus()
    assert corpus.digest in (DATA / "corpus.json").read_text()
    assert corpus.validation.shape == (512, 129)


def test_the_help_of_corpus_says_what_it_may_be_given():
    said = " ".join(run("corpus", "--help").stdout.replace("│", " ").split())
    assert "default, a variant (half, api, ...), a folder, or hub:NAME" in said


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_the_readme_says_which_published_sweeps_are_done(path):
    """A number of runs where all are done, otherwise "k of n"."""
    ids = {config.run_id for config in plan.read_plan(path).configs()}
    done = len(ids & records.finished_ids(Path("no records"), tables_of(path)))
    words = str(done) if done == len(ids) else f"{done} of {len(ids)}"
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert f"| `{label(path)}` | {words} | " in readme


@pytest.mark.slow
def test_a_finished_sweep_has_no_price(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(PLAN)
    [config] = plan.read_plan(path).configs()
    (tmp_path / "out" / "tiny").mkdir(parents=True)
    record = dict.fromkeys(records.NEEDED) | {"run_id": config.run_id}
    path_of_record = tmp_path / "out" / "tiny" / f"{config.run_id}.json"
    records.write_json(path_of_record, record)
    done = run("sweep", path, "--dry-run", "--out", tmp_path / "out")
    assert done.stdout == "tiny: 1 runs, 1 done\n"


@pytest.mark.slow
def test_a_dry_run_states_the_price_and_writes_nothing(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(PLAN)
    out = run("sweep", path, "--dry-run", "--out", tmp_path / "out")
    assert "1 runs, 0 done" in out.stdout and "core-hours" in out.stdout
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "no-such-plan.yaml"], "no-such-plan.yaml: there is no such file"),
        (["corpus", "no-such-folder"], "no-such-folder is not a folder"),
        (
            ["sweep", "TOO LONG", "--dry-run"],
            "more than 4 epochs of the corpus default",
        ),
        (
            ["sweep", "TINY", "--engine", "ray", "--ray-address", "127.0.0.1:9"],
            "no Ray ",
        ),
        (
            ["retrain", "abc", "--plan", "data/short/plans/base.yaml"],
            "run 'abc' is not in",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(arguments, message, tmp_path):
    plans = {"TINY": PLAN, "TOO LONG": PLAN.replace("[16384]", "[16384, 200000000]")}
    for name, text in plans.items():
        (tmp_path / name).write_text(text)
    arguments = [tmp_path / a if a in plans else a for a in arguments]
    out = run(*arguments, *(["--out", tmp_path] if "TINY" in str(arguments) else []))
    assert out.returncode == 2
    assert out.stderr.startswith("Error: ") and message in out.stderr
    assert out.stderr.count("\n") == 1
