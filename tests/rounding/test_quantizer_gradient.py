"""What passes the backward pass: golden masks, and torch's own where it has one."""

import pytest
import torch

from precision_lib.errors import UserError
from precision_lib.formats import Int, parse_format
from precision_lib.rounding.quantizer import block_size, fake_quantize, quantize


def gradient(x, text, how, scale="absmax", block=None):
    x = torch.as_tensor(x).clone().requires_grad_()
    block = tuple(x.shape) if block is None else block
    y = fake_quantize(x, parse_format(text), block, scale, how)
    incoming = torch.arange(1.0, x.numel() + 1).reshape(x.shape)
    (grad,) = torch.autograd.grad(y, x, incoming)
    assert ((grad == 0) | (grad == incoming)).all()  # a mask, nothing else
    return (grad != 0).int().flatten().tolist()


# Levels -2 … 1 with scale 1 under "paper": 1.5 rounds to 2, which is clipped.
EDGES = [-2.0, -1.6, -1.0, 0.0, 1.0, 1.49, 1.5, 2.0]


@pytest.mark.parametrize(
    ("how", "mask"),
    [
        ("identity", [1, 1, 1, 1, 1, 1, 1, 1]),
        ("clipped", [1, 1, 1, 1, 1, 1, 0, 0]),
        ("trust", [1, 1, 1, 1, 1, 1, 0, 0]),
    ],
)
def test_golden_masks_of_integers(how, mask):
    # The saturated levels -2 and 1 keep their gradient whatever torch.clamp does.
    assert gradient(EDGES, "int2-paper", how) == mask


@pytest.mark.parametrize(
    ("how", "mask"),
    [
        ("identity", [1, 1, 1, 1, 1, 1]),
        ("clipped", [1, 1, 1, 1, 1, 1]),
        # e2m1 has 15 values from -6 to 6: half a mean step is 3/7. 2.4, 3.4 and -4.5
        # move by .4, .4 and .5, and 5.2 by .8.
        ("trust", [1, 1, 1, 0, 0, 1]),
    ],
)
def test_golden_masks_of_floats(how, mask):
    assert gradient([6.0, 2.4, 3.4, -4.5, 5.2, 0.0], "e2m1", how) == mask


def test_trust_on_quests_grid():
    # QuEST: |x - q| <= half a step, step = 2 c rms / (2^b - 1), mid-rise levels.
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 512, generator=generator)
    x[0, :4] = torch.tensor([9.0, -9.0, 3.0, -3.0])
    for bits, clip in {1: 0.79788, 2: 1.49353, 3: 2.05107, 4: 2.51400}.items():
        step = 2 * clip * x.square().mean(1, keepdim=True).sqrt() / (2**bits - 1)
        top = (2**bits - 1) / 2 * step
        q = (x.clamp(-top, top) / step - 0.5).round().add(0.5) * step
        q = q.clamp(-top, top)
        far = (x - q).abs() - step / 2
        sure = far.abs() > 1e-4 * step  # the published constants have six digits
        text, block = f"int{bits}-midrise", (1, 512)
        ours = torch.tensor(gradient(x, text, "trust", "gaussian", block)).view_as(x)
        assert torch.equal((ours == 1)[sure], (far <= 0)[sure])
        values = quantize(x, parse_format(text), block, "gaussian").values
        torch.testing.assert_close(values[sure], q[sure], rtol=1e-4, atol=0)
        assert (ours == 0).any()


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("grid", ["full", "paper", "no_clipping"])
def test_clipped_is_torchs_mask(bits, grid):
    # torch.fake_quantize has its own mask, which no version of clamp touches.
    x = torch.randn(32, 48, generator=torch.Generator().manual_seed(bits))
    fmt = Int(bits, grid)
    scale = quantize(x, fmt, (1, 48)).scale
    inner = x.abs() < x.abs().amax(1, keepdim=True) * 0.999  # off the ties at the ends
    copy = x.clone().requires_grad_()
    zeros = torch.zeros(32, dtype=torch.int32)
    y = torch.fake_quantize_per_channel_affine(copy, scale, zeros, 0, *fmt.range)
    y.sum().backward()
    ours = torch.tensor(gradient(x, fmt.name, "clipped", block=(1, 48))).view_as(x)
    assert torch.equal(ours[inner], copy.grad.int()[inner])


@pytest.mark.parametrize("text", ["int4", "int4-paper", "int4-asymmetric", "e3m2"])
def test_on_integers_trust_is_clipped(text):
    x = torch.randn(16, 64, generator=torch.Generator().manual_seed(3))
    for scale in ("absmax", "mse", "gaussian"):
        masks = {
            how: gradient(x, text, how, scale, (1, 64)) for how in ("trust", "clipped")
        }
        same = masks["trust"] == masks["clipped"]
        assert same == (not text.startswith("e"))


def test_where_nothing_clips_every_gradient_passes():
    # Beyond the ends of the grid there is nothing under absmax scaling.
    for text in ("int4", "int8-no_clipping", "e4m3fn", "nf4", "mxfp4-ceil"):
        x = torch.randn(4, 32, requires_grad=True)
        before = x.detach().clone()
        y = fake_quantize(x, parse_format(text), block_size("tensor", x.shape))
        incoming = torch.randn(4, 32)
        assert torch.equal(torch.autograd.grad(y, x, incoming)[0], incoming)
        assert torch.equal(x, before) and not torch.equal(y, before)


def test_what_comes_after_sees_the_rounded_numbers_in_its_gradient():
    x = torch.randn(4, 8, requires_grad=True)
    weight = torch.randn(3, 8, requires_grad=True)
    for how in ("clipped", "identity"):
        for text in ("int3", "int3-paper", "int3-asymmetric"):
            q = quantize(x.detach(), parse_format(text), (1, 8)).values
            y = fake_quantize(x, parse_format(text), (1, 8), straight_through=how)
            (grad,) = torch.autograd.grad((y @ weight.T).sum(), weight)
            torch.testing.assert_close(grad, q.sum(0).expand(3, 8))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_types_of_tensor_are_kept(dtype):
    x = torch.randn(4, 64, dtype=dtype, requires_grad=True)
    for text in ("int8-paper", "e2m1", "nf4", "mxfp4"):
        y = fake_quantize(x, parse_format(text), (4, 64), straight_through="trust")
        (grad,) = torch.autograd.grad(y, x, torch.ones_like(y))
        assert y.dtype == grad.dtype == dtype


def test_unknown_names():
    x = torch.ones(2, 4)
    with pytest.raises(UserError, match="estimator 'ste'"):
        fake_quantize(x, Int(4), (2, 4), straight_through="ste")
    with pytest.raises(UserError, match="scale 'max'"):
        fake_quantize(x, Int(4), (2, 4), scale="max")
