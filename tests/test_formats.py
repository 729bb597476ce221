import pytest

from precision_lib.errors import UserError
from precision_lib.formats import Int, bits_of, parse_format

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
    assert high - low + 1 == 2**bits - (grid == "narrow")


@pytest.mark.parametrize("text", ["int0", "int17", "int4-wide", "fp4", "4", "int", ""])
def test_unknown_formats_are_named(text):
    with pytest.raises(UserError, match=r"."):
        parse_format(text)


def test_high_precision_is_32_bits():
    assert parse_format("float32") is None
    assert bits_of("float32") == 32
