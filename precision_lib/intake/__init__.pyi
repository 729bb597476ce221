from .cells import KNOWN, LABELS, TRAINING_BITS, UNITS, Units
from .checks import STATES, Checked, check_runs
from .files import Fault, read_runs

__all__ = [
    "Checked",
    "Fault",
    "KNOWN",
    "LABELS",
    "STATES",
    "TRAINING_BITS",
    "UNITS",
    "Units",
    "check_runs",
    "read_runs",
]
