"""Forward and backward passes written by hand, where autograd stores too much.

Each function equals a few lines of plain torch (the tests say which) and saves
passes over memory, which is what a small transformer on a CPU spends its time on.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-6
ROWS_AT_ONCE = 512  # logits of 512 rows of 512 tokens are 1 MB: they stay in cache


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    """x / sqrt(mean(x²) + 1e-6) · gain along the last axis.

    Examples
    --------
    >>> rms_norm(torch.tensor([3.0, -3.0]), torch.ones(2)).tolist()
    [0.9999999403953552, -0.9999999403953552]
    """
    return _RMSNorm.apply(x, gain)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor) -> Tensor:
        inverse = _mean_product(x, x).add_(EPSILON).rsqrt_()
        unit = x * inverse
        ctx.save_for_backward(unit, inverse, gain)
        return unit * gain

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        unit, inverse, gain = ctx.saved_tensors
        (grad,) = grads
        grad_gain = (grad * unit).flatten(0, -2).sum(0)
        grad = grad * gain
        along = _mean_product(grad, unit)
        return grad.addcmul_(unit, along, value=-1).mul_(inverse), grad_gain


def _mean_product(a: Tensor, b: Tensor) -> Tensor:
    """Mean over the last axis of a·b, kept as an axis of one."""
    return (a * b).mean(-1, keepdim=True)


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) · up, the two halves of the last axis.

    Examples
    --------
    >>> swiglu(torch.tensor([0.0, 2.0, 5.0, 1.0])).tolist()
    [0.0, 1.7615940570831299]
    """
    return _SwiGLU.apply(gate_up)


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        gate, up = gate_up.chunk(2, -1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        (grad,) = grads
        gate, up = gate_up.chunk(2, -1)
        out = torch.empty_like(gate_up)
        grad_gate, grad_up = out.chunk(2, -1)
        torch.mul(grad, F.silu(gate), out=grad_up)
        grad_gate.copy_(torch.ops.aten.silu_backward(grad * up, gate))
        return out


def rotate(qkv: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotary positions on queries and keys; values pass.

    Parameters
    ----------
    qkv : Tensor, shape (batch, time, 3, heads, d_head)
        Neighbouring entries of a head are the two parts of a complex number.
    rotation : complex Tensor, shape (time, 1, d_head / 2)
        One unit complex number a position and frequency.

    Returns
    -------
    three Tensors, shape (batch, heads, time, d_head)

    Examples
    --------
    >>> qkv = torch.tensor([1.0, 0.0]).expand(1, 1, 3, 1, 2)
    >>> [round(n) for n in rotate(qkv, torch.tensor([[[1j]]]))[0].flatten().tolist()]
    [0, 1]
    """
    return _Rotate.apply(qkv, rotation)


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, rotation: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(rotation)
        q, k, v = qkv.unbind(2)
        turned = (_turn(q, rotation), _turn(k, rotation), v.clone())
        return tuple(t.transpose(1, 2) for t in turned)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (rotation,) = ctx.saved_tensors
        q, k, v = (g.transpose(1, 2) for g in grads)
        out = v.new_empty(*v.shape[:2], 3, *v.shape[2:])
        back = rotation.conj().resolve_conj()
        out[:, :, 0].copy_(_turn(q, back))
        out[:, :, 1].copy_(_turn(k, back))
        out[:, :, 2].copy_(v)
        return out, None


def _turn(x: Tensor, rotation: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * rotation).flatten(-2)


def cross_entropy_with_gradient(x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the logits ``x @ head.T``, which are never stored.

    The gradients are computed in the forward pass, a slice of rows at a time,
    while the logits are in cache.

    Parameters
    ----------
    x : Tensor, shape (tokens, d)
    head : Tensor, shape (vocabulary, d)
    targets : Tensor of int64, shape (tokens,)

    Returns
    -------
    Tensor, shape ()
        Nats per token.

    Examples
    --------
    >>> x, head = torch.zeros(3, 2), torch.zeros(4, 2)
    >>> cross_entropy_with_gradient(x, head, torch.tensor([0, 1, 2])).item()
    1.3862943649291992
    """
    return _CrossEntropy.apply(x, head, targets)


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        grad_x, grad_head = torch.empty_like(x), torch.zeros_like(head)
        total = x.new_zeros((), dtype=torch.float32)
        step = x.new_full((), 1 / len(x))
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            target = targets[rows, None]
            log_p = F.log_softmax((x[rows] @ head.T).float(), -1)
            total -= log_p.gather(1, target).sum()
            grad = log_p.exp_().scatter_add_(
                1, target, -torch.ones_like(target, dtype=log_p.dtype)
            )
            grad = grad.mul_(step).to(x.dtype)
            torch.mm(grad, head, out=grad_x[rows])
            grad_head.addmm_(grad.T, x[rows])
        ctx.save_for_backward(grad_x, grad_head)
        return total * step

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        grad_x, grad_head = ctx.saved_tensors
        (grad,) = grads
        return grad_x * grad, grad_head * grad, None
