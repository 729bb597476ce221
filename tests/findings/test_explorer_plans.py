"""What the explorer says of runs to be made is what the library says."""

from __future__ import annotations

import pytest

from precision_lib.decide import next_run, paper_fit
from precision_lib.decide.next_runs import least_known
from precision_lib.findings.explorer_plans import judged_grids, next_runs, run_words
from precision_lib.findings.our_laws import our_laws


@pytest.mark.slow
def test_more_sizes_widths_and_less_noise_identify_more() -> None:
    said = judged_grids(paper_fit(), tables=8)
    less, more = said["noise 0.3%"].tolist(), said["noise 1.0%"].tolist()
    assert less[0].startswith("no: ") and less[-1] == more[-1] == "yes"
    assert more.count("yes") <= less.count("yes")


def test_the_run_that_is_named_is_the_one_of_next_run() -> None:
    ours = our_laws()
    table = next_runs(ours)
    name = least_known(ours[-1])
    found = next_run(ours[-1], ours[-1].replicates[name], name)
    assert table["run"].iloc[-1] == run_words(found.run)
