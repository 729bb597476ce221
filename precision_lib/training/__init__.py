"""Training: a frozen config in, a trained model and the record of its run out.

`train` takes a `RunConfig` and a corpus. It knows nothing of rounding after
training, of sweeps or of tables.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
