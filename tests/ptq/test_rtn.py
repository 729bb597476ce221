import pytest
import torch

from precision_lib.formats import Int
from precision_lib.model.config import Precision
from precision_lib.model.transformer import Transformer
from precision_lib.ptq import quantize as quantize_model
from precision_lib.ptq.layers import weight_block
from precision_lib.rounding.quantizer import quantize
from tests.helpers import SMALL


@pytest.mark.parametrize("granularity", ["tensor", "channel", "group:8"])
def test_every_linear_weight_is_rounded_and_nothing_else(granularity):
    model = Transformer(SMALL, Precision())
    before = {k: v.clone() for k, v in model.state_dict().items()}
    rounded = quantize_model(model, "rtn", Int(3), granularity=granularity).model
    layers = {f"{name}.weight": layer for name, layer in model.linear_layers().items()}
    for name, weight in rounded.state_dict().items():
        if name in layers:
            block = weight_block(layers[name], granularity)
            assert torch.equal(weight, quantize(before[name], Int(3), block).values)
        else:
            assert torch.equal(weight, before[name])
        assert torch.equal(model.state_dict()[name], before[name])  # untouched


def test_a_low_precision_model_rounded_to_its_own_grid_is_unchanged():
    ids = torch.arange(34).view(2, 17)
    model = Transformer(SMALL, Precision(weights="int3", activations="int6"))
    same = quantize_model(model, "rtn", Int(3)).model
    coarser = quantize_model(model, "rtn", Int(2)).model
    torch.testing.assert_close(same.token_losses(ids), model.token_losses(ids))
    assert not torch.allclose(coarser.token_losses(ids), model.token_losses(ids))
