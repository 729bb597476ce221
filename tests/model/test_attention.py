"""Attention and rotary positions against torch's own, in double precision."""

import torch
import torch.nn.functional as F

from precision_lib.model.attention import (
    attend,
    causal_mask,
    rotate_positions,
    rotation,
)


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_attention_and_its_gradient_are_torchs():
    ours = [draw(2, 3, 70, 8, seed=s).requires_grad_() for s in range(3)]
    theirs = [t.detach().clone().requires_grad_() for t in ours]
    y = attend(*ours, causal_mask(70).double())
    z = F.scaled_dot_product_attention(*theirs, is_causal=True)
    torch.testing.assert_close(y, z)
    along = draw(2, 3, 70, 8, seed=9)
    for a, b in zip(
        torch.autograd.grad(y, ours, along),
        torch.autograd.grad(z, theirs, along),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_pairs_turn_as_complex_numbers():
    x = draw(2, 3, 20, 8)
    i = torch.arange(4).double()
    angle = torch.arange(20).double()[:, None] * 10_000 ** (-i / 4)
    unit = torch.polar(torch.ones_like(angle), angle)
    turned = torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (4, 2))) * unit)
    ours = rotate_positions(x, rotation(20, 8))
    torch.testing.assert_close(ours, turned.flatten(-2), rtol=0, atol=1e-5)


def test_scores_depend_on_distance_only():
    """Equal queries and keys everywhere: shifting both changes nothing."""
    q, k = (draw(1, 4, seed=s).expand(6, 4) for s in (0, 1))
    turn = rotation(6, 4)
    scores = rotate_positions(q, turn) @ rotate_positions(k, turn).T
    torch.testing.assert_close(scores[1:, 1:], scores[:-1, :-1], rtol=0, atol=1e-6)
