"""Round one layer after another, each on the inputs that the rounded ones leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from precision_lib.errors import UserError
from precision_lib.formats import Format
from precision_lib.formats.storage import bits_with_scales
from precision_lib.ptq.awq import CLIP_RATIOS, Weight, awq_scales
from precision_lib.ptq.gptq import Solved, gptq
from precision_lib.ptq.grid import (
    Criterion,
    can_clip,
    output_error,
    weight_error,
    weight_grid,
)
from precision_lib.ptq.hqq import ZERO_POINT_BITS, hqq
from precision_lib.ptq.layers import (
    apply_weight,
    put_weight,
    reads_as_it_comes,
    seen_input,
    used_weight,
    weight_block,
)
from precision_lib.ptq.noise import noise
from precision_lib.ptq.options import Options
from precision_lib.ptq.report import layer_row
from precision_lib.ptq.targets import Fold, divide, queries_and_keys

WEIGHT_RATIOS = tuple(1 - i / 100 for i in range(80))


@dataclass
class Walk:
    """The state of one walk through the layers of `model`, which changes in place.

    >>> from precision_lib.formats import Int
    >>> model = nn.Sequential(nn.Linear(4, 2))
    >>> walk = Walk(model, {"0": model[0]}, "rtn", Int(2), "tensor", Options(), {})
    >>> walk.round("0", None)
    >>> len(model[0].weight.abs().unique()) <= 2, len(walk.rows)
    (True, 1)
    """

    model: nn.Module
    layers: Mapping[str, nn.Module]  #: what is rounded
    #: method, fmt, granularity, options: as in `precision_lib.ptq.quantize`
    method: str
    fmt: Format
    granularity: str
    options: Options
    folds: dict[str, Fold]  #: the fold of each layer that has one
    #: Windows that share a scale where activations have one a tensor
    batch: int | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)  #: the report so far
    _scaled: dict[Fold, tuple[Tensor | None, str]] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    def visit(self, name: str, x: Tensor) -> Tensor:
        """Round a layer on its input; returns the output of the rounded layer."""
        layer = self.layers[name]
        scales, note = None, ""
        if self.method == "awq":
            scales, note = self._scales(name, x)
            if scales is not None:
                x = x / scales
        seen = seen_input(layer, x, self.batch)
        if name not in self._done:  # a layer may be used twice
            self.round(name, seen, scales, note)
        return apply_weight(layer, seen)

    def round(
        self,
        name: str,
        seen: Tensor | None,
        scales: Tensor | None = None,
        note: str = "",
    ) -> None:
        """Round one layer and add its row to the report.

        Raises UserError if its weight holds NaN or infinity.
        """
        layer = self.layers[name]
        used = _wide(used_weight(layer))
        if not torch.isfinite(used).all():
            raise UserError(
                f"{name}: its weight holds NaN or infinity; quantize a model whose "
                "training did not diverge."
            )
        target = used if scales is None else used * scales
        hessian = None if seen is None else second_moment(seen)
        solved = self._solve(name, target, hessian)
        notes = [note, solved.note]
        tokens = 0 if seen is None else seen[..., 0].numel()
        if self.method == "gptq" and 0 < tokens < target.shape[1]:
            notes.append(f"{tokens} tokens for {target.shape[1]} inputs")
        if self.options.clip != "none" and not can_clip(self.fmt):
            notes.append(f"{self.fmt.name} has scales of its own: not clipped")
        block = weight_block(layer, self.granularity)
        row = layer_row(target, solved, hessian, scales, self._bits(block, target))
        row |= {"tokens": tokens, "note": "; ".join(filter(None, notes))}
        self.rows.append({"layer": name, **row})
        put_weight(layer, solved.values)
        self._done.add(name)

    def finish(self) -> None:
        """Round to nearest the layers that no input has reached."""
        for name in self.layers:
            if name not in self._done:
                self.method, self.options = "rtn", Options()
                self.round(name, None, None, "no input reached it")
                self.rows[-1]["fallback"] = True

    def _solve(self, name: str, target: Tensor, hessian: Tensor | None) -> Solved:
        block = weight_block(self.layers[name], self.granularity)
        if self.method == "hqq":
            return Solved(hqq(target, self.fmt, block))
        criterion, ratios = self._criterion(name, hessian, block[-1])
        grid = weight_grid(target, self.fmt, block, criterion, ratios)
        if self.method == "gptq" and hessian is not None:
            return gptq(target, hessian, grid, self.options)
        rounded = grid.round(target)
        if self.method == "noise":
            return Solved(noise(target, rounded, self.options.seed, name))
        return Solved(rounded)

    def _bits(self, block: tuple[int, ...], weight: Tensor) -> float:
        """Bits a parameter; HQQ adds a zero point to each scale."""
        bits = self.fmt.bits_per_parameter(block, weight.shape)
        if self.method != "hqq":
            return bits
        return bits_with_scales(self.fmt.bits, block, weight.shape, ZERO_POINT_BITS)

    def _scales(self, name: str, x: Tensor) -> tuple[Tensor | None, str]:
        """AWQ's scales for a layer's input, folded into its source the first time."""
        fold = self.folds.get(name)
        if fold is None:
            return None, "no norm in front: no scales"
        if fold not in self._scaled:
            self._scaled[fold] = self._search(fold, x)
        return self._scaled[fold]

    def _search(self, fold: Fold, x: Tensor) -> tuple[Tensor | None, str]:
        how = [getattr(self.layers[name], "precision", None) for name in fold.layers]
        if any(getattr(each, "rotation", 0) for each in how):
            return None, "rotated input: no scales"
        if fold.source in self.layers:  # each of its rows is divided by its own number
            block = weight_block(self.layers[fold.source], self.granularity)
            if block[0] > 1 or not can_clip(self.fmt):
                return None, "fixed scales before it: no scales"
        weights = [
            Weight(
                _wide(used_weight(self.layers[name])),
                weight_block(self.layers[name], self.granularity),
            )
            for name in fold.layers
        ]
        magnitude = _wide(x).flatten(0, -2).abs().mean(0)
        hessian, alphas = second_moment(x), self.options.alphas
        if not torch.isfinite(hessian).all():
            return None, "inputs hold NaN or infinity: no scales"
        scales, power = awq_scales(weights, hessian, magnitude, self.fmt, alphas)
        if not divide(self.model, fold, scales):
            return None, "its norm cannot be scaled: no scales"
        behind = not all(reads_as_it_comes(self.layers[n]) for n in fold.layers)
        note = ", its input quantized behind them" if behind else ""
        return scales.to(x.dtype), f"scales at power {power:g}{note}"

    def _criterion(
        self, name: str, hessian: Tensor | None, width: int
    ) -> tuple[Criterion | None, tuple[float, ...]]:
        """The error that clipping minimizes, and the ratios that it tries."""
        if self.options.clip == "none" or not can_clip(self.fmt):
            return None, ()
        if self.options.clip == "weights":
            return weight_error, WEIGHT_RATIOS
        if hessian is None or not torch.isfinite(hessian).all():
            return None, ()
        error = output_error(hessian, width)
        if self.options.clip_queries_and_keys:
            return error, CLIP_RATIOS
        weight = self.layers[name].weight
        assert isinstance(weight, Tensor)
        kept = queries_and_keys(name, len(weight))

        def but_those(delta: Tensor) -> Tensor:
            total = error(delta)
            total[:kept] = 0  # no ratio is better than the first, which is 1
            return total

        return but_those, CLIP_RATIOS


def second_moment(x: Tensor) -> Tensor:
    """Mean of x·xᵀ over all positions: (…, in) -> (in, in).

    >>> second_moment(torch.tensor([[1.0, 2.0], [3.0, 0.0]])).tolist()
    [[5.0, 1.0], [1.0, 2.0]]
    """
    flat = _wide(x).flatten(0, -2)
    return flat.T @ flat / len(flat)


def _wide(x: Tensor) -> Tensor:
    """In float32 at least."""
    return x.float() if x.element_size() < 4 else x
