import dataclasses
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from precision_lib.model.config import Precision
from precision_lib.ptq.trained_run import add_roundings
from precision_lib.runs.run_table import STATISTICS
from precision_lib.training.config import RunConfig
from precision_lib.training.trainer import train
from tests.helpers import SMALL, small_corpus

pytestmark = pytest.mark.slow

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
    widths = (2, 3, 4, 5, 6, 8)
    assert settings == list(product(("rtn", "gptq", "awq", "noise"), widths))
    for method in range(0, 24, 6):
        rows = high["ptq"][method : method + 6]
        post = [row["post_loss"] - high["loss"] for row in rows]
        # at 4 bits a model as small as this one may happen to gain
        assert post[0] > post[1] > abs(post[5])
    assert [row["post_bits"] for row in low["ptq"]] == [2, 2, 2, 2]
    assert low["ptq"][0]["post_loss"] == pytest.approx(low["loss"], abs=1e-5)


def test_noise_is_as_large_as_the_error_of_rounding_to_nearest():
    rows = {(row["method"], row["post_bits"]): row for row in record_of()["ptq"]}
    for bits in (2, 3, 4, 5, 6, 8):
        error = rows["rtn", bits]["weight_error"]
        assert rows["noise", bits]["weight_error"] == pytest.approx(error, rel=1e-5)
        assert rows["noise", bits]["post_loss"] != rows["rtn", bits]["post_loss"]


def test_the_statistics_are_those_of_scipy():
    config, corpus = CONFIG, small_corpus()
    run = train(config, corpus)
    add_roundings(run, config, corpus)
    layers = run.model.linear_layers().values()
    weights = [layer.weight.detach().double().numpy().ravel() for layer in layers]
    kurtoses = [stats.kurtosis(w, fisher=False) for w in weights]
    peaks = [np.abs(w).max() / np.quantile(np.abs(w), 0.5) for w in weights]
    found = run.record["statistics"]
    assert found["weight_kurtosis_mean"] == pytest.approx(np.mean(kurtoses), rel=1e-6)
    assert found["weight_kurtosis_max"] == pytest.approx(max(kurtoses), rel=1e-6)
    assert found["weight_peak_mean"] == pytest.approx(np.mean(peaks), rel=1e-6)
    row = pd.DataFrame([{"run_id": config.run_id, **found}])
    assert len(STATISTICS.validate(row)) == 1


def test_a_diverged_run_is_not_rounded():
    assert record_of(tokens=20_480, peak_lr=1e6)["ptq"] == []
