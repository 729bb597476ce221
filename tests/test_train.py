import dataclasses
import math

import numpy as np
import pytest
import torch

from precision_lib.errors import UserError
from precision_lib.model import ModelConfig, Precision
from precision_lib.train import RunConfig, data_order, evaluate, learning_rate, train
from tests.helpers import SMALL, small_corpus

CONFIG = RunConfig(SMALL, tokens=20_480, batch_size=4, peak_lr=0.01)
TIMES = ("seconds", "train_seconds")


def record_of(**changes):
    record = train(dataclasses.replace(CONFIG, **changes), small_corpus()).record
    return {k: v for k, v in record.items() if k not in TIMES}


def test_the_same_config_gives_the_same_bits():
    runs = [train(CONFIG, small_corpus()) for _ in range(2)]
    weights = [run.model.state_dict() for run in runs]
    assert all(torch.equal(weights[0][k], weights[1][k]) for k in weights[0])
    first, second = ({**r.record, **dict.fromkeys(TIMES)} for r in runs)
    assert first == second


def test_each_field_changes_the_id_and_the_seed_changes_the_run():
    other = dataclasses.replace(CONFIG, seed=1)
    assert other.run_id != CONFIG.run_id
    ids = {
        dataclasses.replace(CONFIG, **change).run_id
        for change in (
            {"tokens": 30_000},
            {"peak_lr": 0.02},
            {"precision": Precision(weights="int4")},
            {"weight_decay": 0.0},
        )
    }
    assert len(ids) == 4
    assert record_of(seed=1)["loss"] != record_of()["loss"]


def test_training_learns_and_more_tokens_learn_more():
    few, many = record_of(), record_of(tokens=102_400)
    assert many["loss"] < few["loss"] < math.log(300)
    assert many["curve"][0][1] > many["curve"][-1][1]
    assert many["curve"][-1][0] == many["D"] == 102_400


def test_low_precision_costs_loss_and_rounding_costs_more_at_fewer_bits():
    high = record_of(tokens=102_400)
    low = record_of(tokens=102_400, precision=Precision("int2", "int3", "int3"))
    assert low["loss"] > high["loss"]
    post = [row["post_loss"] - high["loss"] for row in high["ptq"]]
    assert [row["post_bits"] for row in high["ptq"]] == [2, 3, 4, 5, 6, 7, 8]
    assert post[0] > post[2] > abs(post[6])
    own = [row["post_loss"] for row in low["ptq"]]
    assert own[0] == pytest.approx(low["loss"], abs=1e-5)


def test_divergence_is_an_outcome():
    record = record_of(peak_lr=1e6)
    assert record["status"] == "diverged" and record["ptq"] == []


def test_loss_is_the_mean_over_sources():
    corpus = small_corpus()
    run = train(CONFIG, corpus)
    loss, by_source = evaluate(run.model, corpus)
    counts = np.bincount(corpus.validation_source)
    names = [corpus.sources[i] for i in np.flatnonzero(counts)]
    assert list(by_source) == names
    weighted = np.dot([by_source[n] for n in names], counts[counts > 0])
    assert run.record["loss"] == loss == pytest.approx(weighted / counts.sum())


def test_windows_are_used_once_an_epoch():
    corpus = small_corpus()
    windows = (len(corpus.train) - 1) // 128
    config = dataclasses.replace(CONFIG, tokens=2 * windows * 128)
    order = data_order(corpus, config).ravel()
    assert len(set(order[:windows])) == windows
    assert (order % 128 == 0).all() and order.max() + 129 <= len(corpus.train)


def test_more_than_four_epochs_are_refused():
    tokens = 5 * len(small_corpus().train)
    with pytest.raises(UserError, match="more than 4 epochs"):
        train(dataclasses.replace(CONFIG, tokens=tokens), small_corpus())


def test_schedule():
    config = RunConfig(ModelConfig(16, 1, 2, 32), tokens=2_048_000, peak_lr=0.5)
    rates = [learning_rate(step, config) for step in range(config.steps)]
    assert np.argmax(rates) in (99, 100) and max(rates) == 0.5
    assert rates[-1] == pytest.approx(0.05)
    assert all(a >= b for a, b in zip(rates[100:-1], rates[101:], strict=True))


@pytest.mark.parametrize("change", [{"tokens": 10}, {"peak_lr": 0.0}])
def test_impossible_configs(change):
    with pytest.raises(UserError, match="a run needs"):
        dataclasses.replace(CONFIG, **change)


def test_threads_are_given_back():
    before = torch.get_num_threads()
    record_of()
    assert torch.get_num_threads() == before
