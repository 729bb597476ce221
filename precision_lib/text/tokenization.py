"""Byte pairs: train a tokenizer, turn text into tokens, count their bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from precision_lib.paths import DATA
from precision_lib.text.corpus import Tokens
from precision_lib.text.sources import Document

END = "<|end|>"
TOKENIZERS = {"default": "tokenizer.json", "vocab1024": "tokenizer1024.json"}


def train_tokenizer(documents: list[Document], vocab_size: int) -> Tokenizer:
    """A byte-level byte-pair tokenizer of `vocab_size` tokens.

    >>> train_tokenizer([Document("a", "b", ("aa bb aa",))], 260).get_vocab_size()
    260
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(("\n".join(d.passages) for d in documents), trainer)
    return tokenizer


def encode(documents: list[Document], tokenizer: Tokenizer) -> Tokens:
    """All documents as one stream, an end token after each.

    >>> docs = [Document("a", "b", ("aa bb aa",))]
    >>> encode(docs, train_tokenizer(docs, 260))[-1] == 0
    np.True_
    """
    texts = ["\n".join(d.passages) + END for d in documents]
    parts = [np.asarray(e.ids, np.uint16) for e in tokenizer.encode_batch(texts)]
    return np.concatenate([np.zeros(0, np.uint16), *parts])


def pieces(tokenizer: Tokenizer) -> list[str]:
    """What each token stands for, a character a byte: a space is "Ġ", a newline "Ċ".

    >>> tokenizer = train_tokenizer([Document("a", "b", ("aa bb aa",))], 260)
    >>> sorted(pieces(tokenizer), key=len)[-3:]
    ['bb', 'Ġaa', '<|end|>']
    """
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def bytes_of_tokens(tokenizer: Tokenizer) -> npt.NDArray[np.int64]:
    """Bytes of text that each token stands for.

    The end of a document counts as one byte, as a line break would.

    >>> tokenizer = train_tokenizer([Document("a", "b", ("aa bb aa",))], 260)
    >>> bytes_of_tokens(tokenizer)[tokenizer.encode("aa bb<|end|>").ids].tolist()
    [2, 1, 2, 1]
    """
    return np.array([1 if p == END else len(p) for p in pieces(tokenizer)])


def load_tokenizer(name: str = "default") -> Tokenizer:
    """The published tokenizer of the corpus called `name`.

    >>> load_tokenizer().decode([40, 415])
    'H D'
    """
    path = DATA / TOKENIZERS.get(name, TOKENIZERS["default"])
    return Tokenizer.from_file(str(path))
