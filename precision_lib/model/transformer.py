"""A small causal transformer that can be trained in low precision.

The model of the paper's section 3 (Transformer++): RMSNorm before each block,
rotary positions, SwiGLU, no biases, an untied head, and as an option the extra
norm before the two output projections that BitNet b1.58 adds for low-bit
stability. Quantizers act in the forward pass only: on the weights and inputs of
the linear layers inside the blocks, and on the keys and values inside attention.
Embedding, head and norms stay in high precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import get_args

import torch
from torch import Tensor, nn

from precision_lib.errors import UserError
from precision_lib.formats import HIGH_PRECISION, bits_of, parse_format
from precision_lib.model.attention import Quantizer, attend, rotation
from precision_lib.model.kernels import (
    linear,
    mean_cross_entropy,
    norm_linear,
    rms_norm,
    swiglu,
    token_cross_entropy,
)
from precision_lib.rounding.hadamard import rotate
from precision_lib.rounding.quantizer import (
    Scale,
    StraightThrough,
    block_size,
    fake_quantize,
)


@dataclass(frozen=True)
class Precision:
    """Training format of each part, and what shares a scale.

    Attributes
    ----------
    weights, activations, kv_cache : str
        A format such as "int4"; "float32" leaves the part as it is.
    queries : str
        Format of the rotated queries inside attention, high precision in the paper.
    weight_granularity, activation_granularity, kv_granularity : str
        As in `precision_lib.rounding.quantizer.block_size`. The defaults are the
        paper's:
        weights per output channel, activations per tensor. It does not say what
        its KV cache shares; here each token and head has a scale.
    scale, straight_through : str
        As in `precision_lib.rounding.quantizer.fake_quantize`, for all parts.
    rotation : int
        Size of the Hadamard blocks that turn weights and inputs of the linear
        layers before they are quantized; 0 turns nothing.

    Examples
    --------
    >>> Precision(weights="int4").bits
    {'weight_bits': 4, 'activation_bits': 32, 'kv_bits': 32}
    """

    weights: str = HIGH_PRECISION
    activations: str = HIGH_PRECISION
    kv_cache: str = HIGH_PRECISION
    queries: str = HIGH_PRECISION
    weight_granularity: str = "channel"
    activation_granularity: str = "tensor"
    kv_granularity: str = "token"
    scale: Scale = "absmax"
    straight_through: StraightThrough = "clipped"
    rotation: int = 0

    def __post_init__(self) -> None:
        for text in (self.weights, self.activations, self.kv_cache, self.queries):
            parse_format(text)
        if self.scale not in get_args(Scale):
            raise UserError(
                f"unknown scale '{self.scale}'; one of {', '.join(get_args(Scale))}."
            )
        if self.straight_through not in get_args(StraightThrough):
            raise UserError(
                f"unknown straight_through '{self.straight_through}'; one of "
                f"{', '.join(get_args(StraightThrough))}."
            )
        if self.rotation < 0 or self.rotation & (self.rotation - 1):
            raise UserError(
                f"rotation must be 0 or a power of two, not {self.rotation}."
            )

    @property
    def bits(self) -> dict[str, int]:
        """Bits of the three parts under their run-table names."""
        return {
            "weight_bits": bits_of(self.weights),
            "activation_bits": bits_of(self.activations),
            "kv_bits": bits_of(self.kv_cache),
        }

    def quantize(self, x: Tensor, text: str, granularity: str) -> Tensor:
        """`x` rounded to the format `text`, straight through in the backward pass."""
        fmt = parse_format(text)
        if fmt is None:
            return x
        block = block_size(granularity, x.shape)
        return fake_quantize(x, fmt, block, self.scale, self.straight_through)


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the transformer.

    Raises
    ------
    UserError
        If the width does not divide into heads of even size.

    Examples
    --------
    >>> ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80).parameters["mlp"]
    15360
    """

    d_model: int
    n_layers: int
    n_heads: int
    d_mlp: int
    extra_norm: bool = True
    vocab_size: int = 512

    def __post_init__(self) -> None:
        if self.d_model % (2 * self.n_heads):
            raise UserError(
                f"d_model {self.d_model} does not divide into {self.n_heads} heads of "
                "even size; change one of them."
            )

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters of each group; N is attention + mlp + norm."""
        d, h, layers = self.d_model, self.d_mlp, self.n_layers
        extra = d + h if self.extra_norm else 0
        return {
            "embedding": self.vocab_size * d,
            "attention": layers * 4 * d * d,
            "mlp": layers * 3 * d * h,
            "norm": layers * (2 * d + extra) + d,
            "head": self.vocab_size * d,
        }

    @property
    def n_non_embedding(self) -> int:
        """N of the scaling laws: every parameter but embedding and head."""
        groups = self.parameters
        return groups["attention"] + groups["mlp"] + groups["norm"]


class QuantLinear(nn.Module):
    """Linear layer without bias, its weight and input quantized on the way.

    `parts` output blocks are fused into one product (queries, keys and values; gate
    and up); "tensor" granularity still gives each its own scale.

    Examples
    --------
    >>> layer = QuantLinear(8, 4, Precision(weights="int2"))
    >>> len(layer.quantized_weight()[0].unique()) <= 3
    True
    """

    def __init__(self, d_in: int, d_out: int, precision: Precision, parts: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(d_out, d_in))
        self.parts, self.precision = parts, precision
        self.weight_format = parse_format(precision.weights)
        self.input_format = parse_format(precision.activations)
        one = (d_out // parts, d_in)
        self.weight_block = block_size(precision.weight_granularity, one)

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
        return rotate(x, self.precision.rotation) if self.precision.rotation else x

    @property
    def reads_high_precision(self) -> bool:
        """Whether the input is used as it comes."""
        return self.input_format is None and not self.precision.rotation

    def quantized_input(self, x: Tensor) -> Tensor:
        """The input as the product sees it."""
        how = self.precision
        return how.quantize(self.turned(x), how.activations, how.activation_granularity)

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) -> (…, out)."""
        return linear(self.quantized_input(x), self.quantized_weight())


class Norm(nn.Module):
    """RMSNorm with a gain."""

    def __init__(self, width: int):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) -> (…, width)."""
        return rms_norm(x, self.gain)


class Block(nn.Module):
    """Attention and a gated MLP, each behind a norm and added to the stream."""

    def __init__(self, config: ModelConfig, precision: Precision):
        super().__init__()
        d, h = config.d_model, config.d_mlp
        self.n_heads, self.precision = config.n_heads, precision
        self.attention_norm = Norm(d)
        self.qkv = QuantLinear(d, 3 * d, precision, parts=3)
        self.out_norm = Norm(d) if config.extra_norm else nn.Identity()
        self.out = QuantLinear(d, d, precision)
        self.mlp_norm = Norm(d)
        self.gate_up = QuantLinear(d, 2 * h, precision, parts=2)
        self.down_norm = Norm(h) if config.extra_norm else nn.Identity()
        self.down = QuantLinear(h, d, precision)

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        """(batch, time, d) -> (batch, time, d)."""
        qkv = _behind(self.attention_norm, self.qkv, x)
        qkv = qkv.view(*x.shape[:2], 3, self.n_heads, -1)
        y = attend(qkv, turn, *self.attention_quantizers())
        x = x + _behind(self.out_norm, self.out, y)
        y = swiglu(_behind(self.mlp_norm, self.gate_up, x))
        return x + _behind(self.down_norm, self.down, y)

    def attention_quantizers(self) -> tuple[Quantizer | None, Quantizer | None]:
        """What rounds the queries, and what the keys and values, as a cache would."""
        how = self.precision
        rounders = (
            partial(how.quantize, text=text, granularity=how.kv_granularity)
            for text in (how.queries, how.kv_cache)
        )
        queries, cache = rounders
        return (
            None if how.queries == HIGH_PRECISION else queries,
            None if how.kv_cache == HIGH_PRECISION else cache,
        )


def _behind(norm: nn.Module, layer: QuantLinear, x: Tensor) -> Tensor:
    """``layer(norm(x))``; in training as one operation where nothing comes between."""
    if (
        torch.is_grad_enabled()
        and layer.reads_high_precision
        and isinstance(norm, Norm)
    ):
        return norm_linear(x, norm.gain, layer.quantized_weight())
    return layer(norm(x))


class Transformer(nn.Module):
    """Token ids to the mean cross-entropy of the next tokens.

    Examples
    --------
    >>> config = ModelConfig(d_model=16, n_layers=1, n_heads=2, d_mlp=32)
    >>> model = Transformer(config, Precision(weights="int4"), seed=0)
    >>> ids = torch.arange(20).view(2, 10)
    >>> model(ids[:, :-1], ids[:, 1:]).shape, model.token_losses(ids).shape
    (torch.Size([]), torch.Size([2, 9]))
    """

    def __init__(self, config: ModelConfig, precision: Precision, seed: int = 0):
        super().__init__()
        self.config, self.precision = config, precision
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.blocks = nn.ModuleList(
            Block(config, precision) for _ in range(config.n_layers)
        )
        self.norm = Norm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=False)
        self._initialize(seed)

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
        turn = rotation(
            ids.shape[1], self.config.d_model // self.config.n_heads, x.device
        )
        for block in self.blocks:
            x = block(x, turn)
        return self.norm(x)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Mean loss in nats per token; ids and targets are (batch, time)."""
        x = self.hidden(ids)
        return mean_cross_entropy(
            x.reshape(-1, x.shape[-1]), self.head.weight, targets.reshape(-1)
        )

    @torch.no_grad()
    def token_losses(self, rows: Tensor) -> Tensor:
        """Loss of each predicted token: (batch, time + 1) ids -> (batch, time)."""
        x = self.hidden(rows[:, :-1]).flatten(0, 1)
        losses = token_cross_entropy(x, self.head.weight, rows[:, 1:].flatten())
        return losses.view(rows.shape[0], -1)

    def linear_layers(self) -> dict[str, QuantLinear]:
        """The layers that quantization acts on, by name, in forward order."""
        return {n: m for n, m in self.named_modules() if isinstance(m, QuantLinear)}
