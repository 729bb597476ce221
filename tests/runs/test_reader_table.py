"""Any CSV gives a checked table or one sentence, never anything in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from precision_lib.errors import UserError
from precision_lib.runs.reader_table import read_table

GOOD = "N,D,loss\n1e5,2e6,3.5\n2e5,4e6,3.25\n"


@pytest.fixture
def write(tmp_path: Path):
    def to_file(content: str | bytes, name: str = "runs.csv") -> Path:
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        path.write_bytes(data)
        return path

    return to_file


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace(",", ", "),
        "\n\n" + GOOD.replace("\n", "\n\n"),
        '"N","D","loss"\n"1e5","2e6","3.5"\n200000,4000000,3.25',
        'note,N,D,loss\n"a, b",1e5,2e6,3.5\nc,2e5,4e6,3.25\n',
    ],
)
def test_usual_spellings_of_one_table_read_the_same(write, content: str) -> None:
    frame = read_table(write(content))
    assert frame[["N", "D", "loss"]].to_numpy().tolist() == [
        [1e5, 2e6, 3.5],
        [2e5, 4e6, 3.25],
    ]
    assert set(frame[["N", "D", "loss"]].dtypes) == {np.dtype(float)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("N,D,loss\n", "no row below it"),
        ("N,D\n1,2\n", "column 'loss' is missing; the file has 'N', 'D'"),
        ("N,D,D,loss\n1,2,2,3\n", "names column 'D' twice"),
        ("N,D,loss\n1,2,3,4\n", "more fields than the header"),
        ("N,D,loss\n1,2,3\n1,2,3,4,5\n", "Expected 3 fields in row 2, saw 5"),
        ("N,D,loss\n1,2,3\n1,2\n", "column 'loss', row 2: the value is missing"),
        ("N,D,loss\n1,2,x\n", "column 'loss', row 1: 'x' is not a number"),
        ("N,D,loss\n1,2,3\nN,D,loss\n", "the header stands again"),
        ("N;D;loss\n1;2;3,5\n", "write decimals with a point"),
        ("N,D,loss\n1,2,nan\n1,2,\n", "the value is missing (and 1 more like it)"),
        ("N,D,loss\n1,2,inf\n", "row 1: inf is not finite"),
        ("N,D,loss\n1,-inf,3\n", "row 1: -inf is not finite"),
        ("N,D,loss\n0,2,3\n", "column 'N', row 1: 0 is not above zero"),
        ("N,D,loss\n1,-2,3\n", "column 'D', row 1: -2 is not above zero"),
        ("N,D,loss\n1,2,3\n1,2,-0.5\n", "column 'loss', row 2: -0.5 is not above"),
        ("N,D,loss\nTrue,2,3\nFalse,2,3\n", "'True' is not a number"),
        ("N,D,loss\nTrue,2,3\n7,2,3\n", "'True' is not a number"),
        ('N,D,loss\n1,2,"3\n', "cannot be read"),
        (GOOD.encode("utf-16"), "is not UTF-8 text"),
        (GOOD.encode() + b"1,2,\xff\n", "byte 0xff is not UTF-8 text"),
        (b"\x00\x00\x00", "no row below it"),
    ],
)
def test_each_fault_is_one_sentence_that_names_the_place(
    write, content: str | bytes, said: str
) -> None:
    path = write(content)
    with pytest.raises(UserError) as caught:
        read_table(path)
    message = str(caught.value)
    assert said in message
    assert str(path) in message and "\n" not in message and message.endswith(".")


def test_missing_file_and_folder_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_table(tmp_path / "absent.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_table(tmp_path)


def test_columns_are_renamed_and_a_namesake_gives_way(write) -> None:
    path = write("N,params,tokens,loss\n9,1e5,2e6,3.5\n")
    frame = read_table(path, {"N": "params", "D": "tokens"})
    assert frame.loc[0, ["N", "D", "loss"]].tolist() == [1e5, 2e6, 3.5]
    assert "params" not in frame
    swapped = read_table(path, {"N": "tokens", "tokens": "N"}, ["N", "tokens"])
    assert swapped.loc[0, ["N", "tokens"]].tolist() == [2e6, 9.0]


def test_one_column_may_serve_twice(write) -> None:
    path = write("bits,N\n4,10\n")
    names = {"weight_bits": "bits", "kv_bits": "bits"}
    frame = read_table(path, names, ["weight_bits", "kv_bits"])
    assert frame.loc[0, ["weight_bits", "kv_bits"]].tolist() == [4, 4]


def test_renaming_names_the_column_of_the_file_in_its_sentences(write) -> None:
    path = write("params,D,loss\n0,1,1\n")
    with pytest.raises(UserError, match="column 'size', given for N, is missing"):
        read_table(path, {"N": "size"})
    with pytest.raises(UserError, match="column 'params', row 1: 0 is not above"):
        read_table(path, {"N": "params"})


def test_rows_left_out_may_hold_missing_values(write) -> None:
    path = write("N,D,loss,status\n1,2,,diverged\n3,4,5,finished\n6,7,0,finished\n")
    with pytest.raises(UserError, match="row 3: 0 is not above zero"):
        read_table(path, where="status == 'finished'")
    frame = read_table(path, where="status == 'finished' and N < 6")
    assert frame["loss"].tolist() == [5.0]
    with pytest.raises(UserError, match="keeps none of the 3 rows"):
        read_table(path, where="N > 100")
    with pytest.raises(UserError, match="no column 'bits'"):
        read_table(path, where="bits > 100")


def test_delta_may_be_negative_and_labels_are_not_numbers(write) -> None:
    path = write("delta,grid\n-0.01,int4\n0,e4m3\n")
    frame = read_table(path, required=["delta", "grid"], text=["grid"])
    assert frame["delta"].tolist() == [-0.01, 0.0]
    assert frame["grid"].tolist() == ["int4", "e4m3"]
    gap = write("delta,grid\n1,int4\n2,\n", "gap.csv")
    with pytest.raises(UserError, match="column 'grid', row 2: the value is missing"):
        read_table(gap, required=["grid"], text=["grid"])


def test_text_far_down_a_long_column_is_found(write) -> None:
    """pandas reads long columns in pieces and may type them one by one."""
    rows = [f"{n},2,3" for n in range(1, 300_001)]
    rows[270_000] = "many,2,3"
    with pytest.raises(UserError, match="column 'N', row 270001: 'many' is not"):
        read_table(write("N,D,loss\n" + "\n".join(rows)))


def test_only_needed_columns_are_read(write) -> None:
    path = write("name,N,D,loss,seed,other\na,1,2,3,0,9\nb,1,2,3,1,9\n")
    frame = read_table(path, where="seed == 1", only_needed=True)
    assert list(frame.columns) == ["N", "D", "loss", "seed"]
    assert len(frame) == 1


FINE = st.floats(1e-3, 1e12)
WORDS = st.sampled_from(
    ["", "nan", "inf", "-1", "0", "x", "1e5", "TRUE", "1,5", "\u0665", '"', "1 2"]
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(st.tuples(FINE, FINE, FINE), min_size=1, max_size=8),
    separator=st.sampled_from([",", ";", "\t"]),
    mark=st.sampled_from(["", "\ufeff"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_numbers_come_back_bit_for_bit(write, rows, separator, mark, end) -> None:
    lines = [("N", "D", "loss"), *(tuple(map(repr, row)) for row in rows)]
    path = write(mark + end.join(separator.join(line) for line in lines))
    frame = read_table(path)
    np.testing.assert_array_max_ulp(frame.to_numpy(), np.array(rows), maxulp=1)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.lists(FINE.map(repr) | WORDS, min_size=2, max_size=4), min_size=0, max_size=5
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_any_table_is_valid_or_one_sentence(write, rows, separator) -> None:
    lines = [["N", "D", "loss"], *rows]
    _valid_or_one_sentence(write("\n".join(separator.join(line) for line in lines)))


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda b: b"N,D,loss\n" + b))
def test_any_bytes_are_valid_or_one_sentence(write, content: bytes) -> None:
    _valid_or_one_sentence(write(content))


def _valid_or_one_sentence(path: Path) -> None:
    try:
        frame = read_table(path)
    except UserError as error:
        message = str(error)
        assert str(path) in message and "\n" not in message
    else:
        numbers = frame[["N", "D", "loss"]].to_numpy(dtype=float)
        assert len(frame) and np.isfinite(numbers).all() and (numbers > 0).all()
        assert isinstance(frame.index, pd.RangeIndex)
