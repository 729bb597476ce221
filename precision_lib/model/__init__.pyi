from .config import ModelConfig, Precision
from .shapes import PAPER_SHAPES, SHAPES, peak_learning_rate
from .transformer import Norm, QuantLinear, Transformer

__all__ = [
    "ModelConfig",
    "Norm",
    "PAPER_SHAPES",
    "Precision",
    "QuantLinear",
    "SHAPES",
    "Transformer",
    "peak_learning_rate",
]
