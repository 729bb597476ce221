"""Turn one knob at a time: what each setting of a method costs a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from precision_lib.formats import parse_format
from precision_lib.model.transformer import Transformer
from precision_lib.ptq.apply import quantize
from precision_lib.ptq.calibration import Calibration

BATCH = 16


def compare(
    model: Transformer,
    rows: Tensor,
    settings: Iterable[Mapping[str, Any]],
    calibration: Calibration | None = None,
) -> pd.DataFrame:
    """Quantize a model in several ways and evaluate each on the same tokens.

    Returns a row a setting: its entries (a calibration set by its name), ``loss``,
    ``delta`` (loss above the model's own, nats per token), and over the layers the mean
    ``output_error`` and ``bits_per_parameter``.

    `rows`: text to evaluate on (of int64, shape (windows, time + 1)); `settings`:
    "method" and "format" (a text, as `precision_lib.formats.parse_format` takes it),
    and any other argument of `precision_lib.ptq.quantize`; `calibration`: for the
    settings that name none.

    >>> from precision_lib.model.config import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> ids = torch.arange(99).view(3, 33)
    >>> settings = [{"method": "rtn", "format": f"int{bits}"} for bits in (2, 16)]
    >>> table = compare(model, ids, settings)
    >>> bool(table["delta"].abs()[0] > table["delta"].abs()[1])
    True
    """
    own = mean_loss(model, rows)
    table = []
    for setting in settings:
        call = {"calibration": calibration, **setting}
        fmt = parse_format(call.pop("format"))
        result = quantize(model, call.pop("method"), fmt, **call)
        loss = mean_loss(result.model, rows)
        given = call["calibration"]
        said = {**setting, "calibration": given.name if given else ""}
        means = result.report.reindex(columns=["output_error", "bits_per_parameter"])
        table.append({**said, "loss": loss, "delta": loss - own, **means.mean()})
    return pd.DataFrame(table)


def every_setting(**choices: Any) -> list[dict[str, Any]]:
    """All combinations of the choices, for `compare`; the last changes fastest.

    A text, or anything that is no list or other iterable, is one choice.

    >>> every_setting(method="rtn", format=("int2", "int3"))
    [{'method': 'rtn', 'format': 'int2'}, {'method': 'rtn', 'format': 'int3'}]
    """
    lists = [
        list(given) if isinstance(given, Iterable) and not isinstance(given, str)
        else [given]
        for given in choices.values()
    ]  # fmt: skip
    return [dict(zip(choices, one, strict=True)) for one in product(*lists)]


def mean_loss(model: Transformer, rows: Tensor) -> float:
    """Mean loss of the predicted tokens, nats per token.

    >>> from precision_lib.model.config import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> mean_loss(model, torch.zeros(2, 9, dtype=torch.int64)) > 0
    True
    """
    losses = [model.token_losses(batch) for batch in rows.split(BATCH)]
    return float(torch.cat(losses).double().mean())
