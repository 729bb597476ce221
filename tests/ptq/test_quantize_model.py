"""Whole models: what is rounded, on which inputs, and what stays."""

import pytest
import torch

from precision_lib import ptq
from precision_lib.errors import UserError
from precision_lib.formats import parse_format
from precision_lib.model import Precision, Transformer
from tests.helpers import SMALL, small_corpus

METHODS = ("rtn", "gptq", "awq")
INT3 = parse_format("int3")


def calibration(windows=16, seed=0):
    return ptq.Calibration.from_corpus(small_corpus(), windows, seed)


def trained(precision=None, seed=0):
    """A model whose norms have gains of their own, as after training."""
    model = Transformer(SMALL, precision or Precision(), seed).double()
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        if name.endswith("gain"):
            noise = torch.randn(value.shape, generator=generator, dtype=value.dtype)
            value.data += 0.3 * noise
    return model


@pytest.mark.parametrize("method", METHODS)
def test_weights_land_on_the_grid_and_the_model_given_is_untouched(method):
    model = trained()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    result = ptq.quantize(model, method, parse_format("int2"), calibration())
    for layer in result.model.linear_layers().values():
        # Three values a row, and no more: the row's scale, its negative and zero.
        assert all(len(row.abs().unique()) <= 2 for row in layer.weight)
        assert layer.weight_format is None
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert list(result.report["layer"]) == list(model.linear_layers())
    assert not any("forward" in vars(m) for m in result.model.modules())


@pytest.mark.parametrize("method", METHODS)
def test_a_model_trained_on_the_grid_stays_what_it_was(method):
    model = trained(Precision(weights="int3", activations="int6"))
    same = ptq.quantize(model, method, INT3, calibration())
    ids = calibration().rows[:2]
    torch.testing.assert_close(same.model.token_losses(ids), model.token_losses(ids))
    assert same.report["output_error"].max() < 1e-20


def test_reports_of_one_set_put_gptq_and_awq_below_rtn():
    error = {
        method: ptq.quantize(trained(), method, INT3, calibration()).report
        for method in METHODS
    }
    rtn = error["rtn"]["output_error"]
    assert (rtn > 0).all()
    assert error["gptq"]["output_error"].mean() < rtn.mean()
    assert error["awq"]["output_error"].mean() < rtn.mean()


@pytest.mark.parametrize("method", METHODS)
def test_the_reported_error_is_that_of_the_layers_run_by_hand(method):
    """The second layer, on what the rounded first layer leaves to it."""
    model = trained(Precision(activations="int6"))
    rows = calibration(4)
    result = ptq.quantize(model, method, INT3, rows)
    seen = {}
    layer = result.model.blocks[0].out
    layer.register_forward_pre_hook(lambda _, args: seen.update(x=args[0]))
    result.model.hidden(rows.rows)
    x, scales = seen["x"], torch.ones(SMALL.d_model, dtype=torch.float64)
    if method == "awq":
        old, new = (m.blocks[0].out_norm.gain for m in (model, result.model))
        scales = old / new
    rounded = model.precision.quantize(x.detach(), "int6", "tensor")
    target = rounded @ (model.blocks[0].out.weight * scales).T
    change = rounded @ layer.weight.T - target
    expected = (change.square().mean() / target.square().mean()).detach()
    row = result.report.set_index("layer").loc["blocks.0.out"]
    assert row["output_error"] == pytest.approx(float(expected), rel=1e-9)


def test_awq_folds_its_scales_without_changing_the_float_model():
    """With the float weights put back, times the scales, only the folding is left."""
    model = trained()
    folded = ptq.quantize(model, "awq", INT3, calibration()).model
    norms = ("attention_norm", "out_norm", "mlp_norm", "down_norm")
    layers = ("qkv", "out", "gate_up", "down")
    moved = 0
    for old, new in zip(model.blocks, folded.blocks, strict=True):
        for norm, layer in zip(norms, layers, strict=True):
            scales = getattr(old, norm).gain / getattr(new, norm).gain
            getattr(new, layer).weight.data = getattr(old, layer).weight * scales
            moved += int((scales != 1).any())
    assert moved
    ids = calibration().rows[:2]
    torch.testing.assert_close(
        folded.token_losses(ids), model.token_losses(ids), rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("method", METHODS)
def test_equal_calls_give_equal_weights(method):
    one, two = (ptq.quantize(trained(), method, INT3, calibration()) for _ in range(2))
    for a, b in zip(one.model.parameters(), two.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_calibration_sets_are_named_seeded_and_from_the_training_side():
    corpus = small_corpus()
    one, two, other = calibration(), calibration(), calibration(seed=1)
    assert one.name == f"{corpus.name}-16x128-seed0"
    assert torch.equal(one.rows, two.rows) and not torch.equal(one.rows, other.rows)
    assert len(one.rows.unique(dim=0)) == 16 and one.tokens == 2048
    text = corpus.train.tolist()
    for row in one.rows[:3].tolist():
        assert any(
            text[start : start + 128] == row for start in range(0, len(text), 128)
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, c: ptq.quantize(m, "nearest", INT3), "unknown method 'nearest'"),
        (lambda m, c: ptq.quantize(m, "gptq", INT3), "give a calibration set"),
        (lambda m, c: ptq.quantize(m, "rtn", INT3, clip="outputs"), "calibration set"),
        (lambda m, c: ptq.quantize(m, "rtn", INT3, clipp=1), "unknown option 'clipp'"),
        (lambda m, c: ptq.quantize(m, "gptq", INT3, c, damping=-1), "damping must"),
        (lambda m, c: ptq.quantize(m, "rtn", INT3, None, "row"), "unknown granularity"),
        (lambda m, c: ptq.Calibration.from_corpus(small_corpus(), 10**6), "it has 473"),
        (lambda m, c: ptq.Calibration("none", c.rows[:0]), "holds no tokens"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(UserError, match=message):
        call(trained(), calibration())


@pytest.mark.parametrize("method", METHODS)
def test_a_weight_that_is_not_finite_is_named(method):
    model = trained()
    model.blocks[1].out.weight.data[0, 0] = torch.nan
    with pytest.raises(UserError, match=r"blocks\.1\.out: its weight holds NaN"):
        ptq.quantize(model, method, INT3, calibration())
