"""The hand-written passes against plain torch in double precision."""

import math

import pytest
import torch
import torch.nn.functional as F

from precision_lib.formats import Int
from precision_lib.model import kernels
from precision_lib.model.attention import attend, rotation
from precision_lib.rounding.quantizer import fake_quantize

torch.manual_seed(0)


def plain_attention(qkv, quantize=lambda x: x):
    """Rotary attention from cosines, sines and a full mask."""
    batch, time, _, heads, d_head = qkv.shape
    half = d_head // 2
    frequency = 10_000.0 ** (-torch.arange(half).double() / half)
    angle = torch.arange(time).double()[:, None] * frequency
    cos, sin = (f(angle)[:, None] for f in (torch.cos, torch.sin))

    def turn(x):
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    q, k, v = qkv.unbind(2)
    q, k, v = (t.transpose(1, 2) for t in (turn(q), turn(k), v))
    k, v = quantize(k), quantize(v)
    scores = q @ k.mT / math.sqrt(d_head)
    hidden = torch.ones(time, time).triu(1).bool()
    y = scores.masked_fill(hidden, -math.inf).softmax(-1) @ v
    return y.transpose(1, 2).reshape(batch, time, -1)


def by_token(x):
    return fake_quantize(x, Int(3, "paper"), (1, 1, 1, x.shape[-1]))


def attention(qkv, quantize=None):
    turn = rotation(qkv.shape[1], qkv.shape[-1])
    return attend(qkv.clone(), turn, None, quantize)


CASES = {
    "linear": (kernels.linear, F.linear, ((3, 5, 8), (6, 8))),
    "rms_norm": (
        kernels.rms_norm,
        lambda x, g: F.rms_norm(x, x.shape[-1:], g, eps=kernels.EPSILON),
        ((3, 5, 8), (8,)),
    ),
    "norm_linear": (
        kernels.norm_linear,
        lambda x, g, w: F.linear(F.rms_norm(x, g.shape, g, kernels.EPSILON), w),
        ((3, 5, 8), (8,), (6, 8)),
    ),
    "swiglu": (
        kernels.swiglu,
        lambda x: F.silu(x[..., :6]) * x[..., 6:],
        ((300, 50, 12),),
    ),
    "attention, one block": (attention, plain_attention, ((2, 5, 3, 2, 8),)),
    "attention, blocks": (attention, plain_attention, ((2, 150, 3, 2, 8),)),
    "attention, low-bit cache": (
        lambda x: attention(x, by_token),
        lambda x: plain_attention(x, by_token),
        ((2, 70, 3, 2, 8),),
    ),
}


@pytest.mark.parametrize("hand", [True, False], ids=["by hand", "plain"])
@pytest.mark.parametrize("name", CASES)
def test_forward_and_backward_equal_plain_torch(name, hand):
    ours, plain, shapes = CASES[name]
    exact = [torch.randn(shape).double().requires_grad_() for shape in shapes]
    inputs = [t.detach().float().requires_grad_() for t in exact] if hand else exact
    assert all(kernels.by_hand(x) == hand for x in inputs)
    near = {"rtol": 1e-4, "atol": 1e-4} if hand else {"rtol": 1e-5, "atol": 1e-6}
    a, b = ours(*inputs), plain(*exact)
    torch.testing.assert_close(a.double(), b, **near)
    along = torch.randn_like(b)
    for x, y in zip(
        torch.autograd.grad(a, inputs, along.to(a.dtype)),
        torch.autograd.grad(b, exact, along),
        strict=True,
    ):
        torch.testing.assert_close(x.double(), y, **near)


def test_scores_depend_on_distance_only():
    """Equal queries and keys everywhere: shifting both changes nothing."""
    one = torch.randn(1, 1, 3, 1, 4).expand(1, 6, 3, 1, 4).clone()
    q, k = (
        torch.view_as_real(
            torch.view_as_complex(one[:, :, i].unflatten(-1, (-1, 2)).contiguous())
            * rotation(6, 4)[:, 0]
        ).flatten(-2)[0, :, 0]
        for i in (0, 1)
    )
    scores = q @ k.T
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1])


@pytest.mark.parametrize("tokens", [7, 512, 1300])
def test_cross_entropy(tokens):
    x = torch.randn(tokens, 8, requires_grad=True)
    head = torch.randn(20, 8, requires_grad=True)
    targets = torch.randint(0, 20, (tokens,))
    ours = kernels.mean_cross_entropy(x, head, targets)
    plain = F.cross_entropy(x @ head.T, targets)
    torch.testing.assert_close(ours, plain)
    for a, b in zip(
        torch.autograd.grad(3 * ours, (x, head)),
        torch.autograd.grad(3 * plain, (x, head)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
