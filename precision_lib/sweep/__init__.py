"""Sweeps: a plan becomes runs, each kept as soon as it ends, none done twice.

`read_plan` reads a plan, `prices` says what it costs before it starts, `run_sweep`
runs it in processes here or on a cluster, and is resumed by being started again.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
