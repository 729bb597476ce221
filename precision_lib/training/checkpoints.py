"""A trained model as one file: its weights and the config that made it.

The format is safetensors (https://github.com/huggingface/safetensors): plain
tensors behind a JSON header, so opening a file runs no code.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.torch
from safetensors import SafetensorError, safe_open

from precision_lib.errors import UserError
from precision_lib.formats import HIGH_PRECISION
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.model.transformer import Transformer
from precision_lib.paths import table_folder, write_whole

if TYPE_CHECKING:
    import pandas as pd

    from precision_lib.training.config import RunConfig


def save_model(model: Transformer, config: RunConfig, path: Path) -> None:
    """Write the weights of `model` with `config` as metadata; all of it or nothing.

    Raises UserError if the file cannot be written.

    `model`: trained as `config` says; `config`: stored as JSON; `path`: usually ends in
    ``.safetensors``; its folder must exist.

    >>> import tempfile
    >>> from precision_lib.training.config import RunConfig
    >>> config = RunConfig(ModelConfig(16, 1, 2, 32), Precision("int4"))
    >>> model = Transformer(config.model, config.precision)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "run.safetensors")
    ...     save_model(model, config, path)
    ...     load_model(path).precision.weights, read_config(path)["peak_lr"]
    ('int4', 0.01)
    """
    weights = {k: v.detach().contiguous() for k, v in model.state_dict().items()}
    metadata = {"config": json.dumps(asdict(config), sort_keys=True)}
    content = safetensors.torch.save(weights, metadata)
    write_whole(path, content)


def load_model(path: Path) -> Transformer:
    """The model that `save_model` wrote, in the floating-point type it had.

    Raises UserError if there is no such file, it is damaged, or its tensors are not
    those of the model that its config names.
    """
    config, weights = _read(path)
    try:
        shape, precision = config["model"], config["precision"]
        model = Transformer(ModelConfig(**shape), Precision(**precision))
        model.to(next(iter(weights.values())).dtype)
        model.load_state_dict(weights)
    except (KeyError, TypeError, StopIteration, RuntimeError) as error:
        reason = str(error).partition("\n")[0].rstrip(":.")
        raise UserError(
            f"{path}: its tensors and its config make no model ({reason}); save it "
            "again with this version."
        ) from error
    return model


def read_config(path: Path) -> dict[str, Any]:
    """The config in a file that `save_model` wrote: fields of `RunConfig` by name.

    Raises UserError if there is no such file or it is damaged.
    """
    return _read(path)[0]


def published_models(folder: Path | None = None) -> pd.DataFrame:
    """The trained models that come with the runs, smallest first.

    Returns a row a file: its ``path``, ``run_id``, ``N``, the ``tokens`` asked for, the
    formats it was trained with and its ``seed``.

    Raises UserError if the folder holds none or one is damaged.

    `folder`: another one than ``checkpoints`` beside the tables.

    >>> bool(published_models()["N"].is_monotonic_increasing)
    True
    """
    import pandas as pd  # not where a run is trained

    folder = folder or table_folder() / "checkpoints"
    rows = []
    for path in sorted(folder.glob("*.safetensors")):
        config = read_config(path)
        shape = ModelConfig(**config["model"])
        row = {"path": path, "run_id": path.stem, "N": shape.n_non_embedding}
        row |= {name: config[name] for name in ("tokens", "seed", "corpus")}
        parts = ("weights", "activations", "kv_cache")
        rows.append(row | {name: config["precision"][name] for name in parts})
    if not rows:
        raise UserError(f"{folder}: there are no trained models; check the path.")
    return pd.DataFrame(rows).sort_values(["N", "tokens", "run_id"], ignore_index=True)


def unquantized_models(folder: Path | None = None) -> pd.DataFrame:
    """Those of `published_models` that were trained in full precision.

    >>> set(unquantized_models()["weights"])
    {'float32'}
    """
    models = published_models(folder)
    formats = models[["weights", "activations", "kv_cache"]]
    return models[(formats == HIGH_PRECISION).all(axis=1)].reset_index(drop=True)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        config = json.loads(metadata["config"])
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file; check the path.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    except SafetensorError as error:
        raise UserError(
            f"{path}: not a whole safetensors file ({error}); copy it again."
        ) from error
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{path}: there is no config in its header; only files that save_model "
            "wrote can be loaded."
        ) from error
    if not isinstance(config, dict):
        raise UserError(f"{path}: the config in its header is no JSON object.")
    return config, weights
