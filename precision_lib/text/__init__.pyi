from .building import build_corpus
from .corpus import SEQUENCE, VALIDATION_WINDOWS, Corpus, read_corpus, save_corpus
from .loading import load_corpus
from .sources import Document, Wheel, download_wheels
from .streaming import STREAMS
from .tokenization import END, load_tokenizer

__all__ = [
    "Corpus",
    "Document",
    "END",
    "SEQUENCE",
    "STREAMS",
    "VALIDATION_WINDOWS",
    "Wheel",
    "build_corpus",
    "download_wheels",
    "load_corpus",
    "load_tokenizer",
    "read_corpus",
    "save_corpus",
]
