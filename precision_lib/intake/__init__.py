"""A reader's own files: tables, logs and exports become a checked table of runs.

`read_runs` reads the files as they are, `check_runs` makes numbers in our units of
them and names every fault.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
