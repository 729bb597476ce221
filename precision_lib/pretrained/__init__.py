"""Language models that others trained: loaded, scored on our text, rounded (PTQ)."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
