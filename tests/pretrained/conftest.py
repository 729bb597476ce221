"""A causal model of transformers made here: random weights, no network."""

import pytest
import torch

from precision_lib.pretrained.language_model import Pretrained
from precision_lib.text.building import build_corpus
from precision_lib.text.tokenization import load_tokenizer, train_tokenizer
from tests.made_text import documents, training_side

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def llama():
    """Makes a small Llama: grouped queries, tied head, what is asked for changed."""

    def make(**changes):
        shape = {
            "vocab_size": 285,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 256,
            "tie_word_embeddings": True,
        }
        torch.manual_seed(0)
        config = transformers.LlamaConfig(**(shape | changes))
        return transformers.LlamaForCausalLM(config).eval()

    return make


@pytest.fixture(scope="session")
def tokenizer():
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(training_side(), 285),
        pad_token="<|end|>",
        bos_token="<|end|>",
    )


@pytest.fixture(scope="session")
def loaded(llama, tokenizer):
    return Pretrained("made", llama(), tokenizer)


@pytest.fixture(scope="session")
def corpus():
    return build_corpus(
        documents(), name="default", tokenizer=load_tokenizer("default")
    )
