"""The preregistration: read strictly, older than its runs, complete."""

from __future__ import annotations

import datetime
import inspect
import math
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.findings import preregistration as registered
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.outcomes import findings
from precision_lib.paths import DATA
from tools import preregistration as history

TEXT = registered.PATH.read_text(encoding="utf-8")
ALL = registered.preregistered()


def test_every_row_and_every_prediction_has_an_estimand() -> None:
    assert {row for one in ALL.values() for row in one.rows} == set(findings()["id"])
    assert {one.prediction for one in ALL.values()} - {None} == set(range(1, 11))


@pytest.mark.parametrize("finding", ALL.values(), ids=list(ALL))
def test_the_library_has_the_function_and_it_takes_the_arguments(
    finding: registered.Finding,
) -> None:
    asked = inspect.signature(finding.computes())
    asked.bind("measured", **finding.arguments)
    assert "least" in asked.parameters or not finding.ranges


def test_no_estimand_stands_under_two_words() -> None:
    asked = [(one.function, repr(one.arguments)) for one in ALL.values()]
    assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  - id: turn\n", "  - id: turn\n    id: again\n", "key 'id' stands twice"),
        ("  - id: turn\n", "  - id: additivity\n", "'additivity' stands twice"),
        ("    prediction: 4\n", "    prediction: 11\n", "less than or equal to 10"),
        ("    prediction: 4\n", "    guess: 4\n", "guess: Extra inputs"),
        ("supports: [0.03, .inf]", "supports: [-0.03, .inf]", "overlap"),
        ("supports: [0.03, .inf]", "supports: [0.03, 0.01]", "wrong order"),
        ("deviations:\n", "deviations: [\n", "is no YAML"),
        (
            "findings: [exponent-or-mantissa]",
            "findings: [turns]",
            "unknown finding 'turns'",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    assert old in TEXT
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=message) as error:
        registered.read_preregistration(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_the_word_follows_from_the_interval() -> None:
    same = ALL["additivity"]  # equivalence within .04
    assert same.word(Estimate(0.0, 0.02, 9)) == "supports"
    assert same.word(Estimate(0.01, 0.02, 9)) == "undecided"
    assert same.word(Estimate(0.09, 0.02, 9)) == "contradicts"
    # 90% decides sameness, 95% its opposite
    assert same.word(Estimate(0.04 - 1.7 * 0.01, 0.01, 9)) == "supports"
    assert same.word(Estimate(0.04 + 1.7 * 0.01, 0.01, 9)) == "undecided"
    # few degrees of freedom widen it, and so does a range of D that disagrees
    assert same.word(Estimate(0.0, 0.02, 9, freedom=3)) == "undecided"
    other = Estimate(0.05, 0.01, 9)
    assert same.word(Estimate(0.0, 0.01, 9, others=(other,))) == "undecided"


def test_a_one_sided_claim_leaves_a_gap_undecided() -> None:
    turn = ALL["turn"]
    assert turn.word(Estimate(0.1, 0.01, 9)) == "supports"
    assert turn.word(Estimate(-0.1, 0.01, 9)) == "contradicts"
    assert turn.word(Estimate(0.015, 0.005, 9)) == "undecided"
    assert turn.supports[1] == math.inf


def full_history() -> bool:
    command = ["git", "rev-parse", "--is-shallow-repository"]
    done = subprocess.run(command, cwd=DATA, capture_output=True, text=True)
    return done.stdout.strip() == "false"


@pytest.mark.skipif(not full_history(), reason="needs the history of the repository")
def test_every_finding_is_older_than_the_runs_that_decide_it() -> None:
    assert history.too_late() == []


def test_a_finding_that_changed_after_its_runs_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    day = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)
    known = ALL["delta-grows"]
    easier = known.model_copy(update={"supports": (0.01, math.inf)})
    reworded = known.model_copy(update={"claim": "The same in other words"})
    hour = datetime.timedelta(hours=1)
    for old, late in ((reworded, False), (easier, True)):
        versions = [
            (day, {"delta-grows": known}),
            (day - 2 * hour, {"delta-grows": old}),
        ]
        monkeypatch.setattr(history, "versions", lambda found=versions: found)
        monkeypatch.setattr(history, "preregistered", lambda: {"delta-grows": known})
        monkeypatch.setattr(history, "table_folder", lambda: tmp_path)
        costs = pd.DataFrame({"run_id": ["0" * 12], "sweep": "base", "seconds": 2.0})
        costs = costs.assign(train_seconds=1.0, peak_memory_mb=9.0)
        costs = costs.assign(finished=(day - hour).isoformat(timespec="seconds"))
        costs.to_csv(tmp_path / "costs.csv", index=False)
        assert [text.split(":")[0] for text in history.too_late()] == [
            "delta-grows"
        ] * late
