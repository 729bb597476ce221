"""Derivatives of plain NumPy functions: exact, by every rule, in every shape."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from precision_lib.errors import UserError
from precision_lib.laws.solver.dual import RULES, Dual, slope

CASES = {
    np.add: lambda x: x + 2.0 * x,
    np.subtract: lambda x: 3.0 - x,
    np.multiply: lambda x: x * x * 2.0,
    np.divide: lambda x: (x + 1.0) / (x * x + 2.0),
    np.power: lambda x: (x + 1.0) ** -x + x**3 + 2.0**x,
    np.negative: lambda x: -x,
    np.positive: lambda x: +x,
    np.exp: lambda x: np.exp(-2.0 * x),
    np.expm1: lambda x: np.expm1(-x),
    np.log: lambda x: np.log(x * 3.0),
    np.log2: lambda x: np.log2(1.0 + x),
    np.log10: lambda x: np.log10(1.0 + x),
    np.log1p: lambda x: np.log1p(x),
    np.sqrt: lambda x: np.sqrt(x + 0.5),
    np.square: lambda x: np.square(x),
    np.tanh: lambda x: np.tanh(x),
    np.arcsinh: lambda x: np.arcsinh(x / 0.3),
    np.logaddexp: lambda x: np.logaddexp(x, 1.0 - x),
    np.absolute: lambda x: np.abs(x - 0.7) * x,
    np.maximum: lambda x: np.maximum(x, 0.9) * x,
    np.minimum: lambda x: np.minimum(1.3, x) * x,
}


def test_every_rule_has_a_case():
    assert set(CASES) | {np.arctan} >= set(RULES)


@pytest.mark.parametrize("ufunc", CASES, ids=lambda u: u.__name__)
@given(at=st.floats(0.05, 3.0))
def test_rule_against_central_difference(ufunc, at):
    function = CASES[ufunc]
    if min(abs(at - kink) for kink in (0.7, 0.9, 1.3)) < 1e-3:
        return
    h = 1e-5
    around = (function(at + h) - function(at - h)) / (2 * h)
    assert slope(function, at) == pytest.approx(around, rel=1e-6, abs=1e-8)


@given(at=st.floats(0.1, 3.0))
def test_exact_where_a_difference_is_not(at):
    assert slope(lambda x: np.exp(-x) ** 2, at) == pytest.approx(
        -2 * np.exp(-2 * at), rel=1e-14
    )


def test_values_are_those_of_plain_numpy():
    x = np.linspace(0.2, 2.0, 7)
    for function in CASES.values():
        found = function(Dual(x, {0: np.ones(7)}))
        np.testing.assert_allclose(found.value, function(x), rtol=1e-14)


def test_only_the_parameters_that_matter_are_carried():
    a, b = (Dual(np.ones((3, 1)), {k: np.ones((1, 1))}) for k in (0, 1))
    assert set((a * 2.0).parts) == {0}
    assert set((a * np.arange(4.0) + b).parts) == {0, 1}
    assert (a * np.arange(4.0) + b).value.shape == (3, 4)


def test_where_takes_the_derivative_of_the_branch():
    x = Dual(np.array([1.0, 2.0]), {0: np.ones(2)})
    found = np.where(np.array([True, False]), x * 3.0, x * 5.0)
    assert found.parts[0].tolist() == [3.0, 5.0]


def test_power_of_zero():
    assert slope(lambda x: np.zeros(1)[0] ** x + x, 2.0) == 1.0
    assert slope(lambda x: (x - 2.0) ** 2.0, 2.0) == 0.0


def test_function_without_a_rule_is_refused():
    x = Dual(np.ones(1), {0: np.ones(1)})
    for wrong, name in [
        (lambda: np.sin(x), "numpy.sin has no"),
        (lambda: np.add.reduce(x), "numpy.add.reduce has no"),
        (lambda: np.clip(x, 0, 1), "numpy.clip has no"),
    ]:
        with pytest.raises(UserError, match=name):
            wrong()
