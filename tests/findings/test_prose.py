"""Facts get the names that the prose quotes, and reach the page as plain values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from myst_nb import glue

from precision_lib.errors import UserError
from precision_lib.findings.prose import named_facts, say


def test_nested_facts_are_named_by_their_path() -> None:
    found = named_facts(
        {"cost": {"kv": {4: (np.float64(1), 0.5, 2)}, "all": np.int64(3)}}
    )
    expected = {"cost_kv_4": 1.0, "cost_kv_4_low": 0.5, "cost_kv_4_high": 2}
    assert found == expected | {"cost_all": 3}
    assert [type(value) for value in found.values()] == [float, float, int, int]


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"a": (1, 2, 3, 4)}, "fact 'a' has 4 values"),
        ({"a": [1]}, "fact 'a' has 1 values"),
        ({"a": None}, "fact 'a' is a NoneType"),
        ({"a": True}, "fact 'a' is a bool"),
        ({"a": np.ones(2)}, "fact 'a' is a ndarray"),
        ({"a": (1, 2), "a_low": 1}, "two facts are called 'a_low'"),
        ({"a": float("nan")}, "fact 'a' is nan, which no sentence can quote"),
        ({"a": (0.5, 0.6, 0.7)}, "fact 'a' is 0.5, outside of 0.6 to 0.7"),
        ({"b": {"a": (0.8, 0.6, 0.7)}}, "fact 'b_a' is 0.8, outside of 0.6 to 0.7"),
        ({"a": 3, "a_low": 1, "a_high": 2}, "fact 'a' is 3, outside of 1 to 2"),
        ({"a": (2, 1)}, "fact 'a_low' is 2, outside of 2 to 1"),
    ],
)
def test_what_no_prose_could_quote_is_refused(facts, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UserError, match=message):
        named_facts(facts)


def test_said_facts_are_what_myst_nb_glues() -> None:
    InteractiveShell.instance()
    with capture_output() as ours:
        say(gap=(0.1, 0.2), word="it's more", runs=np.int64(7))
    with capture_output() as theirs:
        for name, value in {
            "gap_low": 0.1,
            "gap_high": 0.2,
            "word": "it's more",
        }.items():
            glue(name, value, display=False)
        glue("runs", 7, display=False)
    assert len(ours.outputs) == 4
    for our, their in zip(ours.outputs, theirs.outputs, strict=True):
        assert (our.data, our.metadata) == (their.data, their.metadata)


def test_outside_of_a_notebook_nothing_is_said() -> None:
    code = "from precision_lib.findings.prose import say; say(x=1); print('on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "on\n", done.stderr
