"""Small real inputs that several tests share."""

from functools import lru_cache

from precision_lib.model.config import ModelConfig
from precision_lib.text.building import build_corpus
from precision_lib.text.corpus import Corpus
from precision_lib.text.sources import Document

SMALL = ModelConfig(d_model=16, n_layers=2, n_heads=2, d_mlp=24, vocab_size=300)


@lru_cache
def small_corpus(vocab_size: int = 300) -> Corpus:
    """The docstrings of the standard library: real text that is always there."""
    import argparse
    import collections
    import decimal
    import difflib
    import json
    import logging
    import subprocess
    import tarfile
    import threading
    import typing

    modules = (argparse, collections, decimal, difflib, json, logging, subprocess)
    documents = [
        Document(module.__name__, name, tuple(text.split("\n\n")))
        for module in (*modules, tarfile, threading, typing)
        for name in sorted(getattr(module, "__all__", vars(module)))
        if (text := getattr(getattr(module, name), "__doc__", None))
        and isinstance(text, str)
    ]
    return build_corpus(documents, name="docstrings", vocab_size=vocab_size)
