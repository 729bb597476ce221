"""Which text is trained on and which is held back: split, then no near-duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from rensa import RMinHashDeduplicator

from precision_lib.text.sources import Document


def split_documents(
    documents: Iterable[Document], one_in: int = 25
) -> tuple[list[Document], list[Document]]:
    """Training and validation documents, by the hash of source and key.

    >>> docs = [Document("a", str(i), ("text",)) for i in range(1000)]
    >>> [len(side) for side in split_documents(docs)]
    [963, 37]
    """
    sides: tuple[list[Document], list[Document]] = ([], [])
    for document in documents:
        name = f"{document.source}/{document.key}".encode()
        held = int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % one_in == 0
        sides[held].append(document)
    return sides


def remove_near_duplicates(
    train: list[Document], validation: list[Document], threshold: float = 0.7
) -> tuple[list[Document], list[Document]]:
    """Drop each passage that resembles an earlier one, training side first.

    Similar means an estimated Jaccard similarity of the sets of three-word
    sequences above `threshold` (MinHash with 64 permutations in 16 bands).

    >>> a = Document("s", "a", ("the cat sat on the mat today", "quite another one"))
    >>> b = Document("s", "b", ("The cat sat on the mat today",))
    >>> [[d.key for d in side] for side in remove_near_duplicates([a], [b])]
    [['a'], []]
    """
    index = RMinHashDeduplicator(
        threshold=threshold, num_perm=64, use_lsh=True, num_bands=16, seed=0
    )
    seen: set[str] = set()
    sides: list[list[Document]] = []
    for side in (train, validation):
        fresh: list[list[str]] = []
        for document in side:
            new = [p for p in dict.fromkeys(document.passages) if p not in seen]
            seen.update(new)
            fresh.append(new)
        pairs = (
            (f"{len(sides)}/{i}/{j}", _shingles(passage))
            for i, passages in enumerate(fresh)
            for j, passage in enumerate(passages)
        )
        kept = iter(index.add_pairs(pairs))
        unique = [tuple(p for p in passages if next(kept)) for passages in fresh]
        sides.append(
            [
                Document(d.source, d.key, u)
                for d, u in zip(side, unique, strict=True)
                if u
            ]
        )
    return sides[0], sides[1]


def _shingles(passage: str) -> set[str]:
    words = passage.lower().split()
    return {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))}
