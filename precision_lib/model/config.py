"""What defines a model: its shape, and the number format of each of its parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from precision_lib.errors import UserError, check_known
from precision_lib.formats import HIGH_PRECISION, bits_of, parse_format
from precision_lib.rounding.options import (
    SCALES,
    STRAIGHT_THROUGH,
    Scale,
    StraightThrough,
)
from precision_lib.rounding.sharing import block_size, own_block

PARTS = ("weights", "activations", "kv_cache", "queries")
OWN = {"down_input": "activations", "values": "kv_cache"}  # what may differ from a part


@dataclass(frozen=True)
class Precision:
    """Training format of each part, and what shares a scale.

    >>> Precision(weights="int4").bits
    {'weight_bits': 4, 'activation_bits': 32, 'kv_bits': 32}
    """

    #: weights, activations, kv_cache: a format such as "int4"; "float32" leaves the
    #: part as it is
    weights: str = HIGH_PRECISION
    activations: str = HIGH_PRECISION
    kv_cache: str = HIGH_PRECISION
    #: Format of the rotated queries inside attention, high precision in the paper
    queries: str = HIGH_PRECISION
    #: weight_granularity, activation_granularity, kv_granularity: as in
    #: `precision_lib.rounding.sharing.block_size`. The defaults are the paper's:
    #: weights per output channel, activations per tensor. It does not say what its KV
    #: cache shares; here each token and head has a scale.
    weight_granularity: str = "channel"
    activation_granularity: str = "tensor"
    kv_granularity: str = "token"
    #: scale, straight_through: as in `precision_lib.rounding.quantizer.fake_quantize`,
    #: for all parts
    scale: Scale = "absmax"
    straight_through: StraightThrough = "clipped"
    #: Size of the Hadamard blocks that turn weights and inputs of the linear layers
    #: before they are quantized; 0 turns nothing
    rotation: int = 0
    values: str = ""  #: format of the cached values; empty: that of the keys
    #: Format of the input of the MLP's second matrix; empty: `activations`
    down_input: str = ""

    def __post_init__(self) -> None:
        for part in (*PARTS, *OWN):
            parse_format(getattr(self, part) or HIGH_PRECISION)
        check_known("scale", self.scale, SCALES)
        check_known("straight_through", self.straight_through, STRAIGHT_THROUGH)
        if self.rotation < 0 or self.rotation & (self.rotation - 1):
            raise UserError(
                f"rotation must be 0 or a power of two, not {self.rotation}."
            )

    @property
    def bits(self) -> dict[str, int]:
        """Bits of the three parts under their run-table names, the fewest of each."""
        return {
            "weight_bits": bits_of(self.weights),
            "activation_bits": min(map(bits_of, self._of("down_input"))),
            "kv_bits": min(map(bits_of, self._of("values"))),
        }

    @property
    def formats(self) -> dict[str, str]:
        """Formats under their run-table names; two with a stroke where parts differ.

        >>> Precision(kv_cache="int3", values="int2").formats["kv_format"]
        'int3/int2'
        """
        return {
            "weight_format": self.weights,
            "activation_format": "/".join(self._of("down_input")),
            "kv_format": "/".join(self._of("values")),
            "query_format": self.queries,
        }

    def _of(self, own: str) -> tuple[str, ...]:
        """The format of a part, and after it that of what differs from it."""
        part, other = getattr(self, OWN[own]), getattr(self, own)
        return (part,) if other in ("", part) else (part, other)

    @property
    def of_down(self) -> Precision:
        """That of the MLP's second matrix."""
        return replace(self, activations=self.down_input or self.activations)

    def must_fit(self, model: ModelConfig) -> None:
        """Raise a UserError where a block that shares a scale does not divide `model`.

        >>> Precision(weights="mxfp4").must_fit(ModelConfig(64, 2, 2, 160))
        """
        head = (model.d_model // model.n_heads,)
        inputs = (model.d_model, model.d_mlp)
        for fmt, granularity, widths in (
            (self.weights, self.weight_granularity, inputs),
            (self.activations, self.activation_granularity, inputs),
            (self.kv_cache, self.kv_granularity, head),
            (self.values or self.kv_cache, self.kv_granularity, head),
            (self.of_down.activations, self.activation_granularity, inputs),
            (self.queries, self.kv_granularity, head),
        ):
            if fmt != HIGH_PRECISION:
                for shape in ((1, width) for width in widths):
                    block = block_size(granularity, shape)
                    own_block(parse_format(fmt), block, shape)

    @property
    def lane(self) -> Precision:
        """Equal for precisions whose runs can train as lanes of one step.

        Integers of the narrow grid under absmax scales may differ in width.
        """
        if self.scale != "absmax":
            return self
        from precision_lib.rounding.lane_integer import largest_code  # and torch

        # Where a part has two formats, a lane cannot change one of them.
        bound = {part for own, part in OWN.items() if getattr(self, own)}
        free: dict[str, Any] = {
            part: HIGH_PRECISION
            for part in PARTS
            if part not in bound and largest_code(getattr(self, part)) is not None
        }
        return replace(self, **free)


@dataclass(frozen=True)
class ModelConfig:
    """Shape of the transformer.

    Raises UserError if the width does not divide into heads of even size.

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
