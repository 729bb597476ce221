"""Quantize a trained model: weights by a method, activations and cache as they come."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pandas as pd
import torch
from torch import nn

from precision_lib.errors import UserError
from precision_lib.formats import HIGH_PRECISION, Format, parse_format
from precision_lib.model.transformer import Block, QuantLinear, Transformer
from precision_lib.ptq.calibration import Calibration
from precision_lib.ptq.layers import visited
from precision_lib.ptq.options import Options, options_of
from precision_lib.ptq.targets import Fold, find_folds, linear_layers
from precision_lib.ptq.walk import Walk

Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Result(Generic[Model]):
    """A quantized model and what became of each layer.

    >>> Result(nn.Linear(2, 2), pd.DataFrame()).report.empty
    True
    """

    #: The copy; its linear weights are on the grid and its weight formats None
    model: Model
    #: A row a layer in forward order; the columns are those of
    #: `precision_lib.ptq.report.layer_row`
    report: pd.DataFrame


@torch.no_grad()
def quantize(
    model: Model,
    method: str,
    fmt: Format | None,
    calibration: Calibration | None = None,
    granularity: str = "channel",
    *,
    activations: str | None = None,
    kv_cache: str | None = None,
    folds: Sequence[Fold] | None = None,
    **options: Any,
) -> Result[Model]:
    """Quantize a copy of `model` after its training.

    What is rounded are the weights that the forward pass uses, so a model trained
    in 4-bit weights stays what it was on the same grid. Layers are done in forward
    order, each on inputs that come out of the layers rounded before it and are
    quantized as the copy does. All layers but embedding and head are rounded.

    Raises UserError if the method, an option, a format or the granularity is unknown or
    cannot be used, a weight holds NaN or infinity, calibration is missing, or there is
    no layer to round.

    `model`: a `Transformer`, or any module, whose ``nn.Linear`` layers are rounded; it
    is not changed. `method`: "rtn", to nearest; "gptq", "awq", "hqq" (each explained in
    the file of its name); "noise", which rounds nothing and adds Gaussian noise of the
    size of the error of "rtn". `fmt`: grid of the weights; None leaves them alone.
    `calibration`: needed by "gptq" and "awq"; with it reports have output errors.
    `granularity`: as in `precision_lib.rounding.sharing.block_size`; the fused parts of
    a layer never share a scale. `activations`, `kv_cache`: formats of a `Transformer`
    with scales found on the fly as in training; None keeps those of its training.
    `folds`: where AWQ's scales can go; found by itself for a `Transformer` and for
    modules named as in Llama. `options`: fields of `precision_lib.ptq.options.Options`.

    >>> from precision_lib.formats import Int
    >>> from precision_lib.model.config import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> ids = torch.arange(512).view(16, 32)
    >>> result = quantize(model, "gptq", Int(3), Calibration("counting", ids))
    >>> result.report["layer"].tolist()
    ['blocks.0.qkv', 'blocks.0.out', 'blocks.0.gate_up', 'blocks.0.down']
    """
    chosen = options_of(method, options)
    _check(method, chosen, calibration)
    rounded = copy.deepcopy(model)
    if activations is not None or kv_cache is not None:
        _set_formats(rounded, activations, kv_cache)
    layers = linear_layers(rounded)
    if not layers:
        raise UserError("the model has no linear layer to quantize.")
    if fmt is None:
        return Result(rounded, pd.DataFrame())
    where = find_folds(rounded) if folds is None else folds
    by_layer = {name: fold for fold in where for name in fold.layers}
    walk = Walk(rounded, layers, method, fmt, granularity, chosen, by_layer)
    _take(walk, layers, rounded, calibration)
    if isinstance(rounded, Transformer):
        _set_precision(rounded, weights=HIGH_PRECISION)
    return Result(rounded, pd.DataFrame(walk.rows))


def _take(walk: Walk, layers: Any, model: Any, calibration: Calibration | None) -> None:
    """Round each layer, on its inputs where there is a text that gives them."""
    if calibration is None:
        for name in layers:
            walk.round(name, None)
        return
    walk.batch = calibration.batch
    with visited(layers, walk.visit):
        _run(model, calibration)
    walk.finish()


def _check(method: str, options: Options, calibration: Calibration | None) -> None:
    needs = method in ("gptq", "awq") or options.clip == "outputs"
    if needs and calibration is None:
        raise UserError(
            f"'{method}' looks at inputs here; give a calibration set, such as "
            "Calibration.from_corpus(corpus)."
        )


def _run(model: nn.Module, calibration: Calibration) -> None:
    """One forward pass without the head, whose logits nobody needs."""
    device = next(model.parameters()).device
    training = model.training
    model.eval()
    body = getattr(model, "hidden", getattr(model, "base_model", model))
    body(calibration.rows.to(device))
    model.train(training)


def _set_formats(
    model: nn.Module, activations: str | None, kv_cache: str | None
) -> None:
    if not isinstance(model, Transformer):
        raise UserError(
            "activations and KV cache can be quantized in a Transformer of this "
            "library only; leave activations and kv_cache out."
        )
    changes = {"activations": activations, "kv_cache": kv_cache}
    _set_precision(model, **{k: v for k, v in changes.items() if v is not None})


def _set_precision(model: Transformer, **changes: Any) -> None:
    """Put other formats in place, those of weights that are rounded excepted."""
    precision = replace(model.precision, **changes)
    model.precision = precision
    for name, module in model.named_modules():
        if isinstance(module, Block):
            module.precision = precision
            module.cache_format = parse_format(precision.kv_cache)
            module.value_format = parse_format(precision.values or precision.kv_cache)
        elif isinstance(module, QuantLinear):
            own = precision.of_down if name.endswith(".down") else precision
            module.precision = own
            module.input_format = parse_format(own.activations)
