from .cells import KNOWN, LABELS, TRAINING_BITS, UNITS, Units
from .checks import REPORTED, Checked, check_runs
from .faults import Fault, grouped
from .files import read_runs
from .raw import RawRuns

__all__ = [
    "KNOWN",
    "LABELS",
    "REPORTED",
    "TRAINING_BITS",
    "UNITS",
    "Checked",
    "Fault",
    "RawRuns",
    "Units",
    "check_runs",
    "grouped",
    "read_runs",
]
