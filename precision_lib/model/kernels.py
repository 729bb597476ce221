"""The operations of a training step, with passes written by hand for the CPU.

Each function is a line or two of plain torch, which is what runs on a GPU, in
double precision or under autocast. In float32 on a CPU a hand-written forward and
backward pass stands in for it: fewer passes over memory than autograd makes, and
matrix products from numpy, whose OpenBLAS was 10 to 20% faster than the BLAS
inside torch at these shapes. The tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-6
CACHED = 2**16  # numbers of one slice where a pass is made slice by slice
ROWS_AT_ONCE = 512  # logits of 512 rows of 512 tokens are 1 MB: they stay in cache


def by_hand(x: Tensor) -> bool:
    """Whether the hand-written passes serve `x`.

    Examples
    --------
    >>> by_hand(torch.ones(2)), by_hand(torch.ones(2).double())
    (True, False)
    """
    plain = x.device.type == "cpu" and x.dtype == torch.float32
    return plain and not torch.is_autocast_enabled("cpu")


def matmul(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """``a @ b`` for float32 matrices on the CPU, or stacks of them; no gradient.

    Examples
    --------
    >>> matmul(torch.ones(2, 3), torch.ones(3, 1)).tolist()
    [[3.0], [3.0]]
    """
    if out is None:
        out = a.new_empty(*a.shape[:-1], b.shape[-1])
    np.matmul(a.detach().numpy(), b.detach().numpy(), out=out.numpy())
    return out


def row_dot(a: Tensor, b: Tensor) -> Tensor:
    """Sum of a·b over the last axis, kept as an axis of one; no gradient.

    Examples
    --------
    >>> row_dot(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])).tolist()
    [[11.0]]
    """
    out = a.new_empty(a.shape[:-1])
    np.vecdot(a.detach().numpy(), b.detach().numpy(), out=out.numpy())
    return out.unsqueeze(-1)


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T``: (…, in) times (out, in) gives (…, out).

    Examples
    --------
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]])).tolist()
    [[11.0]]
    """
    return _Linear.apply(x, weight) if by_hand(x) else F.linear(x, weight)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        y = matmul(x.flatten(0, -2), weight.T)
        return y.view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        grad = grads[0].flatten(0, -2)
        grad_weight = matmul(grad.T, x.flatten(0, -2))
        return matmul(grad, weight).view(x.shape), grad_weight


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    """x / sqrt(mean(x²) + 1e-6) · gain along the last axis.

    Examples
    --------
    >>> rms_norm(torch.tensor([3.0, -3.0]), torch.ones(2)).tolist()
    [0.9999999403953552, -0.9999999403953552]
    """
    if by_hand(x):
        return _RMSNorm.apply(x, gain)
    wide = x.to(torch.promote_types(x.dtype, gain.dtype))
    return F.rms_norm(wide, gain.shape, gain, EPSILON).to(x.dtype)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        inverse = _inverse_rms(x)
        unit = x * inverse
        ctx.save_for_backward(unit, inverse, gain)
        return unit * gain

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        unit, inverse, gain = ctx.saved_tensors
        (grad,) = grads
        grad_gain = (grad * unit).flatten(0, -2).sum(0)
        return _through_unit(grad * gain, unit, inverse), grad_gain


def norm_linear(x: Tensor, gain: Tensor, weight: Tensor) -> Tensor:
    """``linear(rms_norm(x, gain), weight)``, with the gain moved into the weight.

    Examples
    --------
    >>> norm_linear(torch.tensor([[3.0, -3.0]]), torch.ones(2), torch.eye(2)).shape
    torch.Size([1, 2])
    """
    if by_hand(x):
        return _NormLinear.apply(x, gain, weight)
    return linear(rms_norm(x, gain), weight)


class _NormLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, weight: Tensor) -> Tensor:
        inverse = _inverse_rms(x)
        unit = x * inverse
        scaled = weight * gain
        ctx.save_for_backward(unit, inverse, gain, weight, scaled)
        y = matmul(unit.flatten(0, -2), scaled.T)
        return y.view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        unit, inverse, gain, weight, scaled = ctx.saved_tensors
        grad = grads[0].flatten(0, -2)
        grad_scaled = matmul(grad.T, unit.flatten(0, -2))
        grad_gain = (grad_scaled * weight).sum(0)
        grad_unit = matmul(grad, scaled).view(unit.shape)
        grad_x = _through_unit(grad_unit, unit, inverse)
        return grad_x, grad_gain, grad_scaled.mul_(gain)


def _inverse_rms(x: Tensor) -> Tensor:
    return row_dot(x, x).div_(x.shape[-1]).add_(EPSILON).rsqrt_()


def _through_unit(grad: Tensor, unit: Tensor, inverse: Tensor) -> Tensor:
    """Gradient of x from that of ``unit = x · inverse``; overwrites the latter."""
    along = row_dot(grad, unit).div_(unit.shape[-1])
    return grad.addcmul_(unit, along, value=-1).mul_(inverse)


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) · up, the two halves of the last axis.

    Examples
    --------
    >>> swiglu(torch.tensor([[0.0, 2.0, 5.0, 1.0]])).tolist()
    [[0.0, 1.7615940570831299]]
    """
    if by_hand(gate_up):
        return _SwiGLU.apply(gate_up)
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        *shape, width = gate_up.shape
        y = gate_up.new_empty(*shape, width // 2)
        for x, out in _slices(gate_up, y):
            gate, up = x.chunk(2, -1)
            torch.mul(F.silu(gate), up, out=out)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        grad_gate_up = torch.empty_like(gate_up)
        for x, grad, out in _slices(gate_up, grads[0], grad_gate_up):
            gate, up = x.chunk(2, -1)
            grad_gate, grad_up = out.chunk(2, -1)
            torch.mul(grad, F.silu(gate), out=grad_up)
            torch.ops.aten.silu_backward.grad_input(
                grad * up, gate, grad_input=grad_gate
            )
        return grad_gate_up


def _slices(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of all the tensors, so few at a time that they stay in cache."""
    rows = max(1, CACHED // tensors[0].shape[-1])
    return zip(*(t.flatten(0, -2).split(rows) for t in tensors), strict=True)


@torch.no_grad()
def token_cross_entropy(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of each token, without a gradient.

    Parameters
    ----------
    x : Tensor, shape (tokens, d)
    head : Tensor, shape (vocabulary, d)
    targets : Tensor of int64, shape (tokens,)

    Returns
    -------
    Tensor, shape (tokens,)
        Nats.

    Examples
    --------
    >>> x, head = torch.zeros(2, 2), torch.zeros(4, 2)
    >>> token_cross_entropy(x, head, torch.tensor([0, 1])).tolist()
    [1.3862943649291992, 1.3862943649291992]
    """
    losses = []
    for rows, target in zip(
        x.split(ROWS_AT_ONCE), targets.split(ROWS_AT_ONCE), strict=True
    ):
        logits = linear(rows, head)
        wide = torch.promote_types(logits.dtype, torch.float32)
        losses.append(F.cross_entropy(logits.to(wide), target, reduction="none"))
    return torch.cat(losses)


def mean_cross_entropy(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the logits ``x @ head.T``.

    By hand the logits are never stored: the gradients are computed in the forward
    pass, a slice of rows at a time, while the logits are in cache.

    Parameters
    ----------
    x : Tensor, shape (tokens, d)
    head : Tensor, shape (vocabulary, d)
    targets : Tensor of int64, shape (tokens,)

    Returns
    -------
    Tensor, shape ()
        Nats per token; by hand no token counts for more than 87, the logarithm of
        the smallest number of float32.

    Examples
    --------
    >>> x, head = torch.zeros(3, 2), torch.zeros(4, 2)
    >>> mean_cross_entropy(x, head, torch.tensor([0, 1, 2])).item()
    1.3862943649291992
    """
    if by_hand(x):
        return _CrossEntropy.apply(x, head, targets)
    logits = F.linear(x, head)
    wide = torch.promote_types(logits.dtype, torch.float32)
    return F.cross_entropy(logits.to(wide), targets)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        grad_x, grad_head = torch.empty_like(x), torch.zeros_like(head)
        total = x.new_zeros(())
        tiny = torch.finfo(x.dtype).tiny
        step = 1 / len(x)
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            target = targets[rows, None]
            p = torch.softmax(matmul(x[rows], head.T), -1)
            p_target = p.gather(1, target)
            total -= p_target.clamp_min(tiny).log_().sum()
            grad = p.scatter_(1, target, p_target - 1).mul_(step)
            matmul(grad, head, out=grad_x[rows])
            grad_head += matmul(grad.T, x[rows])
        ctx.save_for_backward(grad_x, grad_head)
        return total * step

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_x, grad_head = ctx.saved_tensors
        (grad,) = grads
        return grad_x * grad, grad_head * grad, None
