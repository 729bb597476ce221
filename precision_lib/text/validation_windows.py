"""Validation windows: which pieces of the held-out text every run is scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

from precision_lib.text.corpus import SEQUENCE, VALIDATION_WINDOWS, Indices, Tokens
from precision_lib.text.sources import Document
from precision_lib.text.tokenization import bytes_of_tokens, encode


def validation_windows(
    streams: list[Tokens], weights: list[int], windows: int = VALIDATION_WINDOWS
) -> tuple[Tokens, Indices]:
    """Evenly spaced windows of each stream, in proportion to `weights`.

    Returns the windows and the index of the stream that each comes from.

    >>> rows, source = validation_windows([np.arange(5000, dtype=np.uint16)], [1], 4)
    >>> rows[:, 0].tolist(), source.tolist()
    ([0, 1152, 2432, 3712], [0, 0, 0, 0])
    """
    share = np.cumsum([0, *weights]) / max(1, sum(weights))
    wanted = np.diff(np.rint(share * windows).astype(int))
    starts = [_even(len(s), int(n)) for s, n in zip(streams, wanted, strict=True)]
    return _cut(streams, starts)


@dataclass(frozen=True)
class Places:
    """Where another tokenizer puts the validation windows."""

    tokenizer: Tokenizer  #: the other one
    windows: dict[str, int]  #: how many windows it has of each source


def placed_windows(
    held: dict[str, list[Document]], tokenizer: Tokenizer, places: Places
) -> tuple[Tokens, Indices]:
    """Windows that begin where those of another tokenizer begin, in bytes.

    Each begins with the first token that starts there or later in the text. The
    last of a source begins earlier if the text would end before the window does.

    `held`: validation documents of each source; `tokenizer`: cuts the windows;
    `places`: says where they begin.

    Returns as of :func:`validation_windows`.

    >>> from precision_lib.text.tokenization import train_tokenizer
    >>> text = [Document("a", "b", (" ".join(str(i) for i in range(500)),))]
    >>> small, large = (train_tokenizer(text, size) for size in (260, 400))
    >>> rows, _ = placed_windows({"a": text}, large, Places(small, {"a": 3}))
    >>> large.decode(rows[1])[:15]
    '5 186 187 188 1'
    """
    streams, starts = [], []
    for source, documents in held.items():
        stream = encode(documents, tokenizer)
        other = encode(documents, places.tokenizer)
        begins = _byte_starts(other, places.tokenizer)
        wanted = begins[_even(len(other), places.windows[source])]
        found = np.searchsorted(_byte_starts(stream, tokenizer), wanted)
        streams.append(stream)
        starts.append(np.minimum(found, len(stream) - SEQUENCE - 1))
    return _cut(streams, starts)


def _even(length: int, wanted: int) -> Indices:
    """Starts of at most `wanted` windows, evenly spaced in a stream of `length`."""
    available = (length - 1) // SEQUENCE
    count = max(0, min(available, wanted))
    return np.array([k * available // count for k in range(count)], int) * SEQUENCE


def _byte_starts(stream: Tokens, tokenizer: Tokenizer) -> Indices:
    sizes = bytes_of_tokens(tokenizer)[stream]
    return np.cumsum(sizes) - sizes


def _cut(streams: list[Tokens], starts: list[Indices]) -> tuple[Tokens, Indices]:
    rows = [
        stream[start : start + SEQUENCE + 1]
        for stream, begins in zip(streams, starts, strict=True)
        for start in begins
    ]
    shape = (len(rows), SEQUENCE + 1)
    source = np.repeat(np.arange(len(starts)), [len(begins) for begins in starts])
    return np.array(rows, np.uint16).reshape(shape), source
