from . import decide, ptq
from .errors import UserError
from .formats import parse_format
from .laws import bootstrap, compare, fit
from .model import ModelConfig, Precision
from .rounding import fake_quantize, quantize
from .runs import load_ptq, load_runs
from .text import load_corpus
from .training import RunConfig, evaluate, train

__all__ = [
    "ModelConfig",
    "Precision",
    "RunConfig",
    "UserError",
    "bootstrap",
    "compare",
    "decide",
    "evaluate",
    "fake_quantize",
    "fit",
    "load_corpus",
    "load_ptq",
    "load_runs",
    "parse_format",
    "ptq",
    "quantize",
    "train",
]
