from .apply import Result, quantize
from .calibration import Calibration
from .options import DEFAULTS, Options
from .targets import Fold

__all__ = [
    "DEFAULTS",
    "Calibration",
    "Fold",
    "Options",
    "Result",
    "quantize",
]
