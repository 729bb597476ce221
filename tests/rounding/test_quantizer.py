"""Quantizers against torch, torchao and brevitas, and their invariants."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from brevitas.nn import QuantLinear
from brevitas.quant import Int8WeightPerChannelFloat
from hypothesis import given, settings, strategies as st
from torchao.quantization.quant_primitives import (
    MappingType,
    _dequantize_affine,
    _quantize_affine,
    choose_qparams_affine,
)

from precision_lib.errors import UserError
from precision_lib.formats import Int, NormalFloat, parse_format
from precision_lib.rounding.quantizer import block_size, fake_quantize, quantize

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


def differs_only_at_ties(ours, theirs, x, scale):
    """Codes that differ belong to numbers halfway between two codes.

    We divide by the scale, torch and torchao multiply by 1 / scale: on the "full"
    grid the largest magnitude is such a tie, and they may take the other side.
    """
    ratio = x / scale
    tie = (ratio - ratio.floor() - 0.5).abs() < 1e-5 * ratio.abs().clamp(min=1)
    return torch.equal(ours[~tie], theirs[~tie]) and tie.float().mean() < 0.1


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("bits", range(1, 9))
def test_integers_equal_torchao(bits, granularity):
    x = weights()
    block = block_size(granularity, x.shape)
    for fmt in settings_of(bits):
        q = quantize(x, fmt, block)
        scale, zero = (
            part.reshape([n // b for n, b in zip(x.shape, block, strict=True)])
            for part in (
                q.scale,
                q.zero_point.expand(q.scale.shape).to(torch.int32),
            )
        )
        codes = _quantize_affine(x, block, scale, zero, torch.int32, *fmt.range)
        each = spread(q.scale, x, block)
        assert differs_only_at_ties(q.codes, codes.float(), x, each)
        same = q.codes == codes
        values = _dequantize_affine(codes, block, scale, zero, torch.int32, *fmt.range)
        torch.testing.assert_close(q.values[same], values[same], rtol=2e-7, atol=0)


@pytest.mark.parametrize("bits", range(1, 9))
def test_integers_equal_torchs_fake_quantize(bits):
    x = weights()
    for fmt in settings_of(bits):
        if fmt.grid == "asymmetric":
            continue  # torch wants its zero points inside the range of int8
        for granularity in ("channel", "group:16"):
            block = block_size(granularity, x.shape)
            q = quantize(x, fmt, block)
            rows = x.reshape(-1, block[1])
            zeros = torch.zeros(len(rows), dtype=torch.int32)
            theirs = torch.fake_quantize_per_channel_affine(
                rows, q.scale.flatten(), zeros, 0, *fmt.range
            ).view_as(x)
            each = spread(q.scale, x, block)
            assert differs_only_at_ties(q.values, theirs, x, each)
        whole = quantize(x, fmt, x.shape)
        theirs = torch.fake_quantize_per_tensor_affine(
            x, float(whole.scale), 0, *fmt.range
        )
        assert differs_only_at_ties(whole.values, theirs, x, whole.scale)


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
    assert torch.equal(ours, theirs)


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


OTHERS = ["int1-midrise", "int3-midrise", "e2m0", "e2m1", "e3m2", "e4m3fn", "e1m4"]
OTHERS += ["e3m1-normal", "nf2", "nf4", "mxfp4", "mxfp6-e2m3", "mxfp8-e5m2", "mxint8"]
OTHERS += ["mxfp4-ceil", "nvfp4"]
# One scale for all 32 numbers, whose range E4M3 scales of blocks of 16 can follow.
plain = st.floats(-8, 8, width=32).filter(lambda x: x == 0 or abs(x) > 0.25)
lines = hnp.arrays(np.float32, (1, 32), elements=plain).filter(np.any)


@settings(deadline=None, max_examples=300)
@given(lines, st.sampled_from(OTHERS))
def test_invariants_of_other_formats(array, text):
    x = torch.from_numpy(array)
    fmt = parse_format(text)
    q = quantize(x, fmt, (1, 32))
    torch.testing.assert_close(
        q.values, quantize(q.values, fmt, (1, 32)).values, rtol=1e-6, atol=0
    )
    assert torch.equal(quantize(4 * x, fmt, (1, 32)).values, 4 * q.values)
    if not text.startswith("nf"):
        assert torch.equal(quantize(-x, fmt, (1, 32)).values.abs(), q.values.abs())
    if not text.endswith("midrise"):
        assert not q.values[x == 0].any()
    if text != "nvfp4":
        assert (q.values[0, x[0].argsort()].diff() >= 0).all()
    assert ((q.values - x).abs() <= largest_error(x, fmt, q) * 1.001).all()


def largest_error(x, fmt, q):
    """Half the gap around each number, or what the scale rule may cut off."""
    scale = q.scale.repeat_interleave(x.numel() // q.scale.numel()).view_as(x)
    if isinstance(fmt, NormalFloat):
        return scale * max(np.diff(fmt.values)) / 2
    if isinstance(fmt, Int):
        return scale / 2
    element = getattr(fmt, "element", fmt)
    spacing = 2.0 ** -(element.mantissa + 1)
    error = torch.maximum(x.abs() * spacing, scale * element.values[1] / 2)
    return torch.maximum(error, x.abs() - element.largest * scale)


def test_the_sign_grid_of_one_bit():
    x = torch.tensor([0.5, -2.0, 0.1])
    values = quantize(x, Int(1, "midrise"), (3,)).values
    assert values.tolist() == [2, -2, 2]


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


@pytest.mark.parametrize("text", ["int4", "e2m1", "e4m3fn", "mxfp4", "nvfp4", "nf4"])
def test_training_passes_nan_on(text):
    # Nothing is checked on the way: a diverged run shows as NaN, not as zeros.
    x = torch.ones(1, 32)
    x[0, 3] = float("nan")
    for scale in ("absmax", "mse"):
        y = fake_quantize(x, parse_format(text), (1, 32), scale)
        assert torch.isnan(y[0, 3])


def test_empty_and_wrong_shapes():
    with pytest.raises(UserError, match="does not divide"):
        quantize(torch.ones(4, 6), Int(4), (1, 4))
    with pytest.raises(UserError, match="does not divide"):
        fake_quantize(torch.ones(4, 6), Int(4), (6,))


def test_zero_block_stays_zero():
    x = torch.zeros(2, 4)
    x[1, 0] = 1
    for fmt in [*settings_of(4), *map(parse_format, ["e2m1", "e3m0", "nf4"])]:
        q = quantize(x, fmt, (1, 4))
        assert torch.equal(q.values[0], torch.zeros(4))
        assert q.scale[0] == torch.finfo(torch.float32).tiny
    for text in ("mxfp4", "mxint8", "nvfp4"):
        q = quantize(torch.zeros(2, 32), parse_format(text), (1, 32))
        assert torch.equal(q.values, torch.zeros(2, 32))
