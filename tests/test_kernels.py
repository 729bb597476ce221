"""The hand-written passes against plain torch in double precision."""

import pytest
import torch
import torch.nn.functional as F

from precision_lib import kernels

torch.manual_seed(0)


def plain_rotate(qkv, rotation):
    q, k, v = qkv.unbind(2)
    cos, sin = rotation.real, rotation.imag

    def turn(x):
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    return tuple(t.transpose(1, 2) for t in (turn(q), turn(k), v))


def rotation(time=5, half=4):
    return torch.polar(
        torch.ones(time, 1, half).double(), torch.rand(time, 1, half).double()
    )


CASES = {
    "rms_norm": (
        kernels.rms_norm,
        lambda x, g: F.rms_norm(x, x.shape[-1:], g, eps=kernels.EPSILON),
        lambda: (torch.randn(3, 5, 8), torch.randn(8)),
    ),
    "swiglu": (
        kernels.swiglu,
        lambda x: F.silu(x[..., :6]) * x[..., 6:],
        lambda: (torch.randn(3, 5, 12),),
    ),
    "rotate": (
        lambda x: torch.cat(kernels.rotate(x, ROTATION)),
        lambda x: torch.cat(plain_rotate(x, ROTATION)),
        lambda: (torch.randn(2, 5, 3, 2, 8),),
    ),
}
ROTATION = rotation()


@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward_equal_plain_torch(name):
    ours, plain, make = CASES[name]
    inputs = [t.double().requires_grad_() for t in make()]
    a, b = ours(*inputs), plain(*inputs)
    torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    along = torch.randn_like(a)
    for x, y in zip(
        torch.autograd.grad(a, inputs, along),
        torch.autograd.grad(b, inputs, along),
        strict=True,
    ):
        torch.testing.assert_close(x, y, rtol=1e-10, atol=1e-12)


def test_rotate_keeps_values_and_lengths():
    q, k, v = kernels.rotate(torch.randn(2, 5, 3, 2, 8).double(), ROTATION)
    assert q.shape == k.shape == v.shape == (2, 2, 5, 8)


def test_scores_depend_on_distance_only():
    angle = torch.outer(torch.arange(6.0), torch.tensor([1.0, 0.1])).double()
    turns = torch.polar(torch.ones_like(angle), angle)[:, None]
    one = torch.randn(4).double().expand(1, 6, 3, 1, 4)
    q, k, _ = kernels.rotate(one, turns)
    scores = (q @ k.transpose(-1, -2))[0, 0]
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])


@pytest.mark.parametrize("tokens", [7, 512, 1300])
def test_cross_entropy(tokens):
    x = torch.randn(tokens, 8, requires_grad=True)
    head = torch.randn(20, 8, requires_grad=True)
    targets = torch.randint(0, 20, (tokens,))
    ours = kernels.cross_entropy_with_gradient(x, head, targets)
    plain = F.cross_entropy(x @ head.T, targets)
    torch.testing.assert_close(ours, plain)
    for a, b in zip(
        torch.autograd.grad(3 * ours, (x, head)),
        torch.autograd.grad(3 * plain, (x, head)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
