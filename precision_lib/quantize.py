"""Round tensors to a number format, at any granularity, with one backward.

One function serves every granularity through `block_size`: elements of one
block share a scale. The gradient is written out here rather than left to
``torch.clamp``, whose derivative at the boundary changed between versions 2.13
and 2.14 of torch (https://github.com/pytorch/ao/pull/4806).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from precision_lib.errors import UserError
from precision_lib.formats import Format

BlockSize = tuple[int, ...]


@dataclass(frozen=True)
class Quantized:
    """A tensor on a grid.

    Attributes
    ----------
    values : Tensor
        The quantized numbers, in the shape of the input.
    codes : Tensor
        The integers, in the shape of the input.
    scale, zero_point : Tensor
        One entry a block; ``values = (codes - zero_point) * scale``.

    Examples
    --------
    >>> from precision_lib.formats import Int
    >>> q = quantize(torch.tensor([[0.9, -0.4]]), Int(3), (1, 2))
    >>> q.codes.tolist(), round(q.scale.item(), 4)
    ([[3.0, -1.0]], 0.3)
    """

    values: Tensor
    codes: Tensor
    scale: Tensor
    zero_point: Tensor


def block_size(granularity: str, shape: torch.Size | BlockSize) -> BlockSize:
    """The block that shares a scale, for a tensor of this shape.

    Parameters
    ----------
    granularity : str
        "tensor"; "channel" (one scale a row of a weight of shape (out, in));
        "token" (one scale a position: everything along the last axis);
        "group:G" (runs of G along the last axis).
    shape : tuple of int
        Shape of the tensor.

    Raises
    ------
    UserError
        If the granularity is unknown or G does not divide the last axis.

    Examples
    --------
    >>> [block_size(g, (8, 64)) for g in ("tensor", "channel", "group:16")]
    [(8, 64), (1, 64), (1, 16)]
    """
    shape = tuple(shape)
    ones = (1,) * (len(shape) - 1)
    if granularity == "tensor":
        return shape
    if granularity in ("channel", "token"):
        return (*ones, shape[-1])
    name, _, size = granularity.partition(":")
    if name != "group" or not size.isdigit() or int(size) == 0:
        raise UserError(
            f"unknown granularity '{granularity}'; choose tensor, channel, token or "
            "group:G with the group size G."
        )
    if shape[-1] % int(size):
        raise UserError(f"group size {size} does not divide the axis of {shape[-1]}.")
    return (*ones, int(size))


def quantize(x: Tensor, fmt: Format, block: BlockSize) -> Quantized:
    """Round `x` to the nearest value of `fmt`, ties to even, scale by absmax.

    Parameters
    ----------
    x : Tensor
        Finite floating-point numbers.
    fmt : Format
        The grid.
    block : tuple of int
        One entry an axis, as `block_size` gives it.

    Raises
    ------
    UserError
        If `x` holds NaN or infinity, or the block does not divide its shape.

    Examples
    --------
    >>> from precision_lib.formats import Int
    >>> quantize(torch.tensor([1.0, -0.6, 0.2]), Int(2), (3,)).values.tolist()
    [1.0, -1.0, 0.0]
    """
    if not torch.isfinite(x).all():
        raise UserError("cannot quantize a tensor that holds NaN or infinity.")
    blocks, axes = _blocked(x, block)
    scale, zero_point = _scale(blocks, fmt, axes)
    codes = _codes(blocks, fmt, scale, zero_point).clamp_(*fmt.range)
    values = (codes - zero_point) * scale
    return Quantized(
        values.reshape(x.shape),
        codes.reshape(x.shape),
        scale.squeeze(),
        zero_point.squeeze(),
    )


def fake_quantize(x: Tensor, fmt: Format | None, block: BlockSize) -> Tensor:
    """`x` rounded to the grid in the forward pass, straight through backward.

    The gradient is 1 where the rounded value lies inside the grid and 0 where it
    was clipped (the "clipped" straight-through estimator). Without a format `x`
    comes back as it is. Nothing is checked, for speed: a NaN stays a NaN.

    Examples
    --------
    >>> from precision_lib.formats import Int
    >>> x = torch.tensor([0.9, -0.4, 1.0], requires_grad=True)
    >>> y = fake_quantize(x, Int(2, "paper"), (3,)); y.sum().backward()
    >>> y.tolist(), x.grad.tolist()
    ([0.5, -0.5, 0.5], [0.0, 1.0, 0.0])
    """
    return x if fmt is None else _FakeQuantize.apply(x, fmt, block)


def signal_to_noise(x: Tensor, values: Tensor) -> float:
    """Mean square of `x` over that of the rounding error, in decibels.

    Examples
    --------
    >>> round(signal_to_noise(torch.tensor([1.0, 1.0]), torch.tensor([0.9, 1.1])), 1)
    20.0
    """
    ratio = x.double().square().mean() / (values - x).double().square().mean()
    return 10 * float(torch.log10(ratio))


class _FakeQuantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, fmt: Format, block: BlockSize) -> Tensor:
        blocks, axes = _blocked(x, block)
        scale, zero_point = _scale(blocks, fmt, axes)
        codes = _codes(blocks, fmt, scale, zero_point)
        if fmt.clips:
            low, high = fmt.range
            inside = (codes >= low) & (codes <= high)
            ctx.save_for_backward(inside.reshape(x.shape))
            codes.clamp_(low, high)
        if fmt.grid == "asymmetric":
            codes.sub_(zero_point)
        return codes.mul_(scale).reshape(x.shape)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = grads
        for inside in ctx.saved_tensors:
            grad = grad * inside
        return grad, None, None


def _blocked(x: Tensor, block: BlockSize) -> tuple[Tensor, tuple[int, ...]]:
    """A view of `x` with each axis split into (blocks, within), and the latter."""
    if len(block) != x.dim() or any(n % b for n, b in zip(x.shape, block, strict=True)):
        raise UserError(f"block size {block} does not divide a tensor of {[*x.shape]}.")
    shape: list[int] = []
    axes: list[int] = []
    for n, b in zip(x.shape, block, strict=True):
        if b not in (1, n):
            shape.append(n // b)
        shape.append(n if b in (1, n) else b)
        if b > 1:
            axes.append(len(shape) - 1)
    return (x if len(shape) == x.dim() else x.reshape(shape)), tuple(axes)


def _scale(x: Tensor, fmt: Format, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Scale and zero point of each block; a block of zeros gets scale 1."""
    zero = x.new_zeros(())
    half = 2 ** (fmt.bits - 1)
    if fmt.grid in ("asymmetric", "no_clipping"):
        high = x.amax(axes, keepdim=True).clamp(min=0)
        low = x.amin(axes, keepdim=True).clamp(max=0)
        if fmt.grid == "asymmetric":
            scale = (high - low) / (2**fmt.bits - 1)
            scale = torch.where(scale == 0, 1.0, scale)
            return scale, torch.round(-low / scale)
        top = high / (half - 1) if half > 1 else torch.zeros_like(high)
        scale = torch.maximum(top, -low / half)
    else:
        steps = {"narrow": half - 1, "full": (2**fmt.bits - 1) / 2, "paper": half}
        scale = x.abs().amax(axes, keepdim=True) / steps[fmt.grid]
    return torch.where(scale == 0, 1.0, scale), zero


def _codes(x: Tensor, fmt: Format, scale: Tensor, zero_point: Tensor) -> Tensor:
    """Nearest integers, ties to even, those outside the grid among them."""
    codes = torch.div(x, scale).round_()
    return codes.add_(zero_point) if fmt.grid == "asymmetric" else codes
