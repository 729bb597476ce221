"""Names, sizes and errors of the number formats."""

import math

import pytest

from precision_lib.errors import UserError
from precision_lib.formats import (
    Float,
    Int,
    NormalFloat,
    bits_of,
    information,
    parse_format,
)
from precision_lib.formats.blocks import MX_FORMATS, Block

GRIDS = ("narrow", "full", "paper", "no_clipping", "asymmetric", "midrise")


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("bits", range(1, 17))
def test_name_is_parsed_back(bits, grid):
    if (bits, grid) == (1, "narrow"):
        with pytest.raises(UserError, match="holds only zero"):
            Int(bits, grid)
        return
    fmt = Int(bits, grid)
    assert parse_format(fmt.name) == fmt
    low, high = fmt.range
    assert high - low + 1 == fmt.levels == 2**bits - (grid == "narrow")


@pytest.mark.parametrize(
    "text",
    ["e2m0", "e4m3fn", "e5m2ieee", "e4m3b11fnuz", "e3m2b-1", "e4m3-normal"]
    + ["e5m2ieee-overflow", "e4m3fn-normal-overflow", "nf2", "nf8", *MX_FORMATS],
)
def test_names_of_other_formats_are_parsed_back(text):
    assert parse_format(text).name == text


@pytest.mark.parametrize(
    "text",
    ["int0", "int17", "int4-wide", "int1", "fp4", "4", "int", "", "e0m3", "e9m2"]
    + ["e8m7", "e4m11", "e1m0ieee", "e1m0fn", "e2m1-overflow", "e4m3b900", "e4m3xx"]
    + ["e4m3fnuz-overflow", "nf1", "nf9", "mxfp5", "mxfp8", "int4-midrise-x"],
)
def test_unknown_and_impossible_formats_are_named(text):
    with pytest.raises(UserError, match=r"\w"):
        parse_format(text)


def test_formats_made_by_hand_are_checked_too():
    with pytest.raises(UserError, match="special codes"):
        Float(4, 3, specials="nan")
    with pytest.raises(UserError, match="rules are"):
        Block("mine", Float(2, 1), rule="nearest")
    with pytest.raises(UserError, match="size 0"):
        Block("mine", Float(2, 1), size=0)
    with pytest.raises(UserError, match="1 to 16"):
        Int(True)


def test_high_precision_is_32_bits():
    assert parse_format("float32") is None
    assert bits_of("float32") == 32


# Table 1 of the OCP microscaling specification 1.0; float16 and the IEEE float8
# from IEEE 754's rules for the same widths.
LARGEST = {
    "e4m3fn": (448, 2**-6, 2**-9),
    "e5m2ieee": (57344, 2**-14, 2**-16),
    "e3m2": (28, 0.25, 0.0625),
    "e2m3": (7.5, 1, 0.125),
    "e2m1": (6, 1, 0.5),
    "e5m10ieee": (65504, 2**-14, 2**-24),
    "e4m3ieee": (240, 2**-6, 2**-9),
    "e4m3": (480, 2**-6, 2**-9),
    "e2m0": (4, 1, 1),
}


@pytest.mark.parametrize("text", LARGEST)
def test_range_of_floats(text):
    fmt = parse_format(text)
    largest, normal, smallest = LARGEST[text]
    assert (fmt.largest, fmt.values[1], fmt.values[2**fmt.mantissa]) == (
        largest,
        smallest,
        normal,
    )
    assert list(fmt.values) == sorted(set(fmt.values))
    assert len(fmt.values) * 2 - 1 == fmt.levels
    assert fmt.levels <= 2**fmt.bits


def test_mxint8_elements_are_64ths():
    values = parse_format("mxint8").element.values
    assert values == tuple(k / 64 for k in range(128))


# bitsandbytes, functional.py, `get_4bit_type("nf4")`; printed as well in QLoRA,
# appendix E (https://arxiv.org/abs/2305.14314).
NF4 = [
    -1.0,
    -0.6961928009986877,
    -0.5250730514526367,
    -0.39491748809814453,
    -0.28444138169288635,
    -0.18477343022823334,
    -0.09105003625154495,
    0.0,
    0.07958029955625534,
    0.16093020141124725,
    0.24611230194568634,
    0.33791524171829224,
    0.44070982933044434,
    0.5626170039176941,
    0.7229568362236023,
    1.0,
]


def test_nf4_from_quantiles_is_the_published_table():
    # The published numbers come from float32 quantiles: they agree to 2e-7.
    assert NormalFloat(4).values == pytest.approx(NF4, abs=3e-7)
    for bits in range(2, 9):
        values = NormalFloat(bits).values
        assert len(set(values)) == NormalFloat(bits).levels == 2**bits
        assert list(values) == sorted(values) and 0.0 in values


@pytest.mark.parametrize(
    ("text", "block", "bits"),
    [
        ("int4", (1, 32), 4.5),  # GGUF's Q4_0: 18 bytes for 32 weights
        ("int4", (64, 128), 4 + 16 / (64 * 128)),
        ("int3-asymmetric", (1, 128), 3 + 19 / 128),
        ("nf4", (1, 64), 4.25),
        ("e2m1", (1, 128), 4.125),
        ("mxfp4", (64, 128), 4.25),
        ("mxfp6-e3m2", (1, 128), 6.25),
        ("mxint8", (1, 128), 8.25),
        ("nvfp4", (64, 128), 4.5 + 32 / (64 * 128)),
    ],
)
def test_bits_per_parameter_count_the_scales(text, block, bits):
    assert parse_format(text).bits_per_parameter(block, (64, 128)) == bits


def test_information_of_three_values():
    assert information(Int(2)) == math.log2(3)
    assert information(Int(2, "full")) == 2
    assert information(parse_format("mxfp4")) == math.log2(15)
