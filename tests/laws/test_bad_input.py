"""Tables that cannot be fitted: one sentence that says why, or the right answer."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from precision_lib.errors import UserError
from precision_lib.laws import bootstrap, compare, example_fit, example_table, fit


def broken(**changes):
    return {**example_table(), **changes}


def without(name):
    return {k: v for k, v in example_table().items() if k != name}


def at(name, row, value):
    values = example_table()[name].astype(object)
    values[row] = value
    return broken(**{name: values})


def planned(last):
    return broken(role=np.array(["fit"] * 29 + [last], dtype=object))


CASES = [
    (planned("held-out"), "1 rows have the role 'held-out'.*in no fit"),
    (without("D"), "needs the column 'D'.*only N, loss"),
    ({k: v[:4] for k, v in example_table().items()}, "4 rows .* 5 parameters"),
    ({k: v[:0] for k, v in example_table().items()}, "no row"),
    (broken(N=np.full(30, 1e8)), "'N' is 1e\\+08 in every row"),
    (broken(D=np.full(30, 1e9)), "'D' is 1e\\+09 in every row"),
    (at("loss", 3, -1.0), "'loss' holds -1 in row 3"),
    (at("loss", 3, 0.0), "'loss' holds 0 in row 3"),
    (at("loss", 5, np.nan), "'loss' holds nan in row 5"),
    (at("N", 5, np.inf), "'N' holds inf in row 5"),
    (at("N", 2, "many"), "'N' holds 'many' in row 2"),
    (at("N", 2, None), "'N' holds None in row 2"),
    (at("N", 2, 0.0), "'N' holds 0; a size is positive"),
    (at("D", 2, -5.0), "'D' holds -5; a size is positive"),
    (broken(D=np.ones(29)), "'D' has 29 values"),
    (broken(loss=np.ones(29)), "'loss' has 29 values where others have 30"),
    (pd.DataFrame(example_table()).iloc[:, [0, 0, 1, 2]], "more than once"),
]


@pytest.mark.parametrize(("table", "sentence"), CASES)
def test_one_sentence(table, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        fit(table, "chinchilla", starts=4)
    assert "\n" not in str(caught.value)


OPTIONS = [
    ({"loss": "l2"}, "loss 'l2'"),
    ({"scale": "cube"}, "scale 'cube'"),
    ({"delta": 0.0}, "delta is 0"),
    ({"delta": float("nan")}, "delta is nan"),
    ({"starts": 0}, "starts is 0"),
    ({"starts": 2.5}, "starts is 2.5"),
    ({"fixed": {"F": 1.0}}, "no parameter 'F'"),
    ({"tied": {"beta": "gamma"}}, "no parameter 'gamma'"),
    ({"tied": {"beta": "beta"}}, "tied"),
    ({"tied": {"beta": "alpha", "alpha": "beta"}}, "tied"),
    ({"fixed": {"A": -4.0}}, "A is held at -4"),
    ({"fixed": {"E": float("nan")}}, "E is held at nan"),
    ({"fixed": {n: 1.0 for n in ("E", "A", "alpha", "B", "beta")}}, "every param"),
    ({"weights": "w"}, "no column 'w'"),
    ({"weights": [1.0]}, "1 weights for 30 rows"),
    ({"weights": -np.ones(30)}, "zero or more"),
    ({"weights": np.zeros(30)}, "not all zero"),
]


@pytest.mark.parametrize(("options", "sentence"), OPTIONS)
def test_options(options, sentence):
    with pytest.raises(UserError, match=sentence):
        fit(example_table(), "chinchilla", **{"starts": 4, **options})


def test_law_without_a_positive_target():
    table = {"N": [1e6] * 6, "D": [1e8] * 6, "post_bits": [3.0] * 6, "delta": [0.0] * 6}
    table["N"] = np.geomspace(1e6, 1e8, 6)
    table["D"] = np.geomspace(1e8, 1e9, 6)
    with pytest.raises(UserError, match="no logarithm"):
        fit(table, "ptq", scale="log")


def test_text_that_is_a_number_is_a_number():
    table = example_table()
    text = {k: [str(x) for x in v] for k, v in table.items()}
    assert fit(text, "chinchilla", starts=4).params == pytest.approx(
        fit(table, "chinchilla", starts=4).params
    )


def test_constant_size_is_fine_where_its_exponent_is_held():
    table = example_table()
    one = {k: v[table["N"] == table["N"][0]] for k, v in table.items()}
    found = fit(one, "chinchilla", fixed={"A": 480.0, "alpha": 0.35})
    assert found.params["beta"] == pytest.approx(0.37, rel=0.2)


CELLS = st.one_of(
    st.floats(), st.integers(-(10**6), 10**12), st.text(max_size=3), st.none()
)
COLUMNS = st.fixed_dictionaries(
    {name: st.lists(CELLS, max_size=9) for name in ("N", "D", "loss")}
)


@given(table=COLUMNS)
@settings(max_examples=120, deadline=None)
def test_any_cells_end_in_a_sentence_or_a_fit(table):
    ends_in_a_sentence_or_a_fit(table)


POSITIVE = st.floats(1e-30, 1e30)


@given(
    rows=st.lists(st.tuples(POSITIVE, POSITIVE, POSITIVE), min_size=5, max_size=12),
    law=st.sampled_from(["chinchilla", "chinchilla-tied"]),
    loss=st.sampled_from(["huber", "lad", "ls"]),
)
@settings(max_examples=12, deadline=None)
def test_any_positive_numbers_end_in_a_sentence_or_a_fit(rows, law, loss):
    table = dict(zip(("N", "D", "loss"), zip(*rows, strict=True), strict=True))
    ends_in_a_sentence_or_a_fit(table, law, loss)


def ends_in_a_sentence_or_a_fit(table, law="chinchilla", loss="huber"):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = fit(table, law, starts=3, loss=loss)
        except UserError as error:
            assert "\n" not in str(error)
            return
        assert np.isfinite(list(found.params.values())).all()
        assert np.isfinite(found.objective)


def test_bootstrap_options():
    found = example_fit()
    for options, sentence in [
        ({"kind": "wild"}, "kind 'wild'"),
        ({"replicates": 1}, "replicates is 1"),
        ({"replicates": 10**10}, "too many"),
        ({"kind": "cluster"}, "needs `by`"),
        ({"kind": "cluster", "by": np.ones(30)}, "nothing to draw"),
        ({"kind": "cluster", "by": np.ones(3)}, "each of the 30 rows"),
    ]:
        with pytest.raises(UserError, match=sentence):
            bootstrap(found, **options)
    draws = bootstrap(found, replicates=20)
    for options, sentence in [
        ({"name": "gamma"}, "no parameter 'gamma'"),
        ({"name": "E", "method": "t"}, "method 't'"),
        ({"name": "E", "level": 95}, "level is 95"),
    ]:
        with pytest.raises(UserError, match=sentence):
            draws.interval(**options)


def test_compare_options():
    table = example_table()
    for laws, options, sentence in [
        ([], {}, "no law"),
        (["chinchilla", "ptq"], {}, "same column"),
        (["chinchilla"], {"hold_out": np.ones(30, bool)}, "nothing to fit"),
        (["chinchilla"], {"hold_out": np.zeros(30, bool)}, "nothing held out"),
        (["chinchilla"], {"hold_out": np.ones(3, bool)}, "each of the 30 rows"),
        (["chinchilla"], {"hold_out": lambda t: t["N"]}, "true or false"),
        (["chinchilla"], {"folds": 31}, "from 2 to 30"),
        (["chinchilla"], {"by": [1, 2]}, "2 values for 30 rows"),
    ]:
        with pytest.raises(UserError, match=sentence):
            compare(table, laws, **options)


def test_held_out_rows_are_fitted_only_when_asked():
    with pytest.raises(UserError, match="held-out"):
        compare(planned("held-out"), ["chinchilla", "coupled"])
    asked = fit(planned("held-out"), "chinchilla", held_out=True)
    assert asked.params == fit(planned("validation"), "chinchilla").params
