from .engines import LocalEngine
from .plans import Plan, read_plan
from .preflight import check_sizes
from .price import prices
from .progress import in_words, time_left
from .ray_engine import RayEngine
from .records import collect, finished_ids
from .runner import run_sweep

__all__ = [
    "LocalEngine",
    "Plan",
    "RayEngine",
    "check_sizes",
    "collect",
    "finished_ids",
    "in_words",
    "prices",
    "read_plan",
    "run_sweep",
    "time_left",
]
