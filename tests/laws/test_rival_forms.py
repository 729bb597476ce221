"""What tells the laws of 2025 and 2026 from the paper's, on numbers by hand."""

import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from precision_lib.laws import fit, get_law, planted_params, planted_table
from precision_lib.laws.forms.capacity import capacity
from precision_lib.laws.forms.two_phases import best_share, tokens_per_byte

PRINTED = {0.3634: 0.21, 0.1188: 0.45, 0.0374: 0.74, 0.0115: 0.90}  # 2506.01863, Fig. 6


def test_capacity_counts_the_bits_of_an_ideal_format():
    bits = np.arange(1, 9)
    by_bits = np.tanh(0.6 * bits) ** 2.5
    np.testing.assert_allclose(capacity(4.0**-bits, 1.0, 0.6, 2.5), by_bits, rtol=1e-12)
    assert capacity(0.0, 0.7, 0.6, 2.5) == 1.0
    assert capacity(1.0, 1.0, 0.6, 2.5) == 0.0


def test_two_constants_of_capacity_give_the_printed_shares_of_2_to_4_bits():
    errors = np.array([e for e in PRINTED if e < 0.2])
    printed = np.array([PRINTED[e] for e in errors])
    np.testing.assert_allclose(capacity(errors, 1, 0.6, 2.5), printed, atol=0.01)


def test_share_of_capacity_is_held_at_one_and_can_be_freed():
    law, known = get_law("capacity"), planted_params(get_law("capacity")) | {"L": 0.8}
    table = planted_table(law, 250, params=known)
    assert fit(table, law, starts=10).params["L"] == 1.0
    freed = fit(table, law, starts=40, fixed={"L": None}, floor=1e-3)
    assert freed.params == pytest.approx(known, rel=1e-5)


def test_a_channel_falls_with_data_until_noise_outgrows_signal():
    law, known = get_law("shannon"), planted_params(get_law("shannon"))
    D = np.geomspace(1e6, 1e14, 200)
    loss = law.predict(1e8, D, **known)
    best = int(loss.argmin())
    assert 0 < best < 199  # delta 1.0 is above beta .6
    assert (np.diff(loss[: best + 1]) < 0).all() and (np.diff(loss[best:]) > 0).all()
    quiet = law.predict(1e8, D, **(known | {"d": 0.0, "c": 0.0}))
    assert (np.diff(quiet) < 0).all()


def test_only_ratios_to_the_signal_matter():
    law, known = get_law("shannon"), planted_params(get_law("shannon"))
    other = known | {name: 7 * known[name] for name in "bcde"}
    row = (6e7, 3e9)
    assert law.predict(*row, **known) == pytest.approx(law.predict(*row, **other))


def test_parts_cost_a_share_of_the_sum_only_together():
    law, known = get_law("qat-error-parts"), planted_params(get_law("qat-error-parts"))
    cost = [
        law.predict(1e8, 1e10, 128.0, w, a, **known)
        for w, a in ((4, 16), (16, 4), (4, 4), (16, 32))
    ]
    assert cost[2] == pytest.approx(0.906 * (cost[0] + cost[1])) and cost[3] == 0.0
    grown = law.predict(1e8, 2e10, 128.0, 4, 16, **known) / cost[0]
    assert grown == pytest.approx(2**0.161)


def test_a_part_alone_is_the_error_of_one_part():
    parts, one = get_law("qat-error-parts"), get_law("qat-error")
    known = planted_params(parts)
    own = {p.name: known[f"{p.name}_activations"] for p in one.parameters}
    row = (3e8, 2e10, 64.0)
    assert parts.predict(*row, 32, 4, **known) == pytest.approx(
        one.predict(*row, **own)
    )


def test_two_phases_have_a_best_share_inside():
    law, known = get_law("two-phases"), planted_params(get_law("two-phases"))
    found = minimize_scalar(
        lambda share: law.predict(1e8, 1e10, 4.0, share, **known),
        bounds=(1e-6, 1 - 1e-6), method="bounded",
    )  # fmt: skip
    assert 0.01 < found.x < 0.99
    ends = law.predict(1e8, 1e10, 4.0, np.array([1e-6, 1 - 1e-6]), **known)
    assert (ends > found.fun).all()


def test_the_best_share_is_the_published_formula_and_grows_with_tokens():
    S = tokens_per_byte(1e8, 5e9, 4)
    assert S == 100.0
    spelled_out = math.exp(math.log(S) - 6.7297 / math.log(S)) / S
    assert best_share(1e8, 5e9, 4) == pytest.approx(spelled_out)
    shares = best_share(1e8, np.geomspace(1e9, 1e12, 9), 4)
    assert (np.diff(shares) > 0).all() and shares[-1] < 1
    assert best_share(1e8, 5e9, 2) > best_share(1e8, 5e9, 4) > best_share(2e8, 5e9, 4)
