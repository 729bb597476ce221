"""The step against torch's own optimizer, its lanes, and the compiler's view of it."""

import dataclasses

import pytest
import torch

from precision_lib.errors import UserError
from precision_lib.formats import Int
from precision_lib.model.config import Precision
from precision_lib.rounding.lane_integer import LaneInt, largest_code
from precision_lib.rounding.quantizer import block_size, fake_quantize
from precision_lib.training.compiling import can_compile, compiled
from precision_lib.training.config import RunConfig, learning_rate
from precision_lib.training.optimize import new_lanes, new_model
from precision_lib.training.state import State, named_parameters
from precision_lib.training.trainer import train, train_lanes
from tests.helpers import SMALL, small_corpus

CONFIG = RunConfig(SMALL, tokens=5120, batch_size=4, peak_lr=0.02, engine="eager")
ALL = Precision("int4", "int4", "int4")


def changed(**changes):
    return dataclasses.replace(CONFIG, **changes)


def test_a_step_is_torchs_adamw_behind_its_clipping():
    lanes = new_lanes([changed(gradient_clip=0.5)], small_corpus())
    model = new_model(CONFIG)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": gains}],
        betas=(0.9, 0.95),
        weight_decay=0.0,
    )
    for step in range(CONFIG.steps):
        rows = lanes.tokens[lanes.order[step, 0][:, None] + lanes.offsets].long()
        loss = model(rows)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, CONFIG)
        optimizer.step()
        torch.testing.assert_close(lanes.step()[0], loss.detach(), rtol=1e-4, atol=0)
    expected = State.of(model).weights
    torch.testing.assert_close(lanes.weights[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", [Precision(), ALL], ids=["plain", "int4"])
def test_a_lane_is_its_run_alone(precision):
    configs = [
        changed(precision=precision, seed=0),
        changed(precision=precision, seed=1, peak_lr=0.01, weight_decay=0.0),
        changed(precision=precision, seed=1, schedule="linear", final_lr=0.0),
    ]
    together = train_lanes(configs, small_corpus())
    for config, lane in zip(configs, together, strict=True):
        alone = train(config, small_corpus())
        near = 1e-4 if precision == Precision() else 0.02  # roundings flip
        assert lane.record["loss"] == pytest.approx(alone.record["loss"], abs=near)
        assert lane.record["run_id"] == config.run_id
        assert lane.record["lanes"] == 3 and alone.record["lanes"] == 1
        assert len(lane.record["curve"]) == len(alone.record["curve"])


def test_lanes_may_differ_in_the_width_of_integers():
    formats = [
        Precision(),
        ALL,
        Precision(weights="int3"),
        Precision(activations="int6", kv_cache="int2", queries="int5"),
    ]
    configs = [changed(precision=precision) for precision in formats]
    together = train_lanes(configs, small_corpus())
    for config, lane in zip(configs, together, strict=True):
        alone = train(config, small_corpus())
        near = 1e-4 if config.precision == Precision() else 0.02  # roundings flip
        assert lane.record["loss"] == pytest.approx(alone.record["loss"], abs=near)
        assert lane.record["weight_bits"] == alone.record["weight_bits"]
        assert lane.model.precision == config.precision


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("granularity", ["tensor", "token", "group:8"])
def test_an_integer_of_a_lane_is_the_integer_itself(bits, granularity):
    x = torch.randn(4, 16, generator=torch.Generator().manual_seed(bits))
    x[0] = 0
    block = block_size(granularity, x.shape)
    lane = LaneInt()
    lane.top.fill_(largest_code(f"int{bits}"))
    mine, fixed = (x.clone().requires_grad_() for _ in range(2))
    weights = torch.randn(4, 16, generator=torch.Generator().manual_seed(1))
    ours, theirs = (
        fake_quantize(mine, lane, block),
        fake_quantize(fixed, Int(bits), block),
    )
    assert torch.equal(ours, theirs)
    (ours * weights).sum().backward()
    (theirs * weights).sum().backward()
    assert torch.equal(mine.grad, fixed.grad)
    lane.top.zero_()
    assert torch.equal(fake_quantize(x, lane, block), x)


def test_other_grids_are_no_lanes_of_one_step():
    formats = [Precision(weights="int4-full"), Precision(weights="e2m1")]
    formats += [Precision(weights="int4", scale="mse")]
    assert len({changed(precision=p).lane for p in [Precision(), *formats]}) == 4


def test_a_lane_that_diverges_leaves_the_others_alone():
    configs = [CONFIG, changed(peak_lr=1e9)]
    good, bad = train_lanes(configs, small_corpus())
    assert bad.record["status"] == "diverged"
    assert good.record["loss"] == pytest.approx(
        train(CONFIG, small_corpus()).record["loss"], abs=1e-4
    )


def test_runs_of_two_shapes_are_no_lanes():
    with pytest.raises(UserError, match="differ in seed, rates and widths"):
        train_lanes([CONFIG, changed(batch_size=2)], small_corpus())


COMPILED = [
    Precision("int4", "int4", "int4"),
    Precision("int1-midrise", "e3m0", "nf4", rotation=64, straight_through="trust"),
]
HOW = [
    {"weight_granularity": "tensor", "activation_granularity": "token"},
    {"weight_granularity": "group:8", "activation_granularity": "group:8"},
    {"scale": "gaussian", "straight_through": "trust"},
    {"scale": "mse"},
    {"straight_through": "identity", "queries": "int6"},
]
FORMATS = ["int4-paper", "int4-asymmetric", "e2m1", "e5m2ieee", "mxfp4", "nvfp4"]
COMPILED += [Precision("int4", "int4", "int4", **how) for how in HOW]
COMPILED += [Precision(text, text, "int3") for text in FORMATS]


@pytest.mark.slow
@pytest.mark.parametrize("precision", COMPILED)
def test_the_compiler_sees_through_every_format(precision):
    """As one graph, of two lanes, with the gradient of the plain path.

    A rotation has two sizes here: runs of 32 in the width, of 64 in the MLP.
    """
    shape = dataclasses.replace(SMALL, d_model=32, d_mlp=64, n_layers=1)
    config = changed(model=shape, precision=precision, sequence=32, batch_size=2)
    lanes = new_lanes([config, dataclasses.replace(config, seed=1)], small_corpus())
    rows = lanes.tokens[lanes.order[0][..., None] + lanes.offsets].long()
    graph = compiled(lanes._gradients, backend="aot_eager")
    gradients, losses = graph(lanes.weights, lanes.widths, rows)
    torch._dynamo.reset()
    for i, seed in enumerate((0, 1)):
        model = new_model(dataclasses.replace(config, seed=seed))
        loss = model(rows[i])
        loss.backward()
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        torch.testing.assert_close(losses[i], loss.detach(), rtol=1e-3, atol=0)
        error = (gradients[i] - gradient).norm() / gradient.norm()
        assert error < 0.05  # another order of sums flips a few roundings


@pytest.mark.slow
@pytest.mark.skipif(not can_compile("cpu"), reason="no step can be compiled here")
@pytest.mark.parametrize("precision", [Precision(), ALL], ids=["plain", "int4"])
def test_compiled_training_ends_where_eager_training_ends(precision):
    """Over seeds: a rounding that moves sends one run elsewhere, and no mean."""
    shape = dataclasses.replace(SMALL, n_layers=1)
    config = changed(model=shape, precision=precision, tokens=40_960)
    eager = [dataclasses.replace(config, seed=seed) for seed in range(8)]
    fast = [dataclasses.replace(config, engine="compiled") for config in eager]
    runs, again, expected = (
        train_lanes(configs, small_corpus()) for configs in (fast, fast, eager)
    )
    gaps = [
        run.record["loss"] - other.record["loss"]
        for run, other in zip(runs, expected, strict=True)
    ]
    one, mean = (1e-3, 2e-4) if precision == Precision() else (0.08, 0.02)
    assert max(map(abs, gaps)) < one and abs(sum(gaps) / len(gaps)) < mean
    assert {r.record["engine"] for r in (*runs, *expected)} == {"compiled", "eager"}
    for run, other in zip(runs, again, strict=True):
        assert torch.equal(run.state.weights, other.state.weights)


def test_a_run_that_starts_from_another_goes_on_with_it(tmp_path):
    flat = {"schedule": "constant", "warmup": 0.0}
    whole = changed(**flat)
    half = changed(**flat, tokens=2560)
    rest = changed(**flat, tokens=2560, start_from=half)
    first = train(half, small_corpus())
    first.state.save(tmp_path / f"{half.run_id}.state")
    second = train(rest, small_corpus(), states=tmp_path)
    again = train(rest, small_corpus())  # trains the first half itself
    expected = train(whole, small_corpus())
    for run in (second, again):
        assert torch.equal(run.state.weights, expected.state.weights)
        assert run.record["loss"] == expected.record["loss"]
    assert second.record["D"] == expected.record["D"] == 5120
    assert second.record["curve"][-1][0] == 5120
    assert second.record["start_from"] == half.run_id != rest.run_id


def test_a_second_phase_may_have_another_precision():
    half = changed(tokens=2560, schedule="constant")
    rest = changed(tokens=2560, precision=ALL, start_from=half)
    run = train(rest, small_corpus())
    assert run.model.precision == ALL
    assert named_parameters(run.model, run.state.weights).keys()
    with pytest.raises(UserError, match="it starts from differ in seed"):
        changed(seed=1, start_from=half)


def test_an_engine_that_is_not_there(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UserError, match="no step can be compiled here"):
        train(changed(engine="compiled"), small_corpus())
    assert not changed(engine="auto", tokens=10**9).compiles
    with pytest.raises(UserError, match="unknown engine 'fast'"):
        changed(engine="fast")
