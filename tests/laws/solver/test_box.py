"""The quadratic in a box: against scipy's bounded least squares."""

import numpy as np
from hypothesis import given, settings, strategies as st
from scipy.optimize import lsq_linear

from precision_lib.laws.solver.box import convex, lowest_in_box, solve_free, times


def made_up(seed, size, batch=20):
    """Quadratics of coordinates in very different units, and boxes around zero."""
    draw = np.random.default_rng(seed)
    root = draw.normal(size=(batch, size + 2, size))
    root *= 10 ** draw.uniform(-3, 3, (batch, 1, size))
    goal = 10 * draw.normal(size=(batch, size + 2))
    low, high = (10 ** draw.uniform(-3, 2, (batch, size)) for _ in range(2))
    low[draw.random(low.shape) < 0.2] = 0.0
    return root, goal, -low, high


@given(seed=st.integers(0, 10_000), size=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_lowest_point_is_that_of_scipy(seed, size):
    root, goal, low, high = made_up(seed, size)
    hessian = np.einsum("bik,bil->bkl", root, root)
    slope = np.einsum("bik,bi->bk", root, goal)
    found = lowest_in_box(hessian, slope, low, high)
    assert (low <= found).all() and (found <= high).all()
    for at, a, b, lower, upper in zip(found, root, goal, low, high, strict=True):
        theirs = lsq_linear(a, b, (lower, upper), method="bvls", tol=1e-14)
        ours = 0.5 * float(((a @ at - b) ** 2).sum())
        assert ours <= theirs.cost * (1 + 1e-9)


def test_without_a_bound_in_the_way_it_is_the_solution():
    root, goal, *_ = made_up(3, 5)
    hessian = np.einsum("bik,bil->bkl", root, root)
    slope = np.einsum("bik,bi->bk", root, goal)
    wide = np.full(slope.shape, 1e12)
    found = lowest_in_box(hessian, slope, -wide, wide)
    theirs = np.linalg.solve(hessian, slope[..., None])[..., 0]
    np.testing.assert_allclose(found, theirs, rtol=1e-6)
    np.testing.assert_allclose(
        times(hessian, found), slope, rtol=1e-6, atol=1e-6 * np.abs(slope).max()
    )


def test_coordinates_that_are_not_free_stay_zero():
    root, goal, *_ = made_up(4, 4, batch=2)
    hessian = np.einsum("bik,bil->bkl", root, root)
    free = np.array([[True, False, True, False], [False, True, True, True]])
    found = solve_free(hessian, goal[:, :4], free)
    for at, matrix, right, loose in zip(found, hessian, goal, free, strict=True):
        part = np.linalg.solve(matrix[np.ix_(loose, loose)], right[:4][loose])
        np.testing.assert_allclose(at[loose], part, rtol=1e-6)
        assert (at[~loose] == 0).all()


@given(seed=st.integers(0, 10_000), size=st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_convex_as_the_eigenvalues_say(seed, size):
    draw = np.random.default_rng(seed)
    some = draw.normal(size=(30, size, size))
    some = some + some.swapaxes(1, 2) + 2 * np.sqrt(size) * np.eye(size)
    expected = np.linalg.eigvalsh(some).min(-1) > 0
    assert (convex(some) == expected).all()
