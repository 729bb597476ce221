"""Models that are not ours: any module with linear layers, and a small Llama."""

import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from precision_lib import ptq
from precision_lib.formats import parse_format
from precision_lib.ptq.targets import linear_layers

METHODS = ("rtn", "gptq", "awq", "hqq")
INT3 = parse_format("int3")


class Twice(nn.Module):
    """A layer that is used twice, one that no input reaches, and a tied head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(50, 16)
        self.norm = nn.LayerNorm(16)
        self.first = nn.Linear(16, 16)
        self.unused = nn.Linear(16, 16)
        self.head = nn.Linear(16, 50, bias=False)
        self.head.weight = self.embedding.weight
        self.dropout = nn.Dropout(0.5)

    def forward(self, ids):
        x = self.dropout(self.first(self.norm(self.embedding(ids))))
        return self.head(self.first(x.relu()))


def llama(heads=2, tied=False):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=heads,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config)
    for name, value in model.named_parameters():
        if "norm" in name:
            value.data += 0.3 * torch.randn_like(value)
    return model


def rows(windows=8):
    generator = torch.Generator().manual_seed(0)
    return ptq.Calibration(
        "noise", torch.randint(0, 50, (windows, 32), generator=generator)
    )


@pytest.mark.parametrize("method", METHODS)
def test_any_module(method):
    model = Twice().train()
    result = ptq.quantize(model, method, INT3, rows())
    report = result.report.set_index("layer")
    assert list(report.index) == ["first", "unused"]
    assert report.loc["unused", "note"] == "no input reached it"
    assert report.loc["unused", "fallback"] and not report.loc["first", "fallback"]
    assert torch.equal(result.model.head.weight, model.head.weight)
    assert torch.equal(result.model.first.bias, model.first.bias)
    for layer in (result.model.first, result.model.unused):
        assert all(len(row.detach().unique()) <= 8 for row in layer.weight)
    assert result.model.training


def test_folds_can_be_named_and_a_bias_is_divided_too():
    model = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 8), nn.ReLU())
    model[0].bias.data.normal_()
    x = torch.randn(4, 10, 16, generator=torch.Generator().manual_seed(0))
    folds = [ptq.Fold("0", ("1",))]
    calibration = ptq.Calibration.from_batches("features", [x[:2], x[2:]])
    fine = parse_format("int16")
    result = ptq.quantize(model, "awq", fine, calibration, folds=folds, clip="none")
    assert result.report["note"][0].startswith("scales at power")
    torch.testing.assert_close(result.model(x), model(x), rtol=0, atol=1e-3)


def test_a_norm_that_does_not_scale_with_its_weight_gets_no_scales():
    class OnePlus(nn.Module):  # as in Gemma
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.full((16,), 0.5))

        def forward(self, x):
            return x * (1 + self.weight)

    model = nn.Sequential(OnePlus(), nn.Linear(16, 8))
    loud = torch.linspace(0.1, 9, 16)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(4, 10, 16, generator=generator)
    calibration = ptq.Calibration("loud", loud * noise)
    folds = [ptq.Fold("0", ("1",))]
    result = ptq.quantize(model, "awq", INT3, calibration, folds=folds)
    assert result.report["note"][0] == "its norm cannot be scaled: no scales"
    assert torch.equal(result.model[0].weight, model[0].weight)


@pytest.mark.parametrize("heads", [4, 2])
@pytest.mark.parametrize("tied", [False, True])
def test_a_llama_keeps_its_head_and_gets_all_other_layers_rounded(heads, tied):
    model = llama(heads, tied)
    assert len(linear_layers(model)) == 14 and "lm_head" not in linear_layers(model)
    ids = rows().rows[:2]
    error = {}
    with torch.no_grad():
        before = model(ids).logits
        for method in METHODS:
            result = ptq.quantize(model, method, INT3, rows(32))
            assert torch.equal(result.model.lm_head.weight, model.lm_head.weight)
            error[method] = result.report["output_error"].mean()
            assert not torch.equal(result.model(ids).logits, before)
    assert max(error["gptq"], error["awq"]) < error["rtn"]


def test_scales_of_a_llama_go_where_the_algebra_permits():
    model, fine = llama(heads=4), parse_format("int16")
    result = ptq.quantize(model, "awq", fine, rows(32), clip="none")
    assert result.report["note"].str.startswith("scales at power").all()
    ids = rows().rows[:2]
    with torch.no_grad():
        torch.testing.assert_close(
            result.model(ids).logits, model(ids).logits, rtol=0, atol=1e-3
        )
    shared = ptq.quantize(llama(heads=2), "awq", fine, rows(32)).report
    without = shared[shared["note"] == "no norm in front: no scales"]["layer"]
    assert list(without) == [f"model.layers.{n}.self_attn.o_proj" for n in (0, 1)]
