"""Block formats against torchao and gfloat."""

import gfloat
import numpy as np
import pytest
import torch
from gfloat.formats import (
    format_info_mxfp4_e2m1,
    format_info_mxfp6_e2m3,
    format_info_mxfp6_e3m2,
    format_info_mxfp8_e4m3,
    format_info_mxfp8_e5m2,
    format_info_mxint8,
)
from torchao.prototype.mx_formats.config import ScaleCalculationMode
from torchao.prototype.mx_formats.mx_tensor import MXTensor
from torchao.prototype.mx_formats.nvfp4_tensor import (
    nvfp4_quantize,
    per_tensor_amax_to_scale,
)

from precision_lib.errors import UserError
from precision_lib.formats import parse_format
from precision_lib.rounding.quantizer import block_size, fake_quantize, quantize

TORCHAO = {
    "mxfp4": torch.float4_e2m1fn_x2,
    "mxfp6-e2m3": "fp6_e2m3",
    "mxfp6-e3m2": "fp6_e3m2",
    "mxfp8-e4m3": torch.float8_e4m3fn,
    "mxfp8-e5m2": torch.float8_e5m2,
}
GFLOAT = {
    "mxfp4": format_info_mxfp4_e2m1,
    "mxfp6-e2m3": format_info_mxfp6_e2m3,
    "mxfp6-e3m2": format_info_mxfp6_e3m2,
    "mxfp8-e4m3": format_info_mxfp8_e4m3,
    "mxfp8-e5m2": format_info_mxfp8_e5m2,
    "mxint8": format_info_mxint8,
}


def numbers(rows=256, width=128):
    """Normal numbers of every size, edges of binades, a row of zeros."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, width, generator=generator)
    x *= torch.logspace(-6, 6, rows)[:, None]
    edges = torch.tensor([6.0, 7.5, 8.0, 448.0, 1.0, 3.5])
    x[:6] = torch.where(x[:6] > 0, edges[:, None], -edges[:, None])
    x[:3] = torch.nextafter(x[:3], torch.zeros(()))  # log2 of 2^k - 1 ulp is not k
    x[6] = 0
    return x


@pytest.mark.parametrize("rule", ["floor", "ceil"])
@pytest.mark.parametrize("text", TORCHAO)
def test_equals_torchao(text, rule):
    x = numbers()
    mode = {"floor": ScaleCalculationMode.FLOOR, "ceil": ScaleCalculationMode.RCEIL}
    theirs = MXTensor.to_mx(x, TORCHAO[text], 32, scaling_mode=mode[rule])
    fmt = parse_format(text if rule == "floor" else f"{text}-ceil")
    ours = quantize(x, fmt, block_size("tensor", x.shape))
    assert torch.equal(ours.values, theirs.dequantize(torch.float32))
    zero = x.unflatten(1, (-1, 32)).abs().amax(-1) == 0
    assert torch.equal(ours.scale[~zero], theirs.scale.float()[~zero])


@pytest.mark.parametrize("text", GFLOAT)
def test_equals_gfloat(text):
    x = numbers(64).double()
    fmt, info = parse_format(text), GFLOAT[text]
    ours = quantize(x, fmt, block_size("tensor", x.shape))
    for row, values, scales in zip(x, ours.values, ours.scale, strict=True):
        for index, part in enumerate(row.split(32)):
            if not part.any():
                continue
            # gfloat takes the scale as an argument and rounds to its elements.
            scale = float(scales[index])
            unit = part.numpy() / scale
            unit = np.clip(unit, *fmt.element.range)
            theirs = gfloat.round_ndarray(info.etype, unit, sat=True) * scale
            assert np.array_equal(values[32 * index : 32 * index + 32].numpy(), theirs)


def test_the_floor_rule_is_gfloats_amax_rule():
    from gfloat.block import compute_scale_amax

    x = numbers(64).double()
    for text, info in GFLOAT.items():
        if text == "mxint8":  # gfloat's top exponent there is that of -2
            continue
        ours = quantize(x, parse_format(text), (64, 128)).scale
        for row, scales in zip(x, ours, strict=True):
            for part, scale in zip(row.split(32), scales, strict=True):
                if part.any():
                    emax = info.etype.emax
                    assert compute_scale_amax(emax, part.numpy()) == float(scale)


def test_nvfp4_equals_torchao():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(128, 128, generator=generator)
    second = per_tensor_amax_to_scale(x.abs().max())
    codes, packed = nvfp4_quantize(x, 16, second)
    ours = quantize(x, parse_format("nvfp4"), block_size("tensor", x.shape))
    torch.testing.assert_close(ours.scale / second, codes.float(), rtol=3e-7, atol=0)
    table = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    halves = torch.stack([packed & 15, packed >> 4], -1).flatten(1).int()
    theirs = table[halves & 7] * torch.where(halves > 7, -1.0, 1.0)
    # torchao multiplies by the reciprocal: none of these is that near to a tie.
    assert torch.equal(ours.codes, theirs)


def test_nvfp4_scales_follow_the_callers_block():
    x = torch.randn(4, 64, generator=torch.Generator().manual_seed(2))
    fmt = parse_format("nvfp4")
    rows = quantize(x, fmt, (1, 64)).values
    alone = torch.stack([quantize(row[None], fmt, (1, 64)).values[0] for row in x])
    assert torch.equal(rows, alone)
    assert not torch.equal(rows, quantize(x, fmt, (4, 64)).values)
    tiny = torch.cat([x[:1] * 1e-9, x[1:]])  # block scales too small for E4M3
    assert torch.isfinite(quantize(tiny, fmt, (4, 64)).values).all()


def test_power_of_two_scales_let_the_top_of_a_binade_saturate():
    x = torch.full((1, 32), 7.9)
    assert quantize(x, parse_format("mxfp4"), (1, 32)).values.unique().item() == 6
    assert quantize(x, parse_format("mxfp4-ceil"), (1, 32)).values.unique().item() == 8


def test_saturated_elements_get_no_gradient():
    x = torch.full((1, 32), 1.0)
    x[0, :2] = torch.tensor([7.9, -6.9])  # 7.9 is nearer to 8 than to 6
    x.requires_grad_()
    y = fake_quantize(x, parse_format("mxfp4"), (1, 32))
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert grad[0].tolist() == [0.0, 1.0, *[1.0] * 30]


@pytest.mark.parametrize("text", ["mxfp4", "nvfp4", "mxint8"])
def test_widths_that_do_not_fit_are_named(text):
    with pytest.raises(UserError, match="neighbors"):
        quantize(torch.ones(2, 40), parse_format(text), (2, 40))
    if text == "nvfp4":
        with pytest.raises(UserError, match="second"):
            quantize(torch.ones(2, 64), parse_format(text), (1, 8))
