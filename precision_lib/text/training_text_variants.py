"""Other training texts out of the tokens of one: a source, half, worse words.

They work on tokens and need no second tokenization. A byte-level tokenizer never
joins what stands before a space or a line break with what comes after it, so a
word moved together with the space before it keeps its tokens.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from precision_lib.text.corpus import Tokens
from precision_lib.text.tokenization import END

Indices = npt.NDArray[np.int64]

#: Sources that make up a variant with less text.
PARTS: dict[str, tuple[str, ...]] = {
    "gcide": ("gcide",),
    "wikipedia": ("wikipedia",),
    "api": ("botocore", "google"),
}
SEED = 0


def half(streams: list[Tokens], end: int) -> list[Tokens]:
    """Random documents of each source until they hold half of its tokens.

    The documents keep their order. `streams`: tokens of each source; `end`: the token
    that ends a document.

    >>> documents = np.array([1, 0, 2, 0, 3, 0, 4, 0], np.uint16)
    >>> half([documents], end=0)[0].tolist()
    [1, 0, 3, 0]
    """
    generator = np.random.default_rng(SEED)
    kept = []
    for stream in streams:
        stops = np.flatnonzero(stream == end) + 1
        sizes = np.diff(stops, prepend=0)
        order = generator.permutation(len(sizes))
        before = np.cumsum(sizes[order]) - sizes[order]
        chosen = np.zeros(len(sizes), bool)
        chosen[order[before < len(stream) / 2]] = True
        kept.append(stream[np.repeat(chosen, sizes)])
    return kept


def replace_words(
    streams: list[Tokens], pieces: list[str], fraction: float = 0.2
) -> list[Tokens]:
    """The same text with a `fraction` of its words drawn at random instead.

    A word is what stands between spaces, punctuation included. The new one is
    that at a random place of all the text, so words come as often as they do in
    it. The first word of a passage stays, since no space is before it.

    `streams`: tokens of each source; `pieces`: as in
    :func:`precision_lib.text.tokenization.pieces`; `fraction`: probability that a word
    is replaced.

    >>> text = np.array([1, 2, 1, 3, 3, 2, 0], np.uint16)
    >>> replace_words([text], ["<|end|>", "a", "Ġb", "Ġc"], fraction=0.5)[0].tolist()
    [1, 2, 1, 2, 1, 2, 3, 0]
    """
    tokens = np.concatenate(streams)
    spaced = np.array([p.startswith("Ġ") for p in pieces])
    ends = np.array([p == END for p in pieces])
    breaks = ends | np.array([p.startswith("Ċ") for p in pieces])
    starts = np.flatnonzero((spaced | breaks)[tokens])
    sizes = np.diff(starts, append=len(tokens))
    words = np.flatnonzero(spaced[tokens[starts]])
    generator = np.random.default_rng(SEED)
    replaced = words[generator.random(len(words)) < fraction]
    origin = np.arange(len(starts))
    origin[replaced] = generator.choice(words, len(replaced))
    head = tokens[: starts[0]]
    text = np.concatenate([head, _gather(tokens, starts[origin], sizes[origin])])
    documents = np.cumsum([ends[stream].sum() for stream in streams])
    return np.split(text, (np.flatnonzero(ends[text]) + 1)[documents[:-1] - 1])


def _gather(tokens: Tokens, starts: Indices, sizes: Indices) -> Tokens:
    """Pieces of `tokens` one after the other: from each start, so many."""
    shift = starts - (np.cumsum(sizes) - sizes)
    return tokens[np.repeat(shift, sizes) + np.arange(sizes.sum())]
