"""The model: a small causal transformer whose parts can be rounded as it computes.

`Precision` says in which format each part is kept, `ModelConfig` gives the shape,
`SHAPES` has the shapes of the sweeps by name.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
