import dataclasses
from itertools import product

import pytest

from precision_lib.model.transformer import Precision
from precision_lib.ptq.trained_run import add_roundings
from precision_lib.training.config import RunConfig
from precision_lib.training.trainer import train
from tests.helpers import SMALL, small_corpus

CONFIG = RunConfig(SMALL, tokens=102_400, batch_size=4, peak_lr=0.01)


def record_of(**changes):
    config, corpus = dataclasses.replace(CONFIG, **changes), small_corpus()
    run = train(config, corpus)
    add_roundings(run, config, corpus)
    return run.record


def test_rounding_costs_more_at_fewer_bits():
    high = record_of()
    low = record_of(precision=Precision("int2", "int3", "int3"))
    settings = [(row["method"], row["post_bits"]) for row in high["ptq"]]
    assert settings == list(product(("rtn", "gptq", "awq"), range(2, 9)))
    for method in range(0, 21, 7):
        rows = high["ptq"][method : method + 7]
        post = [row["post_loss"] - high["loss"] for row in rows]
        assert post[0] > post[2] > abs(post[6])
    assert [row["post_bits"] for row in low["ptq"]] == [2, 2, 2]
    assert low["ptq"][0]["post_loss"] == pytest.approx(low["loss"], abs=1e-5)


def test_a_diverged_run_is_not_rounded():
    assert record_of(tokens=20_480, peak_lr=1e6)["ptq"] == []
