"""Quantizers against torch, torchao and brevitas, and their invariants."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from brevitas.nn import QuantLinear
from brevitas.quant import Int8WeightPerChannelFloat
from hypothesis import given, settings
from hypothesis import strategies as st
from torchao.quantization.quant_primitives import MappingType, choose_qparams_affine

from precision_lib.errors import UserError
from precision_lib.formats import Int
from precision_lib.quantize import block_size, fake_quantize, quantize

GRIDS = ("narrow", "full", "paper", "no_clipping", "asymmetric")  # with a zero
GRANULARITIES = ("tensor", "channel", "token", "group:16")


def weights(seed=0, shape=(48, 64)):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator)


def settings_of(bits):
    return [Int(bits, g) for g in GRIDS if (bits, g) != (1, "narrow")]


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("bits", range(1, 9))
def test_scales_equal_torchao(bits, granularity):
    x = weights()
    block = block_size(granularity, x.shape)
    for grid, mapping in {
        "full": MappingType.SYMMETRIC,
        "no_clipping": MappingType.SYMMETRIC_NO_CLIPPING_ERR,
        "asymmetric": MappingType.ASYMMETRIC,
    }.items():
        fmt = Int(bits, grid)
        low, high = fmt.range
        # torchao divides by 2^(b-1) - 1, which is zero at 1 bit
        if grid == "no_clipping" and bits == 1:
            continue
        scale, zero = choose_qparams_affine(
            x, mapping, block, torch.int32, low, high, eps=1e-30
        )
        ours = quantize(x, fmt, block)
        torch.testing.assert_close(ours.scale.flatten(), scale.flatten())
        if grid == "asymmetric":
            assert torch.equal(ours.zero_point.flatten().int(), zero.flatten())


@pytest.mark.parametrize("bits", range(1, 9))
def test_full_grid_equals_torch_off_the_extremes(bits):
    # Under "full" the largest element lies on a tie: x / s and x * (1 / s) may
    # differ there by a step, so it is left out.
    x = weights()
    fmt = Int(bits, "full")
    q = quantize(x, fmt, block_size("channel", x.shape))
    zeros = torch.zeros(len(x), dtype=torch.int32)
    theirs = torch.fake_quantize_per_channel_affine(x, q.scale, zeros, 0, *fmt.range)
    inner = x.abs() < x.abs().amax(1, keepdim=True)
    assert torch.equal(q.values[inner], theirs[inner])


@pytest.mark.parametrize("bits", range(2, 9))
def test_narrow_grid_equals_brevitas(bits):
    layer = QuantLinear(
        64,
        48,
        bias=False,
        weight_quant=Int8WeightPerChannelFloat,
        weight_bit_width=bits,
    )
    layer.weight.data = weights()
    theirs = layer.quant_weight().value
    ours = quantize(weights(), Int(bits), block_size("channel", (48, 64))).values
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    assert torch.equal(torch.sign(ours), torch.sign(theirs))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_fake_quantize_is_quantize_with_a_gradient(bits, granularity):
    for fmt in settings_of(bits):
        x = weights().requires_grad_()
        block = block_size(granularity, x.shape)
        y = fake_quantize(x, fmt, block)
        expected = quantize(x.detach(), fmt, block)
        assert torch.equal(y, expected.values)
        (grad,) = torch.autograd.grad(y.sum(), x)
        low, high = fmt.range
        zero = expected.zero_point
        zero = spread(zero, x, block) if zero.numel() > 1 else zero
        raw = torch.round(x.detach() / spread(expected.scale, x, block)) + zero
        clipped = (raw < low) | (raw > high)
        assert torch.equal(grad, (~clipped).float())
        assert fmt.clips or not clipped.any()


def spread(scale, x, block):
    """Scale of each element."""
    blocks = [n // b for n, b in zip(x.shape, block, strict=True)]
    scale = scale.reshape(blocks)
    for axis, b in enumerate(block):
        scale = scale.repeat_interleave(b, axis)
    return scale


def test_gradient_at_the_edge_is_ours_not_clamps():
    # Levels -2 … 1 under "paper": the two end levels keep their gradient, what is
    # beyond loses it, whatever torch.clamp does in this version.
    x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    fake_quantize(x, Int(2, "paper"), (5,)).sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 1, 0]


def test_an_asymmetric_block_whose_ends_are_both_ties_stays_on_its_grid():
    # 7 / s = 3.5 rounds to 4 and so does the zero point: 8 is not a 3-bit code.
    x = torch.linspace(-7, 7, 15)
    fmt = Int(3, "asymmetric")
    assert quantize(x, fmt, (15,)).codes.max() == 7
    assert len(fake_quantize(x, fmt, (15,)).unique()) == 8


# Blocks so small that their scale would be subnormal are no numbers of a model.
floats = st.floats(-1e3, 1e3, width=32).filter(lambda x: x == 0 or abs(x) > 1e-30)
arrays = hnp.arrays(np.float32, (4, 8), elements=floats)
formats = st.builds(Int, st.integers(2, 16), st.sampled_from(GRIDS))
blocks = st.sampled_from(["tensor", "channel", "group:4"]).map(
    lambda g: block_size(g, (4, 8))
)


@settings(deadline=None, max_examples=200)
@given(arrays, formats, blocks)
def test_invariants(array, fmt, block):
    x = torch.from_numpy(array)
    q = quantize(x, fmt, block)
    step = spread(q.scale, x, block)
    low, high = fmt.range
    assert q.codes.min() >= low and q.codes.max() <= high
    assert torch.equal(q.values[x == 0], torch.zeros_like(x)[x == 0])
    # Half a step everywhere, one and a half where the top is clipped.
    bound = 1.001 if fmt.grid == "paper" else 0.501
    assert ((q.values - x).abs() <= bound * step + 1e-5 * x.abs()).all()
    order = x.flatten().argsort()
    if block == (4, 8):  # one scale: rounding keeps the order
        assert (q.values.flatten()[order].diff() >= 0).all()
    power = quantize(4 * x, fmt, block)  # a power of two scales exactly
    assert torch.equal(power.values, 4 * q.values)


@settings(deadline=None)
@given(arrays, st.integers(2, 12), blocks)
def test_narrow_is_idempotent_and_odd(array, bits, block):
    x = torch.from_numpy(array)
    once = quantize(x, Int(bits), block).values
    twice = quantize(once, Int(bits), block).values
    torch.testing.assert_close(once, twice, rtol=1e-6, atol=0)
    assert torch.equal(quantize(-x, Int(bits), block).values, -once)


def test_more_bits_mean_less_error():
    x = weights()
    for grid in GRIDS:
        errors = [
            (quantize(x, Int(bits, grid), (1, 64)).values - x).square().mean()
            for bits in range(2, 17)
        ]
        assert all(a > b for a, b in zip(errors[:-1], errors[1:], strict=True))


def test_ties_go_to_even():
    x = torch.tensor([7.0, 0.5, 1.5, 2.5, -0.5, -1.5])
    assert quantize(x, Int(4), (6,)).codes.tolist() == [7, 0, 2, 2, 0, -2]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_not_finite(bad):
    with pytest.raises(UserError, match="NaN or infinity"):
        quantize(torch.tensor([1.0, bad]), Int(4), (2,))


@pytest.mark.parametrize("text", ["row", "group", "group:0", "group:x", "group:7"])
def test_bad_granularity(text):
    with pytest.raises(UserError, match="group"):
        block_size(text, (4, 8))


def test_zero_block_stays_zero():
    x = torch.zeros(2, 4)
    x[1, 0] = 1
    for fmt in settings_of(4):
        assert torch.equal(quantize(x, fmt, (1, 4)).values[0], torch.zeros(4))
