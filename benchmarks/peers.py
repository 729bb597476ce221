"""Training steps of others, of the same shape as ours, for `bench_trainer`."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from precision_lib.model.config import ModelConfig

Step = Callable[[Tensor], object]


def llama(shape: ModelConfig, compiled: bool) -> Step:
    """What a user of `transformers` would write."""
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocab_size,
            hidden_size=shape.d_model,
            intermediate_size=shape.d_mlp,
            num_hidden_layers=shape.n_layers,
            num_attention_heads=shape.n_heads,
            num_key_value_heads=shape.n_heads,
            max_position_embeddings=128,
            tie_word_embeddings=False,
            use_cache=False,
        )
    )

    def loss(rows: Tensor) -> Tensor:
        return model(rows[:, :-1], labels=rows[:, :-1]).loss

    return _step(model, loss, compiled)


class PlainBlock(nn.Module):
    """A block as nanochat and plainLM write it: fused QKV, torch's attention."""

    def __init__(self, shape: ModelConfig):
        super().__init__()
        d, h, self.heads = shape.d_model, shape.d_mlp, shape.n_heads
        self.norm1, self.norm2 = nn.RMSNorm(d), nn.RMSNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d, False), nn.Linear(d, d, False)
        self.up, self.down = nn.Linear(d, 2 * h, False), nn.Linear(h, d, False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(batch, time, d) -> (batch, time, d)."""
        q, k, v = self.qkv(self.norm1(x)).chunk(3, -1)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        q, k = _turned(q, cos, sin), _turned(k, cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        gate, up = self.up(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


def _turned(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class PlainModel(nn.Module):
    """Embedding, blocks, norm and head; returns the mean loss."""

    def __init__(self, shape: ModelConfig):
        super().__init__()
        self.embedding = nn.Embedding(shape.vocab_size, shape.d_model)
        self.blocks = nn.ModuleList(PlainBlock(shape) for _ in range(shape.n_layers))
        self.norm = nn.RMSNorm(shape.d_model)
        self.head = nn.Linear(shape.d_model, shape.vocab_size, False)
        half = shape.d_model // shape.n_heads // 2
        angle = torch.outer(torch.arange(128), 1e4 ** (-torch.arange(half) / half))
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())

    def forward(self, rows: Tensor) -> Tensor:
        """Mean loss of (batch, 129) ids."""
        x = self.embedding(rows[:, :-1])
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())


def plain(shape: ModelConfig) -> Step:
    """The plain model, compiled."""
    model = PlainModel(shape)
    return _step(model, model, compiled=True)


def _step(model: nn.Module, loss: Step, compiled: bool) -> Step:
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    run = torch.compile(loss, dynamic=False) if compiled else loss

    def step(rows: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        run(rows).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step
