"""The block Hadamard rotation."""

import pytest
import torch
from scipy.linalg import hadamard

from precision_lib.errors import UserError
from precision_lib.rounding.hadamard import rotate


@pytest.mark.parametrize(
    ("width", "block", "run"), [(64, 64, 64), (160, 64, 32), (176, 16, 16), (96, 8, 8)]
)
def test_is_scipys_matrix_on_each_run(width, block, run):
    x = torch.randn(3, 5, width, dtype=torch.float64)
    matrix = torch.tensor(hadamard(run) / run**0.5)
    parts = [part @ matrix for part in x.split(run, -1)]
    torch.testing.assert_close(rotate(x, block), torch.cat(parts, -1))


def test_is_orthonormal_and_its_own_inverse():
    x, w = torch.randn(8, 96), torch.randn(5, 96)
    torch.testing.assert_close(rotate(rotate(x, 32), 32), x)
    torch.testing.assert_close(rotate(x, 32) @ rotate(w, 32).T, x @ w.T)
    torch.testing.assert_close(rotate(x, 32).norm(dim=-1), x.norm(dim=-1))


def test_spreads_an_outlier():
    x = torch.zeros(64)
    x[5] = 8
    assert torch.equal(rotate(x, 64).abs(), torch.ones(64))


def test_its_gradient_is_the_rotation():
    x = torch.randn(4, 32, requires_grad=True)
    grad = torch.randn(4, 32)
    rotate(x, 32).backward(grad)
    torch.testing.assert_close(x.grad, rotate(grad, 32))


def test_a_matrix_first_made_without_gradients_serves_training():
    with torch.inference_mode():
        rotate(torch.ones(2, 512), 512)
    x = torch.ones(2, 512, requires_grad=True)
    rotate(x, 512).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize("block", [0, 3, 48, -2])
def test_only_powers_of_two(block):
    with pytest.raises(UserError, match="rotation"):
        rotate(torch.ones(96), block)
