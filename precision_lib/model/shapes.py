"""The model shapes of the published sweeps, and the learning rate of each."""

from __future__ import annotations

from precision_lib.model.config import ModelConfig

# By their N, the non-embedding parameters. All but "334k" have two layers, so that
# sizes differ in width alone.
SHAPES: dict[str, ModelConfig] = {
    "12k": ModelConfig(d_model=24, n_layers=2, n_heads=2, d_mlp=48),
    "24k": ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80),
    "56k": ModelConfig(d_model=48, n_layers=2, n_heads=2, d_mlp=128),
    "98k": ModelConfig(d_model=64, n_layers=2, n_heads=2, d_mlp=168),
    "156k": ModelConfig(d_model=80, n_layers=2, n_heads=2, d_mlp=216),
    "222k": ModelConfig(d_model=96, n_layers=2, n_heads=3, d_mlp=256),
    "334k": ModelConfig(d_model=96, n_layers=3, n_heads=3, d_mlp=256),
    "397k": ModelConfig(d_model=128, n_layers=2, n_heads=4, d_mlp=344),
    "887k": ModelConfig(d_model=192, n_layers=2, n_heads=6, d_mlp=512),
    "1584k": ModelConfig(d_model=256, n_layers=2, n_heads=8, d_mlp=688),
}

# For data/plans/paper_scale.yaml: N of the paper. Its depths and widths are not told;
# these have heads of 64 and a feed-forward layer of 8/3 of the width.
# of the tokenizer of precision_lib.text.streaming.STREAMS["dolma-cc"]
_VOCABULARY = 50_280
PAPER_SHAPES: dict[str, ModelConfig] = {
    "30M": ModelConfig(512, 10, 8, 1344, vocab_size=_VOCABULARY),
    "60M": ModelConfig(640, 12, 10, 1728, vocab_size=_VOCABULARY),
    "110M": ModelConfig(768, 16, 12, 2048, vocab_size=_VOCABULARY),
    "220M": ModelConfig(1024, 18, 16, 2752, vocab_size=_VOCABULARY),
}


# The power law through the best rates of the sweep data/short/plans/tuning.yaml, as
# precision_lib.training.tuning.rate_rule fits it.
RATE_AT_24K = 0.0233
RATE_EXPONENT = -0.52


def peak_learning_rate(n_parameters: int) -> float:
    """The tuned rule for N = `n_parameters`: 0.0233 · (N / 24,000)^-0.52.

    It runs between the optima of unquantized and 2-bit-weight training, which it
    was fitted to together.

    >>> round(peak_learning_rate(96_000), 4)
    0.0113
    """
    return float(RATE_AT_24K * (n_parameters / 24_000) ** RATE_EXPONENT)
