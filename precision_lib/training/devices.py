"""One run on several devices: each takes its share of every batch.

Plain data parallelism with ``torch.distributed``: the gradients are averaged after each
backward pass, so that all devices take the same step. Where activations share a scale
a tensor, they share it within a device's share of the batch.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from precision_lib.errors import UserError
from precision_lib.text.corpus import read_corpus
from precision_lib.training.checkpoints import load_model, save_model
from precision_lib.training.config import RunConfig
from precision_lib.training.step import Share
from precision_lib.training.trainer import Run, train


def train_on_devices(config: RunConfig, corpus: Path) -> Run:
    """Train in ``config.devices`` processes; on GPUs each has one of its own.

    Raises UserError if there are fewer GPUs than devices.

    `corpus`: folder of the token arrays, as `precision_lib.text.corpus.save_corpus`
    writes it.
    """
    have = torch.cuda.device_count()
    if config.device == "cuda" and have < config.devices:
        raise UserError(f"the run needs {config.devices} GPUs, {have} are here.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spawn(  # ends all when one fails
            _one_of, args=(config, corpus, folder), nprocs=config.devices
        )
        record = json.loads((folder / "record.json").read_text("utf-8"))
        return Run(load_model(folder / "model.safetensors"), record)


def _one_of(rank: int, config: RunConfig, corpus: Path, folder: Path) -> None:
    backend = "nccl" if config.device == "cuda" else "gloo"
    if config.device == "cuda":
        torch.cuda.set_device(rank)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are here
    dist.init_process_group(
        backend,
        init_method=f"file://{folder / 'meeting'}",
        rank=rank,
        world_size=config.devices,
    )
    try:
        run = train(config, read_corpus(corpus), share=Share(rank, config.devices))
        if rank == 0 and run.model is not None:
            save_model(run.model, config, folder / "model.safetensors")
            (folder / "record.json").write_text(json.dumps(run.record), "utf-8")
        dist.barrier()
    finally:
        dist.destroy_process_group()
