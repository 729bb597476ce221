"""Made-up text with what makes tokenizing hard: accents, punctuation, passages."""

from functools import lru_cache

import numpy as np

from precision_lib.text.near_duplicates import remove_near_duplicates, split_documents
from precision_lib.text.sources import Document


@lru_cache
def documents():
    """Documents of four sources, with several passages each."""
    rng = np.random.default_rng(0)
    words = [f"{a}{b}{mark}" for a in ("Zoë", "an", "it") for b in "xyz" for mark in
             ("", ",", ".", " (as 42)")]  # fmt: skip
    return [
        Document(source, str(i), tuple(
            " ".join(rng.choice(words, 40)) for _ in range(rng.integers(1, 4))
        ))
        for source in ("gcide", "wikipedia", "botocore", "google")
        for i in range(300)
    ]  # fmt: skip


@lru_cache
def training_side():
    train, _ = remove_near_duplicates(*split_documents(documents()))
    return train
