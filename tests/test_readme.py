"""The Python of the README runs as it stands there."""

import re
from pathlib import Path

import pytest

import precision_lib as pl
from tests.helpers import small_corpus

README = Path(__file__).parents[1] / "README.md"
DECIDE, TRAIN = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S)


@pytest.mark.parametrize("code", [DECIDE, TRAIN])
def test_an_example_is_ten_lines_through_the_front_door(code):
    first, _, *lines = code.splitlines()
    assert first == "import precision_lib as pl"
    assert len(lines) <= 10
    assert "import" not in "".join(lines)


def test_from_a_table_to_a_decision():
    names = {}
    exec(DECIDE, names)  # noqa: S102
    low, high = names["best"].intervals["P"]
    assert low < names["best"].values["P"] < high
    assert [score.law for score in names["scores"]] == ["effective", "chinchilla"]


@pytest.mark.slow
def test_train_quantize_and_compare(monkeypatch, capsys):
    monkeypatch.setattr(pl, "load_corpus", lambda: small_corpus(512))
    assert "800_000" in TRAIN
    exec(TRAIN.replace("800_000", "60_000"), {})  # noqa: S102
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    loss = {name: float(value) for name, value in said}
    assert list(loss) == ["float32", "QAT", "PTQ"]
    assert loss["float32"] < min(loss["QAT"], loss["PTQ"])
