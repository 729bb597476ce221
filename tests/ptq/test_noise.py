"""Noise in place of rounding: its size in each channel, its direction, its seed."""

from __future__ import annotations

import torch
from hypothesis import given, settings, strategies as st
from scipy import stats

from precision_lib.formats import Int
from precision_lib.model.config import Precision
from precision_lib.model.transformer import Transformer
from precision_lib.ptq import quantize
from precision_lib.ptq.noise import noise
from tests.helpers import SMALL


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.integers(0, 2**48))
def test_each_channel_has_the_mean_square_of_the_rounding_error(
    bits: int, seed: int
) -> None:
    model = Transformer(SMALL, Precision(), seed=1)
    rounded = quantize(model, "rtn", Int(bits)).model.linear_layers()
    noisy = quantize(model, "noise", Int(bits), seed=seed).model.linear_layers()
    for name, layer in model.linear_layers().items():
        asked = (rounded[name].weight - layer.weight).double().square().mean(1)
        found = (noisy[name].weight - layer.weight).double().square().mean(1)
        torch.testing.assert_close(found, asked, rtol=1e-4, atol=1e-12)


def test_the_noise_is_gaussian_and_hangs_on_seed_and_layer() -> None:
    weight, rounded = torch.zeros(4, 4000), torch.ones(4, 4000)
    drawn = noise(weight, rounded, 3, "a")
    assert stats.kstest(drawn.flatten().numpy(), "norm").pvalue > 0.01
    assert torch.equal(drawn, noise(weight, rounded, 3, "a"))
    for other in (noise(weight, rounded, 4, "a"), noise(weight, rounded, 3, "b")):
        together = float((drawn * other).mean())
        assert abs(together) < 0.05  # five standard deviations


def test_a_channel_that_rounding_leaves_alone_stays() -> None:
    weight = torch.tensor([[1.0, 0.0], [1.0, 0.4]])
    found = noise(weight, torch.tensor([[1.0, 0.0], [1.0, 0.0]]), 0, "a")
    assert torch.equal(found[0], weight[0]) and not torch.equal(found[1], weight[1])
