"""Post-training quantization: weights of a trained model onto a grid."""

from precision_lib.ptq.apply import Result, quantize
from precision_lib.ptq.calibration import Calibration
from precision_lib.ptq.options import DEFAULTS, Options
from precision_lib.ptq.targets import Fold

__all__ = [
    "DEFAULTS",
    "Calibration",
    "Fold",
    "Options",
    "Result",
    "quantize",
]
