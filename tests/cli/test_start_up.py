"""What is heavy is imported where it is used: no command waits for what it leaves."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "matplotlib", "pandas", "pandera", "ray", "scipy.optimize", "scipy.special",
    "scipy.stats", "tokenizers", "torch", "torch._dynamo", "transformers",
}  # fmt: skip
READS_A_TABLE = {"pandas"}
OUR_TABLE = {"pandas", "pandera"}
COMMAND = """
import runpy, sys
sys.argv = ["precision_lib", *{arguments}]
try:
    runpy.run_module("precision_lib", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert (end.code or 0) == {status}, end.code
"""


def heavy(code: str) -> set[str]:
    """The heavy modules that are there after `code` in a process of its own."""
    names = f"json.dumps(sorted({HEAVY} & {{*sys.modules}}))"
    ask = f"import json, sys\nprint('\\n' + {names})"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{ask}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("precision_lib.laws", set()),
        ("precision_lib.decide", set()),
        ("precision_lib.cli.laws", set()),
        ("precision_lib.formats.gaussian", set()),
        ("precision_lib.training.config", set()),
        ("precision_lib.rounding.hadamard", {"torch"}),
        ("precision_lib.training.trainer", {"torch"}),
    ],
)
def test_a_room_imports_nothing_heavy_that_it_may_not_use(module, allowed):
    assert heavy(f"import {module}") <= allowed


@pytest.mark.parametrize(
    ("arguments", "status", "allowed"),
    [
        (["--help"], 0, set()),
        (["laws"], 0, set()),
        (["decide", "--help"], 0, set()),
        (["fit", "no-such.csv", "--law", "no-such-law"], 2, set()),
        (["fit", "no-such.csv", "--law", "chinchilla"], 2, READS_A_TABLE),
        (["decide", "paper", "optimal-precision"], 2, set()),
        (["decide", "paper", "allocation", "--budget", "-1", "--bits", "4"], 2, set()),
        (["report", "no-such.csv", "--law", "no-such-law"], 2, set()),
        (["report", "no-such.csv", "--budget", "-1"], 2, READS_A_TABLE),
        (["sweep", "no-such-plan.yaml"], 2, set()),
        (["sweep", "no-such-plan.yaml", "--engine", "no-such-engine"], 2, set()),
        (["collect", "no-such-plan.yaml"], 2, set()),
        (["retrain", "abc", "--plan", "no-such-plan.yaml"], 2, set()),
        (["retrain", "abc", "--plan", "data/short/plans/base.yaml"], 2, OUR_TABLE),
        (["pretrained", "--method", "no-such-method"], 2, set()),
        (["pretrained", "--granularity", "no-such-granularity"], 2, set()),
    ],
)
def test_help_and_mistakes_wait_for_nothing_heavy(arguments, status, allowed):
    assert heavy(COMMAND.format(arguments=arguments, status=status)) <= allowed


def test_a_fit_leaves_out_what_draws_and_trains(tmp_path):
    table = tmp_path / "runs.csv"
    plant = (
        "import csv\nfrom precision_lib.laws import planted_table\n"
        "table = planted_table('chinchilla', 40)\n"
        f"with open({str(table)!r}, 'w', newline='') as file:\n"
        "    csv.writer(file).writerows([[*table], *zip(*table.values())])"
    )
    assert heavy(plant) == set()
    found = heavy(
        COMMAND.format(arguments=["fit", str(table), "--law", "chinchilla"], status=0)
    )
    assert found == READS_A_TABLE


def test_a_heavy_import_is_seen():
    assert heavy("import scipy.stats") >= {"scipy.stats", "scipy.special"}
