"""Causal attention with rotary positions; keys and values quantized as a cache.

On a CPU the forward and backward passes are written by hand: each matrix product
reads queries, keys and values where the projection wrote them and writes where the
next one reads, so nothing is copied, and the half of the scores that the causal
mask hides is mostly not computed. Elsewhere torch's own attention does the work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from precision_lib.model.kernels import by_hand, matmul, row_dot

Quantizer = Callable[[Tensor], Tensor]
BLOCK = 64  # queries at a time: a block sees no key behind its last query


def rotation(time: int, d_head: int, device: torch.device | None = None) -> Tensor:
    """Unit complex numbers of rotary positions, shape (time, 1, 1, d_head / 2).

    Frequencies 10,000^(-2i/d_head) (RoFormer, https://arxiv.org/abs/2104.09864).

    Examples
    --------
    >>> rotation(1, 4).flatten().tolist()
    [(1+0j), (1+0j)]
    """
    half = d_head // 2
    steps = torch.arange(half, device=device, dtype=torch.float32)
    positions = torch.arange(time, device=device, dtype=torch.float32)
    angle = torch.outer(positions, 10_000.0 ** (-steps / half))
    return torch.polar(torch.ones_like(angle), angle)[:, None, None]


def attend(
    qkv: Tensor,
    turn: Tensor,
    quantize_queries: Quantizer | None = None,
    quantize_cache: Quantizer | None = None,
) -> Tensor:
    """Softmax attention of every position to itself and those before it.

    Parameters
    ----------
    qkv : Tensor, shape (batch, time, 3, heads, d_head)
        Queries, keys and values. Neighboring entries of a head are the two parts
        of a complex number. The tensor is overwritten.
    turn : complex Tensor
        As `rotation` gives it.
    quantize_queries, quantize_cache : callable, optional
        Differentiable; the first is applied to the rotated queries, the second to
        the rotated keys and to the values, each (batch, heads, time, d_head).

    Returns
    -------
    Tensor, shape (batch, time, heads · d_head)

    Examples
    --------
    >>> qkv = torch.arange(12.0).view(1, 2, 3, 1, 2)
    >>> attend(qkv, rotation(2, 2))[0, 0].tolist()
    [4.0, 5.0]
    """
    quantizers = (quantize_queries, quantize_cache, quantize_cache)
    if by_hand(qkv):
        return _Attention.apply(qkv, turn, quantizers)
    q, k, v = qkv.unbind(2)
    parts = [_turned(q, turn[:, 0]), _turned(k, turn[:, 0]), v]
    q, k, v = (
        part.transpose(1, 2) if f is None else f(part.transpose(1, 2))
        for part, f in zip(parts, quantizers, strict=True)
    )
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return y.transpose(1, 2).flatten(2)


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    pairs = torch.view_as_complex(wide.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)


class _Attention(torch.autograd.Function):
    """Keeps the probabilities of each block of queries for the backward pass."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, turn: Tensor, quantizers: Any) -> Tensor:
        _turn_in_place(qkv, turn)
        parts = [t.transpose(1, 2) for t in qkv.unbind(2)]
        ctx.nested = [_quantized(p, f) for p, f in zip(parts, quantizers, strict=True)]
        q, k, v = (output.detach() for _, output in ctx.nested)
        y = torch.empty_like(qkv[:, :, 0])  # (batch, time, heads, d_head)
        ctx.p = [
            _attend_block(q, k, v, y.transpose(1, 2), start)
            for start in range(0, q.shape[2], BLOCK)
        ]
        ctx.save_for_backward(turn, y)
        return y.flatten(2)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        turn, y = ctx.saved_tensors
        batch, time, heads, d_head = y.shape
        grad_qkv = y.new_zeros(batch, time, 3, heads, d_head)
        to = [t.transpose(1, 2) for t in grad_qkv.unbind(2)]
        q, k, v = (output.detach() for _, output in ctx.nested)
        grad = grads[0].view(y.shape).transpose(1, 2)
        along = row_dot(grad, y.transpose(1, 2))
        for start, p in zip(range(0, time, BLOCK), ctx.p, strict=True):
            _block_gradient((q, k, v), p, grad, along, to, start)
        for (part, output), target in zip(ctx.nested, to, strict=True):
            if output is not part:
                target.copy_(torch.autograd.grad(output, part, target)[0])
        _turn_in_place(grad_qkv, turn.conj())
        return grad_qkv, None, None


def _turn_in_place(qkv: Tensor, turn: Tensor) -> None:
    """Rotate queries and keys; values stay."""
    torch.view_as_complex(qkv.unflatten(-1, (-1, 2)))[:, :, :2].mul_(turn)


def _quantized(part: Tensor, quantize: Quantizer | None) -> tuple[Tensor, Tensor]:
    """A leaf and its quantized form, with the graph between them."""
    if quantize is None:
        return part, part
    with torch.enable_grad():
        leaf = part.detach().requires_grad_()
        return leaf, quantize(leaf)


def _attend_block(q: Tensor, k: Tensor, v: Tensor, y: Tensor, start: int) -> Tensor:
    """Write one block of `y`; returns its probabilities (batch, heads, rows, keys)."""
    rows = slice(start, min(start + BLOCK, q.shape[2]))
    keys = slice(0, rows.stop)
    scores = matmul(q[:, :, rows], k[:, :, keys].mT).mul_(q.shape[-1] ** -0.5)
    size = rows.stop - start
    scores[..., start:] += torch.full((size, size), -math.inf).triu_(1)
    p = torch.softmax(scores, -1)
    matmul(p, v[:, :, keys], out=y[:, :, rows])
    return p


def _block_gradient(
    qkv: tuple[Tensor, Tensor, Tensor],
    p: Tensor,
    grad: Tensor,
    along: Tensor,
    to: list[Tensor],
    start: int,
) -> None:
    """Add what one block of queries contributes to the gradients `to` of q, k, v."""
    q, k, v = qkv
    rows = slice(start, start + p.shape[2])
    keys = slice(0, rows.stop)
    out = grad[:, :, rows]
    to[2][:, :, keys] += matmul(p.mT, out)
    scores = matmul(out, v[:, :, keys].mT).sub_(along[:, :, rows])
    scores.mul_(p).mul_(q.shape[-1] ** -0.5)
    matmul(scores, k[:, :, keys], out=to[0][:, :, rows])
    to[1][:, :, keys] += matmul(scores.mT, q[:, :, rows])
