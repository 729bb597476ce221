"""Scaling laws for precision: quantizers, tiny training runs, and the fitted laws.

>>> import precision_lib as pl
>>> pl.quantize, pl.train, pl.fit  # doctest: +ELLIPSIS
(<function quantize ...>, <function train ...>, <function fit ...>)

A name is loaded when it is first used, so the import itself takes milliseconds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
