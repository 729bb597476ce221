"""The published scorecard leaves out no finding."""

from __future__ import annotations

from precision_lib.findings.scorecard import findings, load_scorecard
from tests.book.conftest import SOURCES


def test_every_finding_has_a_verdict() -> None:
    missing = set(findings()["id"]) - set(load_scorecard()["finding"])
    assert missing == set()


def test_every_estimate_lies_in_its_interval() -> None:
    table = load_scorecard()
    outside = ~table["estimate"].between(table["low"], table["high"])
    assert not outside.any(), table.loc[outside, "quantity"].to_list()


def test_every_chapter_of_a_finding_exists_and_states_it() -> None:
    stated = load_scorecard().groupby("finding")["chapter"].agg(set)
    stems = {path.stem for path in SOURCES}
    for row in findings().to_dict("records"):
        assert row["chapter"] in stems, row["id"]
        assert row["chapter"] in stated[row["id"]], row["id"]


def test_short_claims_fit_a_line_of_the_first_page() -> None:
    assert findings()["short"].str.len().max() <= 55
