import dataclasses
import math
import os

import numpy as np
import pytest
import torch

from precision_lib.errors import UserError
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.training.config import RunConfig, learning_rate
from precision_lib.training.data import data_order
from precision_lib.training.evaluation import evaluate
from precision_lib.training.trainer import train
from tests.helpers import SMALL, small_corpus

pytestmark = pytest.mark.slow
ROUNDING = 1e-5  # of a loss: sums of float32 in another order

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


def test_low_precision_costs_loss():
    high = record_of(tokens=102_400)
    low = record_of(tokens=102_400, precision=Precision("int2", "int3", "int3"))
    assert low["loss"] > high["loss"]


def test_schedules_share_the_warmup_and_part_where_they_say():
    config = dataclasses.replace(CONFIG, tokens=204_800)
    rates = {
        name: [
            learning_rate(step, dataclasses.replace(config, schedule=name, final_lr=0))
            for step in range(config.steps)
        ]
        for name in ("cosine", "linear", "constant", "wsd")
    }
    warm = round(0.1 * config.steps)
    assert len({tuple(r[:warm]) for r in rates.values()}) == 1
    assert set(rates["constant"][warm:]) == {0.01}
    stable = config.steps - round(0.2 * config.steps)
    assert rates["wsd"][:stable] == rates["constant"][:stable]
    for name in ("cosine", "linear", "wsd"):
        assert rates[name][-1] == pytest.approx(0, abs=1e-9)
    middle = (warm + config.steps) // 2
    assert rates["linear"][middle] == pytest.approx(0.005, rel=0.02)


def test_a_stable_phase_is_the_start_of_a_longer_run():
    whole = dataclasses.replace(CONFIG, schedule="wsd", tokens=20_480, warmup=0.1)
    before = dataclasses.replace(
        whole, schedule="constant", tokens=16_384, warmup=0.125
    )
    assert before.steps == 0.8 * whole.steps
    long, short = record_of(**vars_of(whole)), record_of(**vars_of(before))
    pairs = zip(short["curve"][::2], short["curve"][1::2], strict=True)
    for (tokens, loss), (first, second) in zip(long["curve"], pairs, strict=False):
        assert tokens == second[0]
        assert loss == pytest.approx((first[1] + second[1]) / 2, abs=2e-5)
    assert long["loss"] != short["loss"]


def vars_of(config):
    return {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}


def test_averaging_takes_the_mean_of_the_last_weights():
    weights = []
    for tokens in (19_456, 19_968, 20_480):
        share = dataclasses.replace(CONFIG, tokens=tokens, schedule="constant")
        share = dataclasses.replace(share, warmup=2 / share.steps)
        weights.append(train(share, small_corpus()).model.state_dict())
    config = dataclasses.replace(share, averaging=3 / share.steps)
    mean = train(config, small_corpus()).model.state_dict()
    for name in mean:
        expected = torch.stack([w[name] for w in weights]).mean(0)
        torch.testing.assert_close(mean[name], expected, rtol=1e-5, atol=1e-7)


def test_micro_batches_change_rounding_only():
    whole, parts = record_of(), record_of(micro_batch=2)
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-4)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_other_number_types_train_to_about_the_same_loss(dtype):
    if dtype == "bfloat16" and "ATEN_CPU_CAPABILITY" in os.environ:
        pytest.skip("torch packs bfloat16 for the processor, not for the kernels set")
    config = {"precision": Precision("int4", "int4", "int4"), "tokens": 20_480}
    assert record_of(**config, dtype=dtype)["loss"] == pytest.approx(
        record_of(**config)["loss"], rel=0.02
    )


def test_shorter_windows_predict_the_same_tokens():
    corpus = small_corpus()
    run = train(dataclasses.replace(CONFIG, sequence=32), corpus)
    assert run.record["sequence"] == 32 and run.record["D"] == CONFIG.tokens
    whole, _ = evaluate(run.model, corpus)
    short, _ = evaluate(run.model, corpus, 32)
    assert run.record["loss"] == pytest.approx(short, rel=ROUNDING)
    assert short != pytest.approx(whole, rel=ROUNDING)
    assert run.record["loss"] == pytest.approx(whole, rel=0.2)


def test_a_new_field_leaves_old_ids_alone():
    assert RunConfig(SMALL, tokens=4096, peak_lr=0.02).run_id == "0710c44f5a5e"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": dataclasses.replace(SMALL, vocab_size=99)}, " 99; set vocab_size"),
        ({"device": "cuda:7"}, "device 'cuda:7' is not available"),
    ],
)
def test_a_run_that_cannot_start_says_why(change, message):
    with pytest.raises(UserError, match=message):
        train(dataclasses.replace(CONFIG, **change), small_corpus())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "step"}, "unknown schedule 'step'; one of cosine"),
        ({"averaging": 1.5}, "averaging must lie in 0 to 1"),
        ({"dtype": "int8"}, "unknown dtype 'int8'"),
        ({"micro_batch": 3}, "does not divide into micro-batches of 3"),
    ],
)
def test_fields_out_of_range(change, message):
    with pytest.raises(UserError, match=message):
        dataclasses.replace(CONFIG, **change)


def test_divergence_is_an_outcome():
    record = record_of(peak_lr=1e6)
    assert record["status"] == "diverged"


def test_loss_is_the_mean_over_sources():
    corpus = small_corpus()
    run = train(CONFIG, corpus)
    loss, by_source = evaluate(run.model, corpus)
    counts = np.bincount(corpus.validation_source)
    names = [corpus.sources[i] for i in np.flatnonzero(counts)]
    assert list(by_source) == names
    weighted = np.dot([by_source[n] for n in names], counts[counts > 0])
    assert loss == pytest.approx(weighted / counts.sum(), rel=ROUNDING)
    assert run.record["loss"] == pytest.approx(loss, rel=ROUNDING)


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
