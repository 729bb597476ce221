"""Text to tokens: where it comes from, what is held out, and what a run reads.

A `Corpus` is token arrays; `load_corpus` has one by name, `build_corpus` makes one.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
