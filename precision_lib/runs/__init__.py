"""Run tables: their columns, how they are checked, and the published ones.

`load_runs` and `load_ptq` have the runs of this book.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
