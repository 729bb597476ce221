"""The model shapes of the published sweeps, and the learning rate of each."""

from __future__ import annotations

from precision_lib.model import ModelConfig

# By their N, the non-embedding parameters. All but "334k" have two layers, so that the
# that the fitted sizes differ in width alone; "334k" is of the first edition.
SHAPES: dict[str, ModelConfig] = {
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


def peak_learning_rate(n_parameters: int) -> float:
    """The tuned rule for N = `n_parameters`: 0.022 · (N / 24,000)^-0.45.

    It runs between the optima of unquantized and 2-bit-weight training in the
    sweep ``data/plans/learning_rate.yaml``.

    Examples
    --------
    >>> round(peak_learning_rate(334_000), 4)
    0.0067
    """
    return float(0.022 * (n_parameters / 24_000) ** -0.45)
