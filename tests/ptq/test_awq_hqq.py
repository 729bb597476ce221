"""AWQ and HQQ against torchao's own."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torchao.prototype.awq.core import AWQObserver
from torchao.quantization import IntxWeightOnlyConfig
from torchao.quantization.granularity import PerAxis, PerGroup
from torchao.quantization.quant_primitives import (
    MappingType,
    _choose_qparams_and_quantize_affine_hqq as torchao_hqq,
)

from precision_lib.errors import UserError
from precision_lib.formats import Int, parse_format
from precision_lib.ptq.awq import Weight, awq_scales
from precision_lib.ptq.hqq import hqq
from precision_lib.ptq.walk import second_moment
from precision_lib.rounding.quantizer import quantize


def problem(seed, rows=48, inputs=64, tokens=300):
    """Weights, and inputs of which some are much louder than the others."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, inputs, generator=generator)
    loud = torch.randn(inputs, generator=generator).mul(1.5).exp()
    return weight, torch.randn(tokens, inputs, generator=generator) * loud


def search(weight, x, fmt, block, alphas=20):
    magnitude, hessian = x.abs().mean(0), second_moment(x)
    return awq_scales([Weight(weight, block)], hessian, magnitude, fmt, alphas)


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("group", [32, 64])
@pytest.mark.parametrize("seed", range(3))
def test_awq_scales_are_those_of_the_observer_of_torchao(bits, group, seed):
    weight, x = problem(seed)
    granularity = PerGroup(group) if group < 64 else PerAxis(0)
    dtype = getattr(torch, f"int{bits}")
    # Not torchao's "symmetric": it puts the largest weight halfway between two codes.
    config = IntxWeightOnlyConfig(
        weight_dtype=dtype,
        granularity=granularity,
        mapping_type=MappingType.SYMMETRIC_NO_CLIPPING_ERR,
    )
    observer = AWQObserver(weight, None, config, 20)
    observer(x, None)
    expected = observer.calculate_qparams()
    scales, power = search(weight, x, Int(bits, "no_clipping"), (1, group))
    torch.testing.assert_close(scales, expected)
    assert power > 0


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([-3, 2, 5]))
def test_awq_scales_do_not_depend_on_how_loud_all_inputs_are(seed, power):
    weight, x = problem(seed)
    one = search(weight, x, Int(3), (1, 64))
    other = search(weight, x * 2.0**power, Int(3), (1, 64))
    assert one[1] == other[1]
    torch.testing.assert_close(one[0], other[0], rtol=1e-4, atol=0)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["int2", "int4", "e2m1", "mxfp4"]))
def test_awq_is_no_worse_on_its_calibration_set_than_no_scales(seed, text):
    weight, x = problem(seed)
    fmt = parse_format(text)
    scales, _ = search(weight, x, fmt, (1, 64))

    def error(s):
        rounded = quantize(weight * s, fmt, (1, 64)).values / s
        return float(((rounded - weight) @ x.T).square().mean())

    assert error(scales) <= error(torch.ones(64)) * (1 + 1e-4)


def test_awq_weighs_the_matrices_that_read_one_input_together():
    weight, x = problem(7)
    magnitude, hessian = x.abs().mean(0), second_moment(x)
    whole = awq_scales([Weight(weight, (1, 64))], hessian, magnitude, Int(3))
    halves = [Weight(half, (1, 64)) for half in weight.split(24)]
    assert awq_scales(halves, hessian, magnitude, Int(3))[1] == whole[1]


def test_one_power_is_no_scaling():
    weight, x = problem(8)
    scales, power = search(weight, x, Int(3), (1, 64), alphas=1)
    assert power == 0 and torch.equal(scales, torch.ones(64))


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])  # torchao rounds zeros at 4 bits
@pytest.mark.parametrize("group", [16, 64])
def test_hqq_is_that_of_torchao(bits, group):
    weight, _ = problem(bits)
    codes, scale, zero, _ = torchao_hqq(
        weight,
        nbits=bits,
        group_size=group,
        compute_dtype=torch.float32,
        device="cpu",
        raw_output=True,
    )
    ratio = codes.float().view(-1, group) - zero.view(-1, 1)
    expected = (ratio * scale.view(-1, 1)).view_as(weight)
    ours = hqq(weight, Int(bits, "asymmetric"), (1, group))
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6))
def test_hqq_errs_less_than_nearest_on_the_asymmetric_grid(seed, bits):
    weight, _ = problem(seed)
    weight = weight + 0.3 * torch.randn(48, 1, generator=torch.manual_seed(seed))
    fmt = Int(bits, "asymmetric")
    error = [
        (values - weight).abs().mean()
        for values in (hqq(weight, fmt, (1, 64)), quantize(weight, fmt, (1, 64)).values)
    ]
    assert error[0] < error[1]


@pytest.mark.parametrize("text", ["int3", "e2m1", "nf4", "int4-full"])
def test_hqq_takes_any_format_with_a_free_scale(text):
    fmt = parse_format(text)
    weight, _ = problem(9)
    values = hqq(weight, fmt, (1, 16))
    assert all(len(run.unique()) <= fmt.levels for run in values.reshape(-1, 16))
    assert (values - weight).square().mean() < 0.2 * weight.square().mean()


@pytest.mark.parametrize("text", ["mxfp4", "nvfp4", "e8m7ieee"])
def test_hqq_names_formats_without_one(text):
    with pytest.raises(UserError, match=f"'{text}' has none"):
        hqq(torch.ones(2, 32), parse_format(text), (1, 32))


def test_hqq_keeps_rows_of_one_number():
    weight = torch.tensor([[0.0, 0, 0, 0], [2.0, 2, 2, 2]])
    torch.testing.assert_close(hqq(weight, Int(2), (1, 4)), weight)
