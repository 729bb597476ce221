"""What a record says of a run, known before it is trained."""

from __future__ import annotations

from typing import Any

import torch

from precision_lib.text.corpus import Corpus
from precision_lib.training.config import RunConfig


def describe(config: RunConfig, corpus: Corpus) -> dict[str, Any]:
    """The columns of the run table that are known before training."""
    model, precision = config.model, config.precision
    windows = (len(corpus.train) - 1) // config.sequence
    same = ["schedule", "warmup", "final_lr", "decay", "averaging", "sequence"]
    same += ["seed", "peak_lr", "batch_size", "weight_decay"]
    return {
        "run_id": config.run_id,
        "N": model.n_non_embedding,
        "D": config.windows * config.sequence,
        "epochs": config.windows / windows,
        **precision.bits,
        **precision.formats,
        "weight_granularity": precision.weight_granularity,
        "activation_granularity": precision.activation_granularity,
        "kv_granularity": precision.kv_granularity,
        "scale": precision.scale,
        "straight_through": precision.straight_through,
        "rotation": precision.rotation,
        **{name: getattr(config, name) for name in same},
        "d_model": model.d_model,
        "n_layers": model.n_layers,
        "n_heads": model.n_heads,
        "d_mlp": model.d_mlp,
        "extra_norm": model.extra_norm,
        **{f"params_{name}": n for name, n in model.parameters.items()},
        "corpus": config.corpus,
        "corpus_digest": corpus.digest,
        "device": config.device,
        "dtype": config.dtype,
        "engine": "compiled" if config.compiles else "eager",
        "start_from": config.start_from.run_id if config.start_from else "",
        "torch": torch.__version__.split("+")[0],
    }
