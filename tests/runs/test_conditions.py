"""Conditions: the right rows, and never anything but arithmetic."""

from __future__ import annotations

import ast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from precision_lib.errors import UserError
from precision_lib.runs.conditions import parse_condition, split_rows

RUNS = pd.DataFrame(
    {
        "N": [1e5, 2e5, 4e5, 8e5],
        "D": [3e7, 3e7, 4e7, 1e9],
        "seed": [0, 1, 0, 2],
        "weight_bits": [3.0, 4.0, 32.0, 4.0],
        "status": ["finished", "diverged", "finished", "finished"],
        "chosen": [True, False, True, False],
        "gap": [1.0, np.nan, 2.0, 3.0],
    }
)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("N > 3e5", [2, 3]),
        ("D/N > 200", [0, 3]),
        ("weight_bits < 16 and seed != 0", [1, 3]),
        ("weight_bits in [3, 32]", [0, 2]),
        ("weight_bits not in (3, 32)", [1, 3]),
        ("status == 'diverged' or seed == 2", [1, 3]),
        ('status in ["finished"]', [0, 2, 3]),
        ("not (N > 3e5)", [0, 1]),
        ("1e5 < N <= 4e5", [1, 2]),
        ("-N + 3e5 >= +D % 2 ** 1", [0, 1]),
        ("chosen", [0, 2]),
        ("not chosen and N < 5e5", [1]),
        ("gap > 1", [2, 3]),
        ("  N > 3e5  ", [2, 3]),
    ],
)
def test_condition_picks_the_rows_it_says(text: str, rows: list[int]) -> None:
    assert np.flatnonzero(parse_condition(text).mask(RUNS)).tolist() == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("__import__('os').system('true')", "a call"),
        ("N.__class__ == 1", "a dot"),
        ("N[0] > 1", "an index"),
        ("(lambda: 1)() == N", "a call"),
        ("[x for x in N] == 1", "a listcomp"),
        ("@N > 1", "not understood"),
        ("N >", "not understood"),
        ("N > 1; N", "not understood"),
        ("N = 3", "not understood"),
        ("(N := 3) > 1", "a namedexpr"),
        ("f'{N}' == 'a'", "a joinedstr"),
        ("N is 3", "write =="),
        ("N in D", "without a list"),
        ("N in []", "without a list"),
        ("~N > 3", "operator ~"),
        ("N // 2 > 3", "operator"),
        ("N > 1j", "the constant"),
        ("N > True", "the constant"),
        ("N > 1e999", "infinite"),
        ("N > 1" + "0" * 400, "that large"),
        ("1 > 0", "names no column"),
        ("", "not understood"),
        ("-" * 500 + "N > 1", "nested too deeply"),
        ("(" * 900 + "N" + ")" * 900 + " > 1", "understood"),
        ("N > 1 and " * 300 + "N > 1", "at most"),
    ],
)
def test_parsing_refuses_whatever_is_not_in_the_language(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        parse_condition(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bits > 3", "no column 'bits'; the columns are N, D, seed"),
        ("N + 1", "not a yes or no"),
        ("status", "not a yes or no"),
        ("N and D > 1", "N is not a condition"),
        ("not N", "N is not a condition"),
        ("status > 3", "status is text"),
        ("N > 'a'", "'a' is text"),
        ("(N > 1) + 1 > 1", "a condition"),
        ("status == 3", "compares text with a number"),
        ("seed in ['a']", "compares text with a number"),
    ],
)
def test_evaluation_says_what_does_not_fit_the_table(text: str, said: str) -> None:
    with pytest.raises(UserError, match="^Condition") as caught:
        parse_condition(text).mask(RUNS)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_split_keeps_every_row_once() -> None:
    fitted, held_out = split_rows(RUNS, "N > 3e5")
    assert fitted.index.tolist() == [0, 1]
    assert held_out.index.tolist() == [2, 3]


@pytest.mark.parametrize(
    ("rule", "said"), [("N > 1e9", "holds out none"), ("N > 0", "holds out all")]
)
def test_split_that_leaves_nothing_is_refused(rule: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        split_rows(RUNS, rule)


NUMBERS = st.one_of(
    st.sampled_from(["N", "D", "seed", "weight_bits"]),
    st.integers(0, 10**6).map(str),
    st.floats(0.01, 1e6).map(repr),
)
TERMS = st.recursive(
    NUMBERS,
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
    max_leaves=5,
)
CONDITIONS = st.recursive(
    st.builds(
        "({} {} {})".format,
        TERMS,
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        TERMS,
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(CONDITIONS)
def test_mask_equals_python_row_by_row(text: str) -> None:
    """Python's own evaluation of each row, in IEEE arithmetic, is the oracle."""
    code = compile(ast.parse(text, mode="eval"), "condition", "eval")
    with np.errstate(all="ignore"):
        expected = (
            [
                bool(
                    eval(
                        code, {}, {k: np.float64(row[k]) for k in RUNS if k != "status"}
                    )
                )
                for row in RUNS.astype({"chosen": float}).to_dict("records")
            ]
            if not _constant(text)
            else None
        )
    if expected is not None:
        assert parse_condition(text).mask(RUNS).tolist() == expected


def _constant(text: str) -> bool:
    """Whether a part is computed from literals alone, where Python may raise."""
    tree = ast.parse(text, mode="eval")
    return any(
        isinstance(node, ast.BinOp | ast.Compare)
        and not any(isinstance(part, ast.Name) for part in ast.walk(node))
        for node in ast.walk(tree)
    )


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60)
    | st.text("NDseb_ 0123.<>=!()[]'\"+-*/,andornt@`:\\", max_size=40)
)
def test_any_text_is_a_mask_or_one_sentence(text: str) -> None:
    try:
        mask = parse_condition(text).mask(RUNS)
    except UserError as error:
        assert "\n" not in str(error) and str(error).endswith(".")
    else:
        assert mask.dtype == bool and mask.shape == (len(RUNS),)
