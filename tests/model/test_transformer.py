import pytest
import torch

from precision_lib.errors import UserError
from precision_lib.formats import Int
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.model.transformer import Transformer
from precision_lib.ptq import quantize
from precision_lib.rounding.quantizer import block_size, fake_quantize
from precision_lib.sweep.plans import SHAPES
from tests.helpers import SMALL

IDS = torch.randint(0, 300, (3, 17), generator=torch.Generator().manual_seed(0))


def loss_of(precision=None, config=SMALL, seed=0):
    model = Transformer(config, precision or Precision(), seed)
    return model, model(IDS)


@pytest.mark.parametrize("extra_norm", [True, False])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_parameter_groups_add_up(shape, extra_norm):
    config = ModelConfig(
        shape.d_model, shape.n_layers, shape.n_heads, shape.d_mlp, extra_norm
    )
    model = Transformer(config, Precision())
    counted = sum(p.numel() for p in model.parameters())
    assert counted == sum(config.parameters.values())
    outside = model.embedding.weight.numel() + model.head.weight.numel()
    assert config.n_non_embedding == counted - outside


def test_names_of_shapes_are_their_n():
    for name, shape in SHAPES.items():
        assert name == f"{round(shape.n_non_embedding / 1000)}k"


def test_the_future_is_hidden():
    model = Transformer(SMALL, Precision(kv_cache="int4"))
    changed = IDS.clone()
    changed[:, 10] = (changed[:, 10] + 1) % 300
    before, after = model.token_losses(IDS), model.token_losses(changed)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.equal(before[:, 9:], after[:, 9:])


def test_mean_of_token_losses_is_the_loss():
    model, loss = loss_of()
    torch.testing.assert_close(loss, model.token_losses(IDS).mean())


@pytest.mark.parametrize(
    "part", ["weights", "activations", "kv_cache"], ids=["w", "a", "kv"]
)
def test_each_part_is_quantized_alone_and_more_bits_come_nearer(part):
    base = Transformer(SMALL, Precision()).token_losses(IDS)
    low = [Precision(**{part: f"int{bits}"}) for bits in (2, 6, 12)]
    gaps = [(Transformer(SMALL, p).token_losses(IDS) - base).abs().mean() for p in low]
    assert gaps[0] > gaps[1] > gaps[2] > 0


def test_every_parameter_gets_a_gradient_in_low_precision():
    model, loss = loss_of(Precision("int3", "int4", "int4"))
    loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_embedding_head_and_norms_stay_in_high_precision():
    model = Transformer(SMALL, Precision("int2", "int2", "int2"))
    names = [name.split(".")[-1] for name in model.linear_layers()]
    assert names == ["qkv", "out", "gate_up", "down"] * SMALL.n_layers
    x = model.embedding(IDS)
    assert x.unique().numel() > 3 * SMALL.d_model


def test_weights_per_tensor_share_a_scale_per_matrix_not_per_fused_block():
    precision = Precision(weights="int4", weight_granularity="tensor")
    layer = Transformer(SMALL, precision).blocks[0].qkv
    d = SMALL.d_model
    for part in range(3):
        rows = slice(part * d, (part + 1) * d)
        alone = fake_quantize(layer.weight[rows], Int(4), block_size("tensor", (d, d)))
        assert torch.equal(layer.quantized_weight()[rows], alone)


def test_the_seed_decides_the_weights():
    one, same, other = (loss_of(seed=s)[0].state_dict() for s in (0, 0, 1))
    assert all(torch.equal(one[k], same[k]) for k in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_a_bad_width_and_a_bad_format():
    with pytest.raises(UserError, match="d_model 30 does not divide into 4"):
        ModelConfig(30, 1, 4, 32)
    with pytest.raises(UserError, match="unknown format 'int'"):
        Precision(weights="int")


def test_values_and_one_input_are_rounded_in_their_own_format():
    """And as the part says where they have none."""
    shape, ids = ModelConfig(16, 1, 2, 32), torch.arange(20).view(2, 10)

    def loss(**formats):
        with torch.no_grad():
            return float(Transformer(shape, Precision(**formats))(ids))

    pairs = [("kv_cache", "values"), ("activations", "down_input")]
    for part, own in pairs:
        both = loss(**{part: "int3"})
        assert loss(**{part: "int3", own: "int3"}) == both
        one, other = loss(**{part: "int3", own: "float32"}), loss(**{own: "int3"})
        assert len({both, one, other, loss()}) == 4
    made = Transformer(shape, Precision(activations="int3", down_input="int8"))
    made.requires_grad_(False)
    kept = quantize(made, "rtn", None).model
    assert float(kept(ids)) == float(made(ids))
