"""Whole models: what is rounded, on which inputs, and what stays."""

import dataclasses

import pytest
import torch
from torch import nn

from precision_lib import ptq
from precision_lib.errors import UserError
from precision_lib.formats import parse_format
from precision_lib.model.config import Precision
from precision_lib.model.transformer import Transformer, rounded
from tests.helpers import SMALL, small_corpus

METHODS = ("rtn", "gptq", "awq", "hqq")
INT3 = parse_format("int3")
CLIPS = {"rtn": "none", "gptq": "weights", "awq": "none"}  # where inputs say nothing


def calibration(windows=16, seed=0):
    return ptq.Calibration.from_corpus(small_corpus(), windows, seed)


def trained(precision=None, seed=0, config=SMALL):
    """A model whose norms have gains of their own, as after training."""
    model = Transformer(config, precision or Precision(), seed).double()
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
        assert all(len(row.round(decimals=9).unique()) <= 4 for row in layer.weight)
        assert layer.weight_format is None
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert list(result.report["layer"]) == list(model.linear_layers())
    assert not any("forward" in vars(m) for m in result.model.modules())


@pytest.mark.parametrize("method", METHODS[:3])
def test_a_model_trained_on_the_grid_stays_what_it_was(method):
    model = trained(Precision(weights="int3", activations="int6"))
    same = ptq.quantize(model, method, INT3, calibration())
    ids = calibration().rows[:2]
    torch.testing.assert_close(same.model.token_losses(ids), model.token_losses(ids))
    assert same.report["output_error"].max() < 1e-20


def test_hqq_moves_even_what_is_on_a_grid():
    """Its levels span a row from end to end, so those of a narrow grid are not its."""
    model = trained(Precision(weights="int3"))
    report = ptq.quantize(model, "hqq", INT3).report
    assert report["weight_error"].min() > 0


def test_reports_of_one_set_put_gptq_and_awq_below_rtn():
    error = {
        method: ptq.quantize(trained(), method, INT3, calibration()).report
        for method in METHODS
    }
    rtn = error["rtn"]["output_error"]
    assert (rtn > 0).all()
    assert error["gptq"]["output_error"].mean() < rtn.mean()
    assert error["awq"]["output_error"].mean() < rtn.mean()
    assert error["hqq"]["weight_error"].mean() < error["rtn"]["weight_error"].mean()


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
    seen_by_it = rounded(x.detach(), parse_format("int6"), "tensor", model.precision)
    target = seen_by_it @ (model.blocks[0].out.weight * scales).T
    change = seen_by_it @ layer.weight.T - target
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


PLAIN = dataclasses.replace(SMALL, extra_norm=False)


@pytest.mark.parametrize(
    ("config", "kv_cache", "granularity", "scaled"),
    [
        (SMALL, "float32", "channel", 4),
        (PLAIN, "float32", "channel", 4),  # into the values, and into up
        (PLAIN, "int4", "channel", 3),  # values are rounded before `out` reads them
        (PLAIN, "float32", "tensor", 2),  # a row may not have a scale of its own
    ],
)
def test_awq_says_which_layers_have_scales(config, kv_cache, granularity, scaled):
    """On a grid of 16 bits little else than the folding happens."""
    model = trained(Precision(kv_cache=kv_cache), config=config)
    fine = parse_format("int16")
    result = ptq.quantize(model, "awq", fine, calibration(), granularity, clip="none")
    ids = calibration().rows[:2]
    before, after = (m.token_losses(ids).mean() for m in (model, result.model))
    assert float(after) == pytest.approx(float(before), abs=2e-4)
    notes = result.report["note"]
    assert notes.str.startswith("scales at power").sum() == scaled * config.n_layers
    assert notes.str.contains("no scales").sum() == (4 - scaled) * config.n_layers


def test_awq_on_quantized_inputs_says_that_they_are_rounded_behind_the_scales():
    model = trained(Precision(activations="int6"))
    report = ptq.quantize(model, "awq", INT3, calibration()).report
    assert report["note"].str.endswith("its input quantized behind them").all()


@pytest.mark.parametrize("method", METHODS)
def test_a_rotated_model_is_rounded_in_the_rotated_basis(method):
    model = trained(Precision(activations="int8", rotation=8))
    result = ptq.quantize(model, method, INT3, calibration())
    layer = result.model.blocks[0].gate_up
    used = layer.quantized_weight()
    assert all(len(row.round(decimals=9).unique()) <= 7 for row in used)
    assert result.report["output_error"].max() < 0.3
    if method == "awq":
        assert (result.report["note"] == "rotated input: no scales").all()


@pytest.mark.parametrize("method", METHODS)
def test_fused_parts_never_share_a_scale(method):
    """Loud values would cost the queries and keys all their levels."""
    model = trained()
    d = SMALL.d_model
    model.blocks[0].qkv.weight.data[2 * d :] *= 100
    rounded = ptq.quantize(model, method, INT3, calibration(), "tensor").model
    for part in rounded.blocks[0].qkv.weight.split(d):
        assert 5 <= len(part.round(decimals=9).unique()) <= 7


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("text", "granularity", "bits"),
    [
        ("int4", "group:8", 4 + 16 / 8),
        ("int3-asymmetric", "channel", None),
        ("e2m1", "tensor", None),
        ("nf4", "group:8", 4 + 16 / 8),
        ("mxint8", "channel", 8 + 8 / 32),
    ],
)
def test_any_format_and_granularity(method, text, granularity, bits):
    config = dataclasses.replace(SMALL, d_model=32, d_mlp=64)
    model = trained(config=config)
    fmt = parse_format(text)
    if method == "hqq" and text.startswith("mx"):
        with pytest.raises(UserError, match="mxint8"):
            ptq.quantize(model, method, fmt)
        return
    report = ptq.quantize(model, method, fmt, calibration(), granularity).report
    assert report["output_error"].max() < 0.25 and (report["output_error"] > 0).all()
    assert not report["fallback"].any()
    assert (report["bits_per_parameter"] > fmt.bits).all()
    if bits:
        extra = 16 / 8 if method == "hqq" else 0  # a zero point a group
        assert report["bits_per_parameter"].tolist() == [bits + extra] * len(report)
    if text.startswith("mx") and method != "rtn":
        assert report["note"].str.contains("not clipped").all()


def test_activations_and_cache_are_quantized_as_a_model_trained_so_does():
    model = trained()
    low = Precision(activations="int6", kv_cache="int4")
    twin = Transformer(SMALL, low).double()
    twin.load_state_dict(model.state_dict())
    ids = calibration().rows[:2]
    formats = {"activations": "int6", "kv_cache": "int4"}
    result = ptq.quantize(model, "rtn", None, **formats)
    assert torch.equal(result.model.token_losses(ids), twin.token_losses(ids))
    assert result.model.precision == low and model.precision == Precision()
    assert result.report.empty
    assert not torch.equal(result.model.token_losses(ids), model.token_losses(ids))


@pytest.mark.parametrize("method", METHODS)
def test_weights_are_rounded_on_the_inputs_of_the_copy(method):
    """Formats put in place after training are there when the weights are rounded."""
    formats = {"activations": "int4", "kv_cache": "int4"}
    together = ptq.quantize(trained(), method, INT3, calibration(), **formats)
    twin = Transformer(SMALL, Precision(**formats)).double()
    twin.load_state_dict(trained().state_dict())
    alone = ptq.quantize(twin, method, INT3, calibration())
    for a, b in zip(together.model.parameters(), alone.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_rows_of_zeros_few_tokens_and_silent_inputs_are_no_obstacle():
    model = trained()
    model.blocks[0].out.weight.data[2:5] = 0
    model.blocks[0].mlp_norm.gain.data[[1, 3]] = 0
    few = ptq.Calibration("few", calibration().rows[:1, :9])
    result = ptq.quantize(model, "gptq", INT3, few)
    notes = result.report.set_index("layer")["note"]
    assert notes["blocks.0.qkv"] == "9 tokens for 16 inputs"
    assert "2 inputs without a signal" in notes["blocks.0.gate_up"]
    assert (result.model.blocks[0].out.weight[2:5] == 0).all()
    assert torch.isfinite(result.model.token_losses(calibration().rows[:2])).all()


@pytest.mark.parametrize("method", METHODS)
def test_inputs_that_overflow_end_in_rounding_to_nearest(method):
    """The Hessian of the first layer is infinite; its weights are sound."""
    model = trained()
    model.blocks[0].attention_norm.gain.data[0] = torch.inf
    result = ptq.quantize(model, method, INT3, calibration())
    first, weight = result.report.iloc[0], result.model.blocks[0].qkv.weight
    said = {"gptq": "NaN or infinity: rounded", "awq": "NaN or infinity: no scales"}
    assert said.get(method, "") in first["note"]
    assert first["fallback"] == (method == "gptq")
    if method != "hqq":
        nearest = ptq.quantize(trained(), "rtn", INT3, clip=CLIPS[method]).model
        assert torch.equal(weight, nearest.blocks[0].qkv.weight)


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
        (
            lambda m, c: ptq.Calibration.from_corpus(small_corpus(), 10**6),
            "it has \\d+ of",
        ),
        (lambda m, c: ptq.Calibration.from_batches("none", []), "at least one batch"),
        (
            lambda m, c: ptq.Calibration.from_corpus(small_corpus(), source="web"),
            "has no source 'web'; one of argparse",
        ),
        (lambda m, c: ptq.quantize(m, "hqq", INT3, clip="weights"), "leave clip out"),
        (lambda m, c: ptq.quantize(m, "rtn", INT3, kv_cache="int"), "unknown format"),
        (
            lambda m, c: ptq.quantize(nn.Linear(2, 2), "rtn", INT3, kv_cache="int4"),
            "can be quantized in a Transformer",
        ),
        (lambda m, c: ptq.quantize(nn.ReLU(), "rtn", INT3), "has no linear layer"),
        (
            lambda m, c: ptq.quantize(
                m, "awq", INT3, c, folds=[ptq.Fold("norms", ("blocks.0.qkv",))]
            ),
            "no module 'norms'",
        ),
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
