"""Quantize the weights of a trained model, layer after layer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from precision_lib.errors import UserError
from precision_lib.formats import Format
from precision_lib.model import Norm, QuantLinear, Transformer
from precision_lib.ptq.awq import CLIP_RATIOS, Weight, awq_scales
from precision_lib.ptq.calibration import Calibration
from precision_lib.ptq.gptq import Solved, gptq
from precision_lib.ptq.grid import (
    Criterion,
    can_clip,
    output_error,
    weight_error,
    weight_grid,
)
from precision_lib.ptq.layers import (
    apply_weight,
    put_weight,
    reads_as_it_comes,
    seen_input,
    used_weight,
    visited,
    weight_block,
)
from precision_lib.ptq.options import Options, options_of
from precision_lib.ptq.report import layer_row

WEIGHT_RATIOS = tuple(1 - i / 100 for i in range(80))
NORMS = {
    "qkv": "attention_norm",
    "out": "out_norm",
    "gate_up": "mlp_norm",
    "down": "down_norm",
}


@dataclass(frozen=True)
class Result:
    """A quantized model and what became of each layer.

    Attributes
    ----------
    model : Transformer
        The copy; its linear weights are on the grid and its weight formats None.
    report : DataFrame
        A row a layer in forward order; the columns are those of
        `precision_lib.ptq.report.layer_row`.

    Examples
    --------
    >>> from precision_lib.model import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> Result(model, pd.DataFrame()).report.empty
    True
    """

    model: Transformer
    report: pd.DataFrame


@torch.no_grad()
def quantize(
    model: Transformer,
    method: str,
    fmt: Format,
    calibration: Calibration | None = None,
    granularity: str = "channel",
    **options: Any,
) -> Result:
    """Round the linear weights of `model` to `fmt`, in a copy.

    What is rounded are the weights that the forward pass uses, so a model trained
    in 4-bit weights stays what it was on the same grid. The copy keeps its
    activation and KV-cache formats. Layers are done in forward order, each on inputs
    that come out of the layers rounded before it and are quantized as the model does.

    Parameters
    ----------
    model : Transformer
        Trained model; it is not changed.
    method : str
        "rtn": to nearest. "gptq": column by column with error feedback
        (https://arxiv.org/abs/2210.17323). "awq": with the weights of loud inputs
        scaled up, the scales folded into the norm before the layer
        (https://arxiv.org/abs/2306.00978); where a layer quantizes its input, it
        then quantizes the scaled one.
    fmt : Format
        Grid of the weights.
    calibration : Calibration, optional
        Needed by "gptq" and "awq". With it the report of "rtn" has output errors.
    granularity : str
        As in `precision_lib.scales.block_size`; the fused parts of a layer (queries,
        keys, values; gate, up) never share a scale.
    **options
        Fields of `precision_lib.ptq.options.Options` that differ from the method's
        defaults.

    Raises
    ------
    UserError
        If the method, an option or the granularity is unknown, a weight holds NaN or
        infinity, calibration is missing, or there is no layer to round.

    Examples
    --------
    >>> from precision_lib.formats import Int
    >>> from precision_lib.model import ModelConfig, Precision
    >>> model = Transformer(ModelConfig(16, 1, 2, 32), Precision())
    >>> ids = torch.arange(512).view(16, 32)
    >>> result = quantize(model, "gptq", Int(3), Calibration("counting", ids))
    >>> result.report["layer"].tolist()
    ['blocks.0.qkv', 'blocks.0.out', 'blocks.0.gate_up', 'blocks.0.down']
    >>> bool((result.report["output_error"] < 0.2).all())
    True
    """
    chosen = options_of(method, options)
    needs = method != "rtn" or chosen.clip == "outputs"
    if needs and calibration is None:
        raise UserError(
            f"'{method}' looks at inputs; give a calibration set, such as "
            "Calibration.from_corpus(corpus)."
        )
    rounded = copy.deepcopy(model)
    layers = rounded.linear_layers()
    if not layers:
        raise UserError("the model has no linear layer to quantize.")
    walk = _Walk(method, fmt, granularity, chosen, layers, _folds(rounded))
    if calibration is None:
        for name in layers:
            walk.round(name, None)
    else:
        walk.batch = calibration.batch
        device = next(rounded.parameters()).device
        with visited(layers, walk.visit):
            rounded.hidden(calibration.rows.to(device))
    return Result(rounded, pd.DataFrame(walk.rows))


@dataclass
class _Walk:
    """The state of one walk through the layers."""

    method: str
    fmt: Format
    granularity: str
    options: Options
    layers: dict[str, QuantLinear]
    folds: dict[str, Callable[[Tensor], Tensor]]
    batch: int | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)

    def visit(self, name: str, x: Tensor) -> Tensor:
        """Round a layer on its input; returns the output of the rounded layer."""
        layer = self.layers[name]
        scales, note = None, ""
        if self.method == "awq":
            scales, note = self._scale(name, x)
            if scales is not None:
                x = x / scales
        seen = seen_input(layer, x, self.batch)
        self.round(name, seen, scales, note)
        return apply_weight(layer, seen)

    def round(
        self,
        name: str,
        seen: Tensor | None,
        scales: Tensor | None = None,
        note: str = "",
    ) -> None:
        """Round one layer and add its row to the report."""
        layer = self.layers[name]
        used = _finite(name, used_weight(layer))
        target = used if scales is None else used * scales
        hessian = None if seen is None else second_moment(seen)
        block = weight_block(layer, self.granularity)
        criterion, ratios = self._criterion(name, hessian, block[-1])
        grid = weight_grid(target, self.fmt, block, criterion, ratios)
        if self.method == "gptq":
            assert hessian is not None
            solved = gptq(target, hessian, grid, self.options)
        else:
            solved = Solved(grid.round(target), torch.nan, torch.nan, note)
        row = layer_row(target, solved, hessian, scales, self.fmt, block)
        put_weight(layer, solved.values)
        tokens = 0 if seen is None else seen[..., 0].numel()
        self.rows.append({"layer": name, **row, "tokens": tokens})

    def _scale(self, name: str, x: Tensor) -> tuple[Tensor | None, str]:
        """AWQ's scales for a layer, folded into the norm in front of it."""
        layer = self.layers[name]
        if name not in self.folds:
            return None, "no norm in front: no scales"
        if layer.precision.rotation:
            return None, "rotated input: no scales"
        flat = x.flatten(0, -2)
        weight = Weight(used_weight(layer), weight_block(layer, self.granularity))
        magnitude = flat.abs().mean(0)
        scales, alpha = awq_scales(
            [weight], second_moment(x), magnitude, self.fmt, self.options.alphas
        )
        self.folds[name](scales)
        note = f"scales at power {alpha:g}"
        if not reads_as_it_comes(layer):
            note += ", quantized behind them"
        return scales, note

    def _criterion(
        self, name: str, hessian: Tensor | None, width: int
    ) -> tuple[Criterion | None, tuple[float, ...]]:
        """The error that clipping minimizes, and the ratios that it tries."""
        if self.options.clip == "none" or not can_clip(self.fmt):
            return None, ()
        if self.options.clip == "weights":
            return weight_error, WEIGHT_RATIOS
        assert hessian is not None
        error = output_error(hessian, width)
        kept = 0 if self.options.clip_queries_and_keys else _queries_and_keys(name)
        if not kept:
            return error, CLIP_RATIOS
        rows = round(kept * len(self.layers[name].weight))

        def but_those(delta: Tensor) -> Tensor:
            total = error(delta)
            total[:rows] = 0  # no ratio is better than the first, which is 1
            return total

        return but_those, CLIP_RATIOS


def second_moment(x: Tensor) -> Tensor:
    """Mean of x·xᵀ over all positions: (…, in) -> (in, in).

    Examples
    --------
    >>> second_moment(torch.tensor([[1.0, 2.0], [3.0, 0.0]])).tolist()
    [[5.0, 1.0], [1.0, 2.0]]
    """
    flat = x.flatten(0, -2)
    return flat.T @ flat / len(flat)


def _queries_and_keys(name: str) -> float:
    """Share of the layer's rows, from the first, that make queries and keys."""
    return 2 / 3 if name.rpartition(".")[2] == "qkv" else 0


def _finite(name: str, weight: Tensor) -> Tensor:
    if not torch.isfinite(weight).all():
        raise UserError(
            f"{name}: its weight holds NaN or infinity; quantize a model whose "
            "training did not diverge."
        )
    return weight


def _folds(model: nn.Module) -> dict[str, Callable[[Tensor], Tensor]]:
    """For each layer behind a norm: how to divide its input by scales."""
    folds: dict[str, Callable[[Tensor], Tensor]] = {}
    for name, module in model.named_modules():
        parent, _, last = name.rpartition(".")
        if isinstance(module, QuantLinear) and last in NORMS:
            norm = model.get_submodule(f"{parent}.{NORMS[last]}")
            if isinstance(norm, Norm):
                folds[name] = norm.gain.data.div_
    return folds
