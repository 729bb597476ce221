import dataclasses

import pytest
import torch

from precision_lib.errors import UserError
from precision_lib.text.corpus import read_corpus
from precision_lib.training.devices import train_on_devices
from precision_lib.training.trainer import train
from tests.kill_sweep import tiny_configs

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    """Sums in another order: losses to 1e-4, where a token's is about 5."""
    [config] = tiny_configs(tmp_path, 1)
    config = dataclasses.replace(config, micro_batch=2)
    alone = train(config, read_corpus(tmp_path / "corpus"))
    both = train_on_devices(dataclasses.replace(config, devices=2), tmp_path / "corpus")
    assert both.record["loss"] == pytest.approx(alone.record["loss"], abs=1e-4)
    for (seen, loss), (seen_2, loss_2) in zip(
        alone.record["curve"], both.record["curve"], strict=True
    ):
        assert seen == seen_2 and loss_2 == pytest.approx(loss, abs=1e-4)
    for one, two in zip(alone.model.parameters(), both.model.parameters(), strict=True):
        assert torch.allclose(one, two, atol=1e-3)


def test_more_devices_than_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    [config] = tiny_configs(tmp_path, 1)
    many = dataclasses.replace(config, device="cuda", devices=4)
    with pytest.raises(UserError, match="needs 4 GPUs, 1 are here"):
        train_on_devices(many, tmp_path / "corpus")
