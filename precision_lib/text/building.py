"""Text to token arrays: split, remove near-duplicates, tokenize.

The order matters. Documents are split before anything else, so none stands on
both sides. Near-duplicate passages go next, training side first: a validation
passage that resembles any training passage is dropped. Only then is the
tokenizer trained, on the training side alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tokenizers import Tokenizer

from precision_lib.errors import UserError
from precision_lib.text.corpus import SEQUENCE, Corpus, digest_of
from precision_lib.text.near_duplicates import remove_near_duplicates, split_documents
from precision_lib.text.sources import Document
from precision_lib.text.tokenization import bytes_of_tokens, encode, train_tokenizer
from precision_lib.text.validation_windows import (
    Places,
    placed_windows,
    validation_windows,
)

VOCAB_SIZE = 512


def build_corpus(
    documents: Iterable[Document],
    *,
    name: str,
    vocab_size: int = VOCAB_SIZE,
    tokenizer: Tokenizer | None = None,
    places: Places | None = None,
) -> Corpus:
    """Split, remove near-duplicates, tokenize.

    Raises UserError if there is too little text for one training and one validation
    window.

    `documents`: the text; `name`: name of the corpus, used in messages; `vocab_size`:
    tokens of the byte-pair tokenizer, at least 257; `tokenizer`: a trained one; without
    it one is trained on the training documents. `places`: begin the validation windows
    where those of another tokenizer begin.

    >>> text = [Document("a", str(i), (f"word {i} and more",)) for i in range(900)]
    >>> build_corpus(text, name="tiny", vocab_size=300).train.dtype
    dtype('uint16')
    """
    train, validation = split_documents(documents)
    train, validation = remove_near_duplicates(train, validation)
    tokenizer = tokenizer or train_tokenizer(train, vocab_size)
    names = tuple(dict.fromkeys(d.source for d in train))
    streams = {n: encode([d for d in train if d.source == n], tokenizer) for n in names}
    held = {n: [d for d in validation if d.source == n] for n in names}
    tokens = np.concatenate([streams[n] for n in names] or [np.zeros(0, np.uint16)])
    if places is None:
        windows, source = validation_windows(
            [encode(held[n], tokenizer) for n in names],
            [len(streams[n]) for n in names],
        )
    else:
        windows, source = placed_windows(held, tokenizer, places)
    if len(tokens) <= SEQUENCE or not len(windows):
        raise UserError(
            f"{name}: too little text ({len(tokens)} training tokens, {len(windows)} "
            f"validation windows of {SEQUENCE}); add documents."
        )
    return Corpus(
        name=name,
        train=tokens,
        validation=windows,
        validation_source=source,
        sources=names,
        train_lengths=tuple(len(streams[n]) for n in names),
        vocab_size=tokenizer.get_vocab_size(),
        digest=digest_of(tokens, windows),
        bytes_per_token=float(bytes_of_tokens(tokenizer)[windows[:, 1:]].mean()),
    )
