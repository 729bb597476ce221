from .by_text import costs
from .language_model import load_pretrained
from .ptq_table import extend_table, longest, table_for
from .weight_spread import layer_table, load_layer_table, minilm_weights

__all__ = [
    "costs",
    "extend_table",
    "layer_table",
    "load_layer_table",
    "load_pretrained",
    "longest",
    "minilm_weights",
    "table_for",
]
