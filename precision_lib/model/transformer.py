"""A small causal transformer that can be trained in low precision.

The model of the paper's section 3 (Transformer++): RMSNorm before each block,
rotary positions, SwiGLU, no biases, an untied head, and as an option the extra
norm before the two output projections that BitNet b1.58 adds for low-bit
stability. Quantizers act in the forward pass only: on the weights and inputs of
the linear layers inside the blocks, and on the keys and values inside attention.
Embedding, head and norms stay in high precision.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from precision_lib.formats import Format, parse_format
from precision_lib.model.attention import (
    attend,
    causal_mask,
    rotate_positions,
    rotation,
)
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.rounding.hadamard import hadamard, turn_runs
from precision_lib.rounding.lane_integer import LaneInt
from precision_lib.rounding.quantizer import block_size, fake_quantize

EPSILON = 1e-6  # of the norms
POSITIONS = 128  # that every model is ready for


def rounded(
    x: Tensor, fmt: Format | LaneInt | None, granularity: str, how: Precision
) -> Tensor:
    """`x` rounded to `fmt` as `how` says, straight through in the backward pass.

    >>> rounded(torch.tensor([0.9, 1.0]), None, "tensor", Precision()).tolist()[1]
    1.0
    """
    if fmt is None:
        return x
    block = block_size(granularity, x.shape)
    return fake_quantize(x, fmt, block, how.scale, how.straight_through)


class QuantLinear(nn.Module):
    """Linear layer without bias, its weight and input quantized on the way.

    `parts` output blocks are fused into one product (queries, keys and values; gate
    and up); "tensor" granularity still gives each its own scale.

    >>> layer = QuantLinear(8, 4, Precision(weights="int2"))
    >>> len(layer.quantized_weight()[0].unique()) <= 3
    True
    """

    rotation: Tensor

    def __init__(self, d_in: int, d_out: int, precision: Precision, parts: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        self.parts, self.precision = parts, precision
        self.weight_format = parse_format(precision.weights)
        self.input_format = parse_format(precision.activations)
        one = (d_out // parts, d_in)
        self.weight_block = block_size(precision.weight_granularity, one)
        if precision.rotation:
            matrix = hadamard(precision.rotation, d_in).to(self.weight.dtype)
            self.register_buffer("rotation", matrix, persistent=False)

    def quantized_weight(self) -> Tensor:
        """The weight as the forward pass sees it, shape (out, in)."""
        how = self.precision
        return fake_quantize(
            self.turned(self.weight),
            self.weight_format,
            self.weight_block,
            how.scale,
            how.straight_through,
        )

    def turned(self, x: Tensor) -> Tensor:
        """`x` through the block Hadamard rotation, if there is one."""
        return turn_runs(x, self.rotation) if self.precision.rotation else x

    @property
    def reads_high_precision(self) -> bool:
        """Whether the input is used as it comes."""
        return self.input_format is None and not self.precision.rotation

    def quantized_input(self, x: Tensor) -> Tensor:
        """The input as the product sees it."""
        how = self.precision
        return rounded(
            self.turned(x), self.input_format, how.activation_granularity, how
        )

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) -> (…, out)."""
        return F.linear(self.quantized_input(x), self.quantized_weight())


class Norm(nn.Module):
    """RMSNorm: x / sqrt(mean(x²) + 1e-6) · gain along the last axis."""

    def __init__(self, width: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) -> (…, width)."""
        wide = x.to(torch.promote_types(x.dtype, self.gain.dtype))
        return F.rms_norm(wide, self.gain.shape, self.gain, EPSILON).to(x.dtype)


class Block(nn.Module):
    """Attention and a gated MLP, each behind a norm and added to the stream."""

    def __init__(self, config: ModelConfig, precision: Precision):
        super().__init__()
        d, h = config.d_model, config.d_mlp
        self.n_heads, self.precision = config.n_heads, precision
        self.query_format = parse_format(precision.queries)
        self.cache_format = parse_format(precision.kv_cache)
        self.value_format = parse_format(precision.values or precision.kv_cache)
        self.attention_norm = Norm(d)
        self.qkv = QuantLinear(d, 3 * d, precision, parts=3)
        self.out_norm = Norm(d) if config.extra_norm else nn.Identity()
        self.out = QuantLinear(d, d, precision)
        self.mlp_norm = Norm(d)
        self.gate_up = QuantLinear(d, 2 * h, precision, parts=2)
        self.down_norm = Norm(h) if config.extra_norm else nn.Identity()
        self.down = QuantLinear(h, d, precision.of_down)

    def forward(self, x: Tensor, turn: Tensor, mask: Tensor) -> Tensor:
        """(batch, time, d) -> (batch, time, d)."""
        qkv = self.qkv(self.attention_norm(x))
        heads = qkv.unflatten(-1, (3, self.n_heads, -1)).transpose(1, -2)
        q, k, v = heads.unbind(2)  # each (batch, heads, time, d_head)
        q, k = rotate_positions(q, turn), rotate_positions(k, turn)
        y = attend(self.queries(q), self.cached(k), self.cached_values(v), mask)
        x = x + self.out(self.out_norm(y.transpose(1, 2).flatten(2)))
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, -1)
        return x + self.down(self.down_norm(F.silu(gate) * up))

    def queries(self, q: Tensor) -> Tensor:
        """Rotated queries as attention sees them."""
        how = self.precision
        return rounded(q, self.query_format, how.kv_granularity, how)

    def cached(self, k: Tensor) -> Tensor:
        """Rotated keys as a cache gives them back."""
        how = self.precision
        return rounded(k, self.cache_format, how.kv_granularity, how)

    def cached_values(self, v: Tensor) -> Tensor:
        """Values as a cache gives them back, in the format of keys or their own."""
        how = self.precision
        fmt = self.value_format if how.values else self.cache_format
        return rounded(v, fmt, how.kv_granularity, how)


class Transformer(nn.Module):
    """Token ids to the mean cross-entropy of the next tokens.

    >>> config = ModelConfig(d_model=16, n_layers=1, n_heads=2, d_mlp=32)
    >>> model = Transformer(config, Precision(weights="int4"), seed=0)
    >>> ids = torch.arange(20).view(2, 10)
    >>> model(ids).shape, model.token_losses(ids).shape
    (torch.Size([]), torch.Size([2, 9]))
    """

    turn: Tensor
    mask: Tensor

    def __init__(self, config: ModelConfig, precision: Precision, seed: int = 0):
        super().__init__()
        self.config, self.precision = config, precision
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(
            Block(config, precision) for _ in range(config.n_layers)
        )
        self.norm = Norm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self.reach(POSITIONS)
        self._initialize(seed)

    @torch.inference_mode(False)  # else no training could follow
    def reach(self, time: int) -> None:
        """Keep cosines, sines and mask for windows of so many tokens, or more.

        As buffers a compiled step reads them from memory; computed anew inside each
        kernel that uses them they cost more than the softmax.
        """
        if time > len(getattr(self, "mask", ())):
            d_head = self.config.d_model // self.config.n_heads
            device = self.embedding.weight.device
            self.register_buffer(
                "turn", rotation(time, d_head, device), persistent=False
            )
            self.register_buffer("mask", causal_mask(time, device), persistent=False)

    def _initialize(self, seed: int) -> None:
        """Normal weights of deviation 1/sqrt(d_in), residual branches scaled down."""
        generator = torch.Generator().manual_seed(seed)
        residual = (2 * self.config.n_layers) ** -0.5
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                std = 0.02 if name == "embedding.weight" else weight.shape[1] ** -0.5
                std *= residual if name.endswith(("out.weight", "down.weight")) else 1
                with torch.no_grad():
                    weight.normal_(0, std, generator=generator)

    def hidden(self, ids: Tensor) -> Tensor:
        """(batch, time) -> (batch, time, d): the stream behind the last norm."""
        x = self.embedding(ids)
        time = ids.shape[1]
        self.reach(time)
        turn, mask = self.turn[:, :time], self.mask[:time, :time]
        for block in self.blocks:
            x = block(x, turn, mask)
        return self.norm(x)

    def logits(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, time + 1) ids -> (batch · time, vocabulary) and what comes next."""
        return self.head(self.hidden(rows[:, :-1])).flatten(0, 1), rows[:, 1:].flatten()

    def forward(self, rows: Tensor) -> Tensor:
        """Mean loss in nats per token of (batch, time + 1) ids."""
        return F.cross_entropy(*self.logits(rows))

    @torch.no_grad()
    def token_losses(self, rows: Tensor) -> Tensor:
        """Loss of each predicted token: (batch, time + 1) ids -> (batch, time)."""
        losses = F.cross_entropy(*self.logits(rows), reduction="none")
        return losses.view(rows.shape[0], -1)

    def linear_layers(self) -> dict[str, QuantLinear]:
        """The layers that quantization acts on, by name, in forward order."""
        return {n: m for n, m in self.named_modules() if isinstance(m, QuantLinear)}
