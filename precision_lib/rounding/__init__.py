"""Fake quantization: tensors rounded to a number format, at any granularity.

`quantize` gives values and scales, `fake_quantize` the rounded tensor with a
straight-through gradient; `block_size` says which elements share a scale.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
