"""Every law: declared whole, exact gradient, planted constants recovered."""

import numpy as np
import pytest

from precision_lib.errors import UserError
from precision_lib.laws import (
    LAWS,
    Law,
    asymptote,
    coefficient,
    exponent,
    fit,
    get_law,
    list_laws,
    planted_params,
    planted_table,
    register,
)
from precision_lib.laws.solver.prepare import prepare
from precision_lib.laws.solver.starts import random_starts

NAMES = [law.name for law in list_laws() if law.__module__.startswith("precision_lib")]
PAPER = {
    "gamma_weights": 2.6745,
    "n_weights": 0.3037,
    "gamma_activations": 2.2102,
    "n_activations": 1.4072,
    "gamma_kv": 0.9578,
    "n_kv": 2.4185,
}


@pytest.mark.parametrize("name", NAMES)
def test_law_is_declared_whole(name):
    law = get_law(name)
    assert law.formula and law.source and law.summary().endswith(".")
    assert law.target in ("loss", "delta")
    assert law.formula.startswith("L =" if law.target == "loss" else "delta =")
    for parameter in law.parameters:
        assert parameter.meaning
        assert parameter.bounds[0] <= parameter.start[0] < parameter.start[1]
        assert parameter.start[1] <= parameter.bounds[1]


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_exact(name):
    law = get_law(name)
    table = planted_table(law, 40, noise=0.01)
    problem = prepare(table, law)
    z = random_starts(problem, 3, seed=5)
    value, jacobian = problem.model(z)
    for k in range(z.shape[1]):
        h = 1e-5
        up, down = z.copy(), z.copy()
        up[:, k] += h
        down[:, k] -= h
        around = (problem.model(up)[0] - problem.model(down)[0]) / (2 * h)
        size = np.abs(around).max() + 1e-6
        np.testing.assert_allclose(jacobian[:, k], around, atol=3e-6 * size, rtol=2e-6)
    assert np.isfinite(value).all()


@pytest.mark.parametrize("name", NAMES)
def test_planted_constants_come_back(name):
    law = get_law(name)
    found = fit(planted_table(law, 250), law, starts=40, floor=1e-3)
    for key, value in planted_params(law).items():
        assert found.params[key] == pytest.approx(value, rel=1e-6, abs=1e-9), key
    assert found.objective < 1e-20
    assert found.r2 == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_planted_constants_come_back_through_noise(name):
    """Predictions, which the data do determine, are right to a few noise units."""
    law = get_law(name)
    noise = 0.003 if law.target == "loss" else 0.05
    found = fit(planted_table(law, 400, noise=noise, seed=1), law, starts=20)
    clean = planted_table(law, 400, seed=1)
    there = clean[law.target] > 0
    error = np.abs(found.predict(clean)[there] / clean[law.target][there] - 1)
    assert np.median(error) < 0.5 * noise


@pytest.mark.parametrize("name", NAMES)
def test_coordinates_and_parameters_are_inverse(name):
    law = get_law(name)
    problem = prepare(planted_table(law, 60, noise=0.001), law)
    z = random_starts(problem, 1, seed=2)[0]
    again = problem.space.coordinates(problem.params(z))
    np.testing.assert_allclose(again, z, rtol=1e-9, atol=1e-9)


def test_share_kept_is_the_paper_s_with_offsets():
    law = get_law("effective")
    base = {"E": 0.0, "A": 1.0, "alpha": 1.0, "B": 0.0, "beta": 1.0}
    bits = np.array([4.0, 5, 6, 7, 8, 10, 16])
    kept = 1 / law.predict(1.0, 1.0, bits, bits, bits, **base, **PAPER)
    expected = [0.191, 0.427, 0.611, 0.740, 0.828, 0.925, 0.994]
    np.testing.assert_allclose(kept, expected, atol=6e-4)


def test_law_is_undefined_where_no_parameter_is_kept():
    law = get_law("effective")
    base = {"E": 0.0, "A": 1.0, "alpha": 1.0, "B": 0.0, "beta": 1.0}
    assert np.isnan(law.predict(1.0, 1.0, 2.0, 2.0, 2.0, **base, **PAPER))


def test_degradation_is_the_paper_s():
    law = get_law("ptq")
    given = {"C_T": 0.0598, "gamma_D": 0.5068, "gamma_N": 0.3439}
    found = law.predict(
        30e6, 26e9, np.array([3.0, 4, 5, 6]), **given, gamma_post=0.5907, b=1.1277
    )
    np.testing.assert_allclose(found, [0.586, 0.108, 0.020, 0.004], atol=6e-4)


def test_no_degradation_without_a_gap_in_bits():
    law = get_law("ptq-trained-low")
    given = planted_params(law)
    assert law.predict(1e8, 1e10, 4.0, 32.0, 32.0, 4.0, **given) == 0.0
    low = law.predict(1e8, 1e10, 6.0, 32.0, 32.0, 4.0, **given)
    high = law.predict(1e8, 1e10, 32.0, 32.0, 32.0, 4.0, **given)
    assert 0 < low < high


def test_unified_law_joins_its_two_parts():
    whole, base, part = map(get_law, ("unified", "effective", "ptq-trained-low"))
    given = planted_params(whole)
    row = (1e8, 1e10, 6.0, 8.0, 5.0)

    def own(law):
        return {p.name: given[p.name] for p in law.parameters}

    split = base.predict(*row, **own(base)) + part.predict(*row, 3.0, **own(part))
    assert whole.predict(*row, 3.0, **given) == pytest.approx(split, rel=1e-12)


def test_no_offset_law_holds_the_offset():
    table = planted_table("effective-weights-no-offset", 100, noise=0.002)
    found = fit(table, "effective-weights-no-offset", starts=10)
    assert found.params["n_weights"] == 0.0 and found.fixed["n_weights"] == 0.0


def test_unquantized_formats_are_the_reference():
    found = fit(planted_table("format-multiplier", 100, 0.002), "format-multiplier")
    assert found.params["eff[float32]"] == 1.0
    assert "eff[float32]" in found.fixed


@pytest.fixture
def registry():
    before = dict(LAWS)
    yield LAWS
    LAWS.clear()
    LAWS.update(before)


def test_a_reader_s_own_law_in_fifteen_lines(registry):
    @register
    class Own(Law):
        """Only data matters, and its worth grows with bits."""

        name = "own"
        formula = "L = E + B (D tanh(bits / P))^-beta"
        parameters = (
            asymptote("E", "floor"),
            coefficient("B", "data term", lambda D, beta: D**-beta),
            exponent("beta", "how fast data helps"),
            exponent("P", "bits at which three quarters of the data count"),
        )

        @staticmethod
        def predict(D, bits, *, E, B, beta, P):
            return E + B * (D * np.tanh(bits / (8 * P))) ** -beta

    generator = np.random.default_rng(0)
    truth = {"E": 2.0, "B": 300.0, "beta": 0.3, "P": 0.5}
    table = {"D": 10 ** generator.uniform(7, 9, 60), "bits": np.arange(60) % 6 + 1.0}
    table["loss"] = Own.predict(table["D"], table["bits"], **truth)
    found = fit(table, "own", starts=20)
    assert found.params == pytest.approx(truth, rel=1e-6)


def test_declaration_that_does_not_match_the_function():
    with pytest.raises(UserError, match="keyword-only"):

        class Wrong(Law):
            """Wrong."""

            name = "wrong"
            parameters = (exponent("alpha", ""),)

            @staticmethod
            def predict(N, *, beta):
                return N**-beta


def test_a_name_is_taken_once(registry):
    class Other(Law):
        """Another law."""

        name = "chinchilla"
        parameters = (exponent("alpha", ""),)

        @staticmethod
        def predict(N, *, alpha):
            return N**-alpha

    with pytest.raises(UserError, match="already"):
        register(Other)
    with pytest.raises(UserError, match="there are chinchilla"):
        get_law("chinchila")
