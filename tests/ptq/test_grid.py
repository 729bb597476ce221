"""Fixed grids and the search for a smaller scale."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torchao.quantization.quant_primitives import (
    MappingType,
    _fake_quantize_affine,
    choose_qparams_affine,
)

from precision_lib.formats import Int, parse_format
from precision_lib.ptq.awq import CLIP_RATIOS
from precision_lib.ptq.grid import WeightGrid, output_error, weight_error, weight_grid
from precision_lib.ptq.walk import WEIGHT_RATIOS, second_moment
from precision_lib.rounding.quantizer import quantize


def weights(seed, rows=8, inputs=32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, inputs, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("text", ["int3", "int4-asymmetric", "e2m1", "mxfp4", "nvfp4"])
@pytest.mark.parametrize("block", [(8, 32), (1, 32), (1, 16), (4, 32)])
def test_a_grid_without_clipping_rounds_as_the_quantizer_does(text, block):
    fmt, weight = parse_format(text), weights(0)
    rounded = weight_grid(weight, fmt, block).round(weight)
    assert torch.equal(rounded, quantize(weight, fmt, block).values)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("block", [(1, 32), (1, 8), (8, 32)])
@pytest.mark.parametrize(
    ("grid", "mapping"),
    [("full", MappingType.SYMMETRIC), ("asymmetric", MappingType.ASYMMETRIC)],
)
def test_rounding_to_nearest_is_that_of_torchao(bits, block, grid, mapping):
    weight = weights(bits).float()
    low, high = Int(bits, grid).range
    scale, zero = choose_qparams_affine(weight, mapping, block, torch.int32, low, high)
    expected = _fake_quantize_affine(weight, block, scale, zero, torch.int32, low, high)
    ours = weight_grid(weight, Int(bits, grid), block).round(weight)
    # The largest magnitude of a full-range block lies halfway between two codes.
    largest = weight.abs() == weight.abs().amax()
    blocks = weight.unflatten(1, (-1, block[1])).abs()
    largest |= (blocks == blocks.amax(-1, keepdim=True)).flatten(1)
    torch.testing.assert_close(ours[~largest], expected[~largest])


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["int2", "int3-asymmetric", "e2m1", "nf4"])
)
def test_the_clip_is_the_best_of_all_ratios_for_each_block(seed, text):
    """One block at a time, by hand."""
    fmt, weight = parse_format(text), weights(seed)
    clipped = weight_grid(weight, fmt, (1, 16), weight_error, WEIGHT_RATIOS)
    plain = weight_grid(weight, fmt, (1, 16))
    for at in ((slice(0, 1), slice(0, 16)), (slice(5, 6), slice(16, 32))):
        zero = None if plain.zero_point is None else plain.zero_point[at]
        tried = [WeightGrid(fmt, plain.scale[at] * r, zero) for r in WEIGHT_RATIOS]
        deltas = [(grid.round(weight[at]) - weight[at]).abs() for grid in tried]
        best = min(float(delta.pow(2.4).sum()) for delta in deltas)
        error = (clipped.round(weight) - weight)[at].abs().pow(2.4).sum()
        assert float(error) == pytest.approx(best, rel=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_clipping_by_outputs_is_the_best_of_all_ratios_for_each_row(seed):
    weight = weights(seed)
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(32, 32, generator=generator, dtype=torch.float64)
    x = torch.randn(100, 32, generator=generator, dtype=torch.float64) @ mixed
    criterion = output_error(second_moment(x), 32)
    clipped = weight_grid(weight, Int(3), (1, 32), criterion, CLIP_RATIOS)
    plain = weight_grid(weight, Int(3), (1, 32))

    def errors(grid):
        return ((grid.round(weight) - weight) @ x.T).square().mean(1)

    tried = [WeightGrid(Int(3), plain.scale * r, None) for r in CLIP_RATIOS]
    best = torch.stack([errors(grid) for grid in tried]).amin(0)
    torch.testing.assert_close(errors(clipped), best)


def test_at_two_bits_clipping_a_gaussian_saves_most_of_the_error():
    """The best ternary scale of a Gaussian is 1.22 of its deviation, where absmax
    takes the largest of the row; the error is then 0.190 of the variance."""
    weight = weights(0, rows=64, inputs=256)
    clipped = weight_grid(weight, Int(2), (1, 256), torch.square, WEIGHT_RATIOS)
    error = (clipped.round(weight) - weight).square().mean()
    assert float(clipped.scale[:, 0].mean()) == pytest.approx(1.22, abs=0.03)
    assert float(error) == pytest.approx(0.190, abs=0.01)
    plain = weight_grid(weight, Int(2), (1, 256)).round(weight)
    assert float((plain - weight).square().mean()) > 3 * error


@pytest.mark.parametrize("text", ["mxfp4", "nvfp4", "e8m7ieee"])
def test_formats_with_scales_of_their_own_are_not_clipped(text):
    fmt, weight = parse_format(text), weights(1).float()
    clipped = weight_grid(weight, fmt, (1, 32), weight_error, WEIGHT_RATIOS)
    assert torch.equal(clipped.round(weight), quantize(weight, fmt, (1, 32)).values)


def test_rows_of_zeros_stay_zero():
    weight = weights(2)
    weight[3] = 0
    for fmt in (Int(3), Int(3, "asymmetric"), parse_format("e2m1")):
        grid = weight_grid(weight, fmt, (1, 32), weight_error, WEIGHT_RATIOS)
        rounded = grid.round(weight)
        assert torch.equal(rounded[3], weight[3]) and torch.isfinite(rounded).all()
