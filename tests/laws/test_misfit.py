"""A wrong law is noticed, a right one is left alone, in the noise of real tables."""

import json

import numpy as np
import pandas as pd
import pytest

from precision_lib.laws import Fit, fit, get_law
from precision_lib.laws.misfit import judged, misfit
from precision_lib.laws.planted import planted_params

BITS = (3, 4, 5, 6, 8, 16)


def table(seed: int, wrong: bool, cell: float, run: float) -> pd.DataFrame:
    """Runs under effective-weights, or under a cost that grows as D^.5 N^-.35.

    `cell`: noise that the runs of one N and D share; `run`: noise of each.
    """
    generator = np.random.default_rng(seed)
    grid = np.meshgrid(
        np.geomspace(2e6, 2e8, 5), np.geomspace(2e8, 2e10, 6), BITS, indexing="ij"
    )
    N, D, bits = (axis.ravel() for axis in grid)
    base = planted_params(get_law("chinchilla"))
    if wrong:
        plain = np.asarray(get_law("chinchilla").predict(N=N, D=D, **base))
        cost = 0.9 * np.exp(-bits / 1.2) * (D / 2e9) ** 0.5 / (N / 2e7) ** 0.35
        loss = plain + cost
    else:
        params = planted_params(get_law("effective-weights"))
        law = get_law("effective-weights")
        loss = np.asarray(law.predict(N=N, D=D, weight_bits=bits, **params))
    noise = np.repeat(generator.normal(0, cell, 30), len(BITS))
    noise = noise + generator.normal(0, run, loss.size)
    columns = {"N": N, "D": D, "weight_bits": bits}
    return pd.DataFrame({**columns, "loss": loss * np.exp(noise)})


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "run"), [(0.005, 0.003), (0.01, 0.01)])
def test_a_wrong_law_is_noticed_in_95_of_100_tables_and_a_right_one_in_5(
    cell: float, run: float
) -> None:
    noticed = {
        wrong: sum(
            bool(
                misfit(fit(table(s, wrong, cell, run), "effective-weights", starts=12))
            )
            for s in range(100)
        )
        for wrong in (True, False)
    }
    assert noticed[True] >= 95 and noticed[False] <= 5, noticed


def test_the_sentence_names_the_direction_and_goes_with_the_fit(tmp_path) -> None:
    found = judged(fit(table(0, True, 0.005, 0.003), "effective-weights", starts=12))
    assert "rises with D where weight bits are few" in found.misfits[0]
    assert found.doubts[0] == found.misfits[0]
    assert Fit.from_json(found.to_json()).doubts == found.doubts
    old = json.loads(found.to_json())
    del old["misfits"]
    assert Fit.from_json(json.dumps(old)).misfits == ()


def test_too_few_groups_and_exact_tables_are_not_judged() -> None:
    few = table(0, True, 0.005, 0.003).query("N < 3e6 or N > 1e8").query("D > 2e9")
    assert misfit(fit(few, "effective-weights", starts=12)) == ()
    exact = table(0, False, 0.0, 0.0)
    assert misfit(fit(exact, "effective-weights", starts=12)) == ()
