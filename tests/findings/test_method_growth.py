"""The growth of each method's cost, of roundings whose exponents are known."""

import numpy as np
import pandas as pd
import pytest

from precision_lib.figures.ptq_laws import constants_by_method
from precision_lib.findings.measured import UNIT, Measured
from precision_lib.findings.method_growth import NAMES, growths

POWERS = {"rtn": 0.4, "gptq": 0.5, "awq": 0.3, "noise": 0.4}


def table() -> Measured:
    """Roundings by all methods, exponential in the bits, with a little noise."""
    generator, rows = np.random.default_rng(0), []
    for size, seed, steps in np.ndindex(3, 2, 4):
        n, d = 24_000 * 2**size, UNIT * 4 * 2**steps
        for method, power in POWERS.items():
            for bits in (3, 4, 5, 6):
                cost = np.log(3.0) + power * np.log(d / 1e7) - 0.35 * np.log(n / 1e5)
                noise = generator.normal(0, 0.01)
                delta = np.exp(cost - bits / 0.65 + noise)
                run = f"{size}{seed}{steps}"
                rows.append((run, n, d, seed, method, bits, delta))
    columns = ["run_id", "N", "D", "seed", "method", "post_bits", "delta"]
    ptq = pd.DataFrame(rows, columns=columns)
    high = dict.fromkeys(("weight_bits", "activation_bits", "kv_bits"), 32)
    return Measured(ptq, ptq.assign(sweep="base", **high))


def test_exponents_and_the_bend_are_those_that_were_planted() -> None:
    found = growths(table(), 3.5e6)
    for method, name in NAMES.items():
        one = found[name]["estimate"]
        assert one["D"] == pytest.approx(POWERS[method], abs=0.02)
        assert one["N"] == pytest.approx(0.35, abs=0.02)
        assert one["bits"] == pytest.approx(0.0, abs=0.03)
    axes = constants_by_method(found, {"D": "a", "bits": "b"}).axes
    assert [axis.get_xlabel() for axis in axes] == ["a", "b"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == list(found)
