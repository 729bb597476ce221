"""GPTQ against least squares that know nothing of Cholesky factors."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from precision_lib.formats import Int, parse_format
from precision_lib.ptq import Options
from precision_lib.ptq.gptq import gptq
from precision_lib.ptq.grid import round_to, weight_grid
from precision_lib.ptq.walk import second_moment


def problem(seed, rows=12, inputs=24, tokens=200, mixing=1.0):
    """Weights, and inputs that are correlated and unequally loud."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x = normal(tokens, inputs) @ (torch.eye(inputs) + mixing * normal(inputs, inputs))
    return normal(rows, inputs), x * (1 + normal(inputs).abs())


def solve(weight, x, fmt, block=None, **options):
    block = block or (1, weight.shape[1])
    grid = weight_grid(weight, fmt, block)
    return gptq(weight, second_moment(x), grid, Options(**options)), grid


def least_squares(weight, x, grid, order, damping):
    """Round a column, solve the ridge regression for all columns that are left."""
    hessian = second_moment(x)
    ridge = math.sqrt(damping * hessian.diagonal().mean())
    system = torch.cat([x / math.sqrt(len(x)), ridge * torch.eye(x.shape[1])])
    target = system @ weight.T
    current, left = weight.clone(), list(order)
    while left:
        column = left.pop(0)
        zero = None if grid.zero_point is None else grid.zero_point[:, column]
        scale = grid.scale[:, column]
        current[:, column] = round_to(grid.element, current[:, column], scale, zero)
        if left:
            fixed = [c for c in range(weight.shape[1]) if c not in left]
            rest = target - system[:, fixed] @ current[:, fixed].T
            solution = torch.linalg.lstsq(system[:, left], rest, driver="gelsd")
            current[:, left] = solution.solution.T
    return current


def output_error(weight, values, x):
    return float(((values - weight) @ x.T).square().mean())


@pytest.mark.parametrize(
    "text", ["int2", "int3-full", "int4-asymmetric", "e2m1", "nf4"]
)
@pytest.mark.parametrize("act_order", [True, False])
@pytest.mark.parametrize("group", [24, 8])
def test_equals_sequential_ridge_least_squares(text, act_order, group):
    weight, x = problem(0)
    solved, grid = solve(weight, x, parse_format(text), (1, group), act_order=act_order)
    loud = second_moment(x).diagonal().argsort(descending=True, stable=True).tolist()
    order = loud if act_order else range(24)
    expected = least_squares(weight, x, grid, order, 0.01)
    torch.testing.assert_close(solved.values, expected, rtol=0, atol=1e-12)
    assert not torch.equal(solved.values, grid.round(weight))


@pytest.mark.parametrize("damping", [0.01, 0.3])
@pytest.mark.parametrize("act_order", [True, False])
def test_the_loss_is_the_output_error_plus_the_ridge(damping, act_order):
    weight, x = problem(1)
    solved, _ = solve(weight, x, Int(3), damping=damping, act_order=act_order)
    delta = solved.values - weight
    mean = second_moment(x).diagonal().mean()
    error = (delta @ x.T).square().sum() / len(x)
    expected = float(error + damping * mean * delta.square().sum())
    assert solved.loss == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("columns", [1, 5, 7, 24, 128])
def test_the_block_of_columns_changes_nothing(columns):
    weight, x = problem(2)
    one, _ = solve(weight, x, Int(3))
    other, _ = solve(weight, x, Int(3), block_columns=columns)
    torch.testing.assert_close(one.values, other.values, rtol=0, atol=0)
    assert other.loss == pytest.approx(one.loss, rel=1e-12)


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 10**6), st.floats(-6, 6), st.sampled_from(["int2", "int4", "e2m1"])
)
def test_louder_inputs_and_weights_change_the_scale_only(seed, power, text):
    weight, x = problem(seed)
    factor = 2.0 ** round(power)  # exact in floating point
    one, _ = solve(weight, x, parse_format(text))
    louder, _ = solve(weight, factor * x, parse_format(text))
    larger, _ = solve(factor * weight, x, parse_format(text))
    assert torch.equal(louder.values, one.values)
    assert torch.equal(larger.values, factor * one.values)


def test_uncorrelated_inputs_leave_rounding_to_nearest():
    weight, _ = problem(3)
    grid = weight_grid(weight, Int(3), (1, 24))
    loudness = torch.rand(24, dtype=torch.float64) + 0.1
    solved = gptq(weight, torch.diag(loudness), grid, Options())
    assert torch.equal(solved.values, grid.round(weight))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_with_act_order_the_order_of_the_inputs_does_not_matter(seed):
    weight, x = problem(seed)
    order = torch.randperm(24, generator=torch.Generator().manual_seed(seed))
    one, _ = solve(weight, x, Int(3))
    other, _ = solve(weight[:, order], x[:, order], Int(3))
    torch.testing.assert_close(other.values, one.values[:, order], rtol=0, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 3, 4, 6]))
def test_rows_do_not_look_at_each_other(seed, bits):
    weight, x = problem(seed)
    all_rows, _ = solve(weight, x, Int(bits))
    some_rows, _ = solve(weight[3:7], x, Int(bits))
    torch.testing.assert_close(some_rows.values, all_rows.values[3:7])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["int2", "int3", "int4", "e2m1", "nf4"]))
def test_the_output_error_is_below_that_of_rounding_to_nearest(seed, text):
    """Over 64 rows; a single row can be unlucky."""
    weight, x = problem(seed, rows=64)
    solved, grid = solve(weight, x, parse_format(text))
    nearest = output_error(weight, grid.round(weight), x)
    assert output_error(weight, solved.values, x) < nearest


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["int2", "int3-asymmetric", "e3m2", "nf4"])
)
def test_every_value_is_on_the_grid_and_a_second_time_changes_nothing(seed, text):
    weight, x = problem(seed)
    fmt = parse_format(text)
    solved, grid = solve(weight, x, fmt, (1, 8))
    assert torch.equal(grid.round(solved.values), solved.values)
    again = gptq(solved.values, second_moment(x), grid, Options())
    assert torch.equal(again.values, solved.values)
    assert again.loss == 0


def test_inputs_without_a_signal_are_rounded_to_nearest_and_named():
    weight, x = problem(4)
    x[:, [2, 9]] = 0
    solved, grid = solve(weight, x, Int(3))
    nearest = grid.round(weight)
    assert torch.equal(solved.values[:, [2, 9]], nearest[:, [2, 9]])
    assert not torch.equal(solved.values, nearest)
    assert solved.note.startswith("2 inputs without a signal")
    live = [c for c in range(24) if c not in (2, 9)]
    sub = weight_grid(weight, Int(3), (1, 24))
    rest = type(sub)(sub.element, sub.scale[:, live], None)
    # The mean diagonal counts the silent inputs; give the same damping as a number.
    damping = 0.01 * len(live) / 24
    hessian = second_moment(x[:, live])
    expected = gptq(weight[:, live], hessian, rest, Options(damping=damping))
    torch.testing.assert_close(solved.values[:, live], expected.values)


def test_a_rank_deficient_hessian_is_solved_by_damping():
    weight, x = problem(5, tokens=6)
    solved, grid = solve(weight, x, Int(3))
    assert (solved.damping, solved.note, solved.fallback) == (0.01, "", False)
    nearest = output_error(weight, grid.round(weight), x)
    assert output_error(weight, solved.values, x) < 0.3 * nearest


def test_damping_rises_in_steps_and_says_so():
    """Without damping a singular Hessian has no factor."""
    weight = torch.randn(4, 3, dtype=torch.float64)
    hessian = torch.ones(3, 3, dtype=torch.float64)
    grid = weight_grid(weight, Int(3), (1, 3))
    solved = gptq(weight, hessian, grid, Options(damping=0.0))
    assert solved.damping == 0.01 and solved.note == "damping raised to 0.01"
    # An eigenvalue of -0.5 where the mean diagonal is 1 needs more than 0.5.
    hessian = torch.eye(3, dtype=torch.float64)
    hessian[0, 1] = hessian[1, 0] = 1.5
    solved = gptq(weight, hessian, grid, Options())
    assert solved.damping == 1.0 and solved.note == "damping raised to 1"
    assert not solved.fallback


@pytest.mark.parametrize(
    ("entry", "note"), [(9.0, "cannot be factorized"), (math.nan, "NaN or infinity")]
)
def test_a_hessian_that_cannot_be_used_falls_back_and_says_so(entry, note):
    weight = torch.randn(4, 3, dtype=torch.float64)
    hessian = torch.eye(3, dtype=torch.float64)
    hessian[0, 1] = hessian[1, 0] = entry
    grid = weight_grid(weight, Int(3), (1, 3))
    solved = gptq(weight, hessian, grid, Options())
    assert solved.fallback and note in solved.note and "nearest" in solved.note
    assert torch.equal(solved.values, grid.round(weight)) and math.isnan(solved.loss)


def test_the_weight_given_is_left_alone():
    weight, x = problem(6)
    before = weight.clone()
    solve(weight, x, Int(3))
    assert torch.equal(weight, before)
