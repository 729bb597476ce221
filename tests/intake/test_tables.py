"""Any CSV gives a checked table or one sentence, never anything in between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from precision_lib.errors import UserError
from precision_lib.intake import check_runs, read_runs

GOOD = "N,D,loss\n1e5,2e6,3.5\n2e5,4e6,3.25\n"


def read_table(path: Path, columns=None, **options) -> pd.DataFrame:
    """The table, or its faults as one error."""
    found = check_runs(read_runs(path, columns), columns, **options)
    if found.faults:
        said = [fault.sentence for fault in found.faults]
        raise UserError(f"{path}: {len(said)} fault: {' '.join(said)}")
    return found.table


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
        "sep=;\n" + GOOD.replace(",", ";"),
        (GOOD.replace(",", "\t")).encode("utf-16"),
        GOOD.replace("\n", ",,\n") + ",,,,\n",
        GOOD.replace("1e5", "100K").replace("2e6", "2 M").replace("2e5", "0.2m"),
        '"N","D","loss"\n"1e5","2e6","3.5"\n200000,4000000,3.25',
        'note,N,D,loss\n"a, b",1e5,2e6,3.5\nc,2e5,4e6,3.25\n',
    ],
)
def test_usual_spellings_of_one_table_read_the_same(
    write, content: str | bytes
) -> None:
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
        ("N,D\n1,2\n", "'loss' is missing; the columns are 'N', 'D'"),
        ("Runs, mine\nN,D,loss\n1,2,3\n", "or begin the file with the line that names"),
        ("N,D,D,loss\n1,2,2,3\n", "names column 'D' twice"),
        (
            "N,D,loss\n1,2,3\n1,2,3,4,5\n",
            "row 2: has 5 fields where the header names 3",
        ),
        ("x,y\n1,2,3\n4,5,6\n", "'N' and 'D' and 'loss' are missing"),
        ("N,D,loss\n1,2,3\n1,2\n", "row 2, column 'loss': the value is missing"),
        ("N,D,loss\n1,2,x\n", "row 1, column 'loss': 'x' is not a number"),
        ("N,D,loss\n1,2,3\nN,D,loss\n", "the header stands again"),
        ("N;D;loss\n1;2;3,5\n", "write decimals with a point"),
        ("N,D,loss\n1,2,inf\n", "row 1, column 'loss': 'inf' is not finite"),
        ("N,D,loss\n1,-inf,3\n", "row 1, column 'D': '-inf' is not finite"),
        ("N,D,loss\n0,2,3\n", "row 1, column 'N': '0' is not above zero"),
        ("N,D,loss\n1,2,3\n1,2,-0.5\n", "row 2, column 'loss': '-0.5' is not above"),
        ("N,D,loss\nTrue,2,3\nFalse,2,3\n", "'True' is not a number"),
        ("N,D,loss\n1,2,#DIV/0!\n", "'#DIV/0!' is not a number"),
        ("N,D,loss\n1,2,=A1*2\n", "'=A1*2' is not a number"),
        ("N,D,loss\n1,2,5%\n", "'5%' is not a number"),
        ('N,D,loss\n1,2,"3\n4,5,6', "'3 4,5,6' is not a number"),
        (GOOD.encode() + b"1,2,\xff\n", "byte 0xff in line 4 is not UTF-8 text"),
        (GOOD.encode("utf-16-le"), "it holds bytes of zero"),
        (b"PK\x03\x04broken", "it is packed and cannot be unpacked"),
        (b"\x1f\x8bbroken", "it is packed and cannot be unpacked"),
        (b"SQLite format 3\x00", "this is a SQLite database"),
        (b"<!doctype html><table>", "this is a web page"),
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


def test_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_runs(tmp_path / "absent.csv")


def test_columns_are_renamed_and_a_namesake_gives_way(write) -> None:
    path = write("N,params,tokens,loss\n9,1e5,2e6,3.5\n")
    frame = read_table(path, {"N": "params", "D": "tokens"})
    assert frame.loc[0, ["N", "D", "loss"]].tolist() == [1e5, 2e6, 3.5]
    assert "params" not in frame


def test_one_column_may_serve_twice(write) -> None:
    path = write("bits,N\nW4A8,10\n")
    names = {"weight_bits": "bits", "activation_bits": "bits"}
    wanted = ["weight_bits", "activation_bits"]
    assert read_table(path, names, required=wanted).loc[0, wanted].tolist() == [4, 8]


def test_only_what_is_read_is_checked_and_only_that_may_be_mapped(write) -> None:
    path = write("N,D,loss,kv_bits\n1,2,3,x\n")
    read = ["N", "D", "loss"]
    assert read_table(path, required=read, reads=read).shape == (1, 3)
    with pytest.raises(UserError, match="no law that is fitted here reads 'kv_bits'"):
        read_table(path, {"kv_bits": "kv_bits"}, required=read, reads=read)


def test_delta_is_what_rounding_added_and_may_be_negative(write) -> None:
    path = write("N,D,loss,post_loss,post_bits\n1,2,3,2.5,w4\n1,2,3,4,3bit\n")
    needed = ["N", "D", "post_bits", "delta"]
    frame = read_table(path, required=needed, reads=needed)
    assert frame["delta"].tolist() == [-0.5, 1.0]
    assert frame["post_bits"].tolist() == [4, 3]


def test_half_of_rounding_is_not_enough(write) -> None:
    path = write("N,D,loss,bits,after\n1,2,3,4,3.5\n")
    with pytest.raises(UserError, match="post_bits says nothing without 'post_loss'"):
        read_table(path, {"post_bits": "bits"})
    with pytest.raises(UserError, match="post_loss says nothing without 'post_bits'"):
        read_table(path, {"post_loss": "after"})


def test_a_column_a_width_is_a_row_a_width(write) -> None:
    wide = "N,D,loss,loss_gptq_w3,loss_gptq_w4\n1,2,3,3.5,3.1\n4,5,2,2.5,\n"
    needed = ["N", "D", "post_bits", "delta"]
    path = write(wide)
    with pytest.raises(UserError, match="1 fault"):
        read_table(path, required=needed, reads=needed)
    path = write(wide.replace("2.5,", "2.5,2.1"))
    frame = read_table(path, required=needed, reads=needed)
    assert frame["post_bits"].tolist() == [3, 3, 4, 4]
    assert frame["delta"].tolist() == pytest.approx([0.5, 0.5, 0.1, 0.1])
    plain = read_table(path, required=["N", "D", "loss"], reads=["N", "D", "loss"])
    assert len(plain) == 2  # a law of the loss alone reads one row a run
    some = read_table(write(f"{wide}7,8,1,,\n".replace("2.5,", "2.5,2.1")))
    assert some["post_bits"].isna().tolist() == [False, False, True, False, False]
    both = write("N,D,loss,loss_rtn_4,loss_gptq_4\n1,2,3,3.5,3.1\n")
    with pytest.raises(UserError, match=r"several losses.*post_loss=loss_rtn_\*"):
        read_table(both)
    chosen = read_table(both, {"post_loss": "loss_gptq_*"})
    assert chosen["post_loss"].tolist() == [3.1]
    with pytest.raises(UserError, match="no column is like 'loss_awq_"):
        read_table(both, {"post_loss": "loss_awq_*"})
    one = write("N,D,loss,loss_gptq_4\n1,2,3,3.1\n")
    with pytest.raises(UserError, match="no column 'after' .given for post_bits"):
        read_table(one, {"post_bits": "after"})  # it was ignored


@pytest.mark.parametrize(
    ("loss", "wide"),
    [
        ("eval_ce", "loss_gptq_w"),
        ("eval_ce", "eval_ce_gptq_w"),
        ("ce", "val_loss_rtn_"),
        ("val/ppl", "ppl_awq_int"),
        ("L", "delta_gptq_w"),
        ("L", "degradation_w"),
    ],
)
def test_wide_columns_are_found_whatever_the_loss_is_called(write, loss, wide) -> None:
    path = write(f"N,D,{loss},{wide}3,{wide}4\n1,2,3,3.5,3.1\n4,5,2,2.5,2.1\n")
    for also in (None, []):  # all columns, or those that a command needs
        raw = read_runs(path, {"loss": loss}, also=also)
        frame = check_runs(raw, {"loss": loss}).table
        assert frame["post_bits"].tolist() == [3, 3, 4, 4]


@pytest.mark.parametrize("wide", ["ppl_gptq_w4", "acc_gptq_w4", "w4/gptq/4"])
def test_what_may_be_a_loss_after_rounding_is_not_left_out_in_silence(
    write, wide
) -> None:
    raw = read_runs(write(f"N,D,ce,{wide}\n1,2,3,3.5\n"), {"loss": "ce"}, also=[])
    (said,) = [r for r in check_runs(raw, {"loss": "ce"}).remarks if "Not read" in r]
    assert repr(wide) in said and "post_loss=" in said


def test_two_losses_in_wide_columns_are_asked_about(write) -> None:
    path = write("N,D,ce,val_loss_gptq_w4,test_loss_gptq_w4\n1,2,3,3.5,3.6\n")
    with pytest.raises(UserError, match=r"several losses.*val_loss_gptq_w\*"):
        read_table(path, {"loss": "ce"})


def test_text_far_down_a_long_column_is_found(write) -> None:
    rows = [f"{n},2,3" for n in range(1, 30_001)]
    rows[27_000] = "many,2,3"
    with pytest.raises(UserError, match="row 27001, column 'N': 'many' is not"):
        read_table(write("N,D,loss\n" + "\n".join(rows)))


def test_only_needed_columns_are_read(write) -> None:
    path = write("name,N,D,loss,seed,other\na,1,2,3,0,9\nb,1,2,3,1,9\n")
    raw = read_runs(path, {}, also=["seed"])
    assert list(raw.frame.columns) == ["name", "N", "D", "loss", "seed"]


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


@pytest.mark.slow
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
