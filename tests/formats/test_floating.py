"""Floating-point rounding, bit for bit, against ml_dtypes and gfloat."""

import gfloat
import ml_dtypes
import numpy as np
import pytest
import torch
from gfloat import Domain, RoundMode
from gfloat.types import FormatInfo

from precision_lib.formats import Float, parse_format

ML_DTYPES = {
    "e2m1": ml_dtypes.float4_e2m1fn,
    "e2m3": ml_dtypes.float6_e2m3fn,
    "e3m2": ml_dtypes.float6_e3m2fn,
    "e3m4ieee": ml_dtypes.float8_e3m4,
    "e4m3ieee": ml_dtypes.float8_e4m3,
    "e4m3fn": ml_dtypes.float8_e4m3fn,
    "e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "e4m3b11fnuz": ml_dtypes.float8_e4m3b11fnuz,
    "e5m2ieee": ml_dtypes.float8_e5m2,
    "e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
    "e5m10ieee": np.float16,
    "e8m7ieee": ml_dtypes.bfloat16,
}
# What the paper's critics use besides, and each switch on its own.
OTHERS = ["e1m2", "e2m0", "e3m0", "e4m1", "e4m2", "e5m6", "e4m3", "e5m2", "e2m1fn"]
OTHERS += ["e3m2b5", "e3m2b-2", "e6m1", "e7m3"]


def every_half_and_every_tie(fmt):
    """All finite float16, all values of the format, each midpoint and 1 ulp beside."""
    codes = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    values = np.array(fmt.values)
    beyond = 2 * values[-1] - values[-2]  # the tie between the largest and too large
    grid = np.concatenate([values, [beyond]])
    middles = ((grid[1:] + grid[:-1]) / 2).astype(np.float32)
    up, down = (np.nextafter(middles, np.float32(to)) for to in (np.inf, -np.inf))
    positive = np.concatenate([values, middles, up, down]).astype(np.float32)
    return np.concatenate([codes[np.isfinite(codes)], positive, -positive])


def same(ours, theirs):
    """Equal bits; NaN equals NaN, and zero its negative."""
    assert np.array_equal(ours.numpy(), theirs, equal_nan=True)


@pytest.mark.parametrize("text", ML_DTYPES)
def test_equals_ml_dtypes(text):
    fmt = parse_format(text)
    x = every_half_and_every_tie(fmt)
    # ml_dtypes overflows to NaN or infinity where we saturate: clip before its cast.
    theirs = np.clip(x, *np.float32(fmt.range)).astype(ML_DTYPES[text])
    same(fmt.cast(torch.from_numpy(x)), theirs.astype(np.float32))


OVERFLOW = [t for t in ML_DTYPES if parse_format(t).specials in ("fn", "ieee")]


@pytest.mark.parametrize("text", OVERFLOW)
def test_overflow_equals_ml_dtypes(text):
    fmt = parse_format(f"{text}-overflow")
    x = every_half_and_every_tie(fmt)
    x = np.concatenate([x, np.float32([fmt.largest * 1.001, np.inf, -np.inf, np.nan])])
    with np.errstate(over="ignore"):
        theirs = x.astype(ML_DTYPES[text]).astype(np.float32)
    same(fmt.cast(torch.from_numpy(x)), theirs)


def gfloat_info(fmt: Float) -> FormatInfo:
    """The same format as gfloat describes it."""
    ieee = fmt.specials == "ieee"
    nans = {"fn": 1, "ieee": 2**fmt.mantissa - 1}.get(fmt.specials, 0)
    default = 2 ** (fmt.exponent - 1) - (fmt.specials != "fnuz")
    return FormatInfo(
        fmt.name,
        fmt.bits,
        fmt.mantissa + 1,
        bias=default if fmt.bias is None else fmt.bias,
        is_signed=True,
        domain=Domain.Extended if ieee else Domain.Finite,
        has_nz=fmt.specials != "fnuz",
        num_high_nans=nans,
        has_subnormals=fmt.subnormals,
        is_twos_complement=False,
    )


@pytest.mark.parametrize("text", [*ML_DTYPES, *OTHERS])
def test_equals_gfloat(text):
    fmt = parse_format(text)
    info = gfloat_info(fmt)
    assert info.max == fmt.largest
    x = every_half_and_every_tie(fmt)
    theirs = gfloat.round_ndarray(
        info, x.astype(np.float64), RoundMode.TiesToEven, sat=True
    )
    same(fmt.cast(torch.from_numpy(x)), theirs.astype(np.float32))


@pytest.mark.parametrize("text", ["e2m2-normal", "e3m1-normal", "e4m3fn-normal"])
def test_without_subnormals_the_nearest_of_gfloats_values(text):
    # gfloat decodes such formats but its rounding passes below their smallest.
    fmt = parse_format(text)
    info = gfloat_info(fmt)
    values = np.array([gfloat.decode_float(info, c).fval for c in range(fmt._top + 1)])
    assert values.tolist() == list(fmt.values)
    x = every_half_and_every_tie(fmt).astype(np.float64)
    size = np.abs(x).clip(max=fmt.largest)
    above = np.searchsorted(values, size).clip(1, len(values) - 1)
    low, high = values[above - 1], values[above]
    odd = above % 2 == 1  # then the code below is the even one
    take_low = np.where(odd, size - low <= high - size, size - low < high - size)
    same(fmt.cast(torch.from_numpy(x)), np.sign(x) * np.where(take_low, low, high))


@pytest.mark.parametrize("text", ["e2m1", "e4m3fn", "e5m2ieee"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_other_types_of_tensor(text, dtype):
    fmt = parse_format(text)
    x = torch.linspace(-1.2, 1.2, 4001, dtype=torch.float64) * min(fmt.largest, 6e4)
    x = x.to(dtype)
    ours = fmt.cast(x)
    assert ours.dtype == dtype
    assert torch.equal(ours.double(), fmt.cast(x.double()))


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_equals_torchs_cast_inside_the_range(name):
    # Beyond the range torch's cast depends on its version (NaN to 2.11, then 448).
    fmt = parse_format({"float8_e4m3fn": "e4m3fn", "float8_e5m2": "e5m2ieee"}[name])
    x = torch.from_numpy(every_half_and_every_tie(fmt)).clamp(*fmt.range)
    assert torch.equal(fmt.cast(x), x.to(getattr(torch, name)).float())


def test_whole_numbers_are_rounded_as_numbers_not_as_bits():
    small = Float(2, 1)
    for dtype in (torch.int32, torch.int64, torch.float16):
        given = torch.tensor([1, 2, 3, 4], dtype=dtype)
        assert small.nearest(given).tolist() == [1, 2, 3, 4]
