"""A run that cannot be trained is refused when it is made, not when its turn comes."""

import pytest

from precision_lib.errors import UserError
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.training.config import RunConfig

SHAPE = ModelConfig(d_model=32, n_layers=2, n_heads=2, d_mlp=80)


@pytest.mark.parametrize(
    ("precision", "sentence"),
    [
        ({"weights": "mxfp4"}, "32 neighbors, which do not divide the last axis of 80"),
        ({"kv_cache": "mxfp4"}, "do not divide the last axis of 16"),
        (
            {"activations": "int4", "activation_granularity": "group:64"},
            "group size 64 does not divide the axis of 32",
        ),
        (
            {"weights": "int4", "weight_granularity": "chanel"},
            "unknown granularity 'chanel'",
        ),
    ],
)
def test_a_scale_that_does_not_fit_the_shape(precision, sentence):
    """One plan held two such runs for a day; a sweep learnt it from the compiler."""
    with pytest.raises(UserError, match=sentence):
        RunConfig(SHAPE, Precision(**precision))


def test_blocks_that_fit():
    """Sixteen neighbors divide 32, 80 and a head of 16."""
    RunConfig(SHAPE, Precision("nvfp4", "nvfp4", "nvfp4"))
    RunConfig(SHAPE, Precision("int4", weight_granularity="group:16"))


def test_keys_and_values_and_one_input_in_formats_of_their_own():
    precision = Precision("int4", "int4", "int3", values="int2", down_input="int8")
    assert precision.bits == {"weight_bits": 4, "activation_bits": 4, "kv_bits": 2}
    assert precision.formats["activation_format"] == "int4/int8"
    assert precision.lane.kv_cache == "int3"  # a lane would change the keys alone
    same = Precision("int4", "int4", "int3", values="int3", down_input="int4")
    assert same.formats == Precision("int4", "int4", "int3").formats
    with pytest.raises(UserError, match="unknown format"):
        Precision(values="intt")
