"""Claims of others: planted answers come back, and the arithmetic is that of others."""

from __future__ import annotations

import itertools

import ml_dtypes
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from precision_lib.findings import crest, format_error, rival_claims, rival_numbers
from precision_lib.formats import parse_format
from precision_lib.formats.gaussian import gaussian_absmax_error
from precision_lib.laws import get_law, planted_params
from precision_lib.rounding import fake_quantize
from precision_lib.runs.run_table import load_runs

SIZES, TOKENS = (2e4, 5e4, 1e5, 2e5), (4e5, 8e5, 1.6e6)
FORMATS = ["float32", "int2", "int3", "int4", "e2m0", "e3m0", "e2m1", "e4m1"]


def made_runs(name: str, known: dict[str, float]) -> pd.DataFrame:
    """Runs of every format in every cell, with the losses of a law."""
    rows = list(itertools.product(SIZES, TOKENS, FORMATS))
    runs = pd.DataFrame(rows, columns=["N", "D", "weight_format"])
    bits = [32, 2, 3, 4, 3, 4, 4, 6]
    runs["weight_bits"] = runs["weight_format"].map(
        dict(zip(FORMATS, bits, strict=True))
    )
    runs = runs.assign(activation_bits=32, kv_bits=32, seed=0, status="finished")
    runs = format_error.with_gmse(runs.assign(sweep="base", d_model=64))
    law = get_law(name)
    given = {}
    for p in law.parameters:
        one = known.get(p.name)
        per = [known.get(f"{p.name}[{f}]", 1.0) for f in runs["weight_format"]]
        given[p.name] = np.array(per) if one is None else one
    columns = [runs[name] for name in law.columns()]
    return runs.assign(loss=law.predict(*columns, **given))


@pytest.mark.parametrize(
    "name", ["int2", "int3", "int4", "int8", "e2m1", "e3m0", "e4m3"]
)
@pytest.mark.parametrize("count", [16, 96])
def test_error_under_absmax_is_that_of_rounded_noise(name: str, count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20_000, count, generator=generator, dtype=torch.float64)
    error = (fake_quantize(x, parse_format(name), (1, count)) - x).square()
    spread = float(error.mean(1).std()) / len(x) ** 0.5
    found = gaussian_absmax_error(parse_format(name), count)
    assert found == pytest.approx(float(error.mean()), abs=5 * spread)


def test_planted_shares_of_size_and_data_come_back() -> None:
    known = {**planted_params(get_law("quartet")), "E": 1.2, "A": 2e3, "B": 1e4}
    known = {k: v for k, v in known.items() if "[" not in k}
    known |= {"eff_N[int2]": 0.2, "eff_N[int3]": 0.6, "eff_N[int4]": 0.9}
    found = rival_claims.kept_shares(made_runs("quartet", known), 5)["estimate"]
    kinds = ["int2", "int3", "int4"]
    assert found["eff_N"][kinds].tolist() == pytest.approx([0.2, 0.6, 0.9], rel=1e-3)
    assert found["eff_D"][kinds].tolist() == pytest.approx([1, 1, 1], rel=1e-3)


def test_exponents_of_twins_that_are_alike_do_not_differ() -> None:
    runs = load_runs()
    runs = runs[runs["sweep"].isin(["base", "ladder"])]
    low = runs["weight_bits"].eq(3)
    twin = runs[runs["sweep"].eq("base")].set_index(["N", "D", "seed"])["loss"]
    cells = pd.MultiIndex.from_frame(runs.loc[low, ["N", "D", "seed"]])
    same = runs.copy()
    same.loc[low, "loss"] = twin.reindex(cells).to_numpy()
    found = rival_claims.exponents_by_width(same, draws=10)
    assert found[["estimate", "low", "high"]].abs().to_numpy().max() < 1e-6


def test_a_claim_is_beside_its_number_and_no_other() -> None:
    found = pd.DataFrame({"estimate": 1.0, "low": 0.5, "high": 2.0}, ["MX", "NV"])
    table = rival_numbers.beside_claims({"crest": found, "size": found.iloc[:1]})
    assert table["least"].tolist() == [-np.inf, 2.04, 2.39]
    assert rival_numbers.in_words(table)["claimed"].tolist() == [
        "below 1", "2.04", "2.39",
    ]  # fmt: skip


def test_rank_correlation_over_all_runs_is_spearman_s() -> None:
    generator = np.random.default_rng(0)
    count = 30
    ptq = pd.DataFrame({"run_id": range(count), "N": np.arange(count) % 3, "D": 1})
    ptq = ptq.assign(method="rtn", post_bits=3, delta=generator.standard_normal(count))
    tails = {c: generator.standard_normal(count) for c in rival_claims.TAILS.values()}
    found = rival_claims.tails_and_cost(
        ptq,
        pd.DataFrame({"run_id": range(count), **tails}),
        "rtn",
        3,
        within=False,
        draws=20,
    )
    for what, column in rival_claims.TAILS.items():
        expected = spearmanr(tails[column], ptq["delta"]).statistic
        assert found.loc[what, "estimate"] == pytest.approx(expected)


def test_rank_correlation_within_cells_leaves_out_what_differs_between_them() -> None:
    ptq = pd.DataFrame({"run_id": range(9), "N": np.repeat([1, 2, 3], 3), "D": 1})
    inside = np.tile([0.0, 1.0, 2.0], 3)
    ptq = ptq.assign(method="rtn", post_bits=3, delta=10 * ptq["N"] - inside)
    tails = dict.fromkeys(rival_claims.TAILS.values(), 10 * ptq["N"] + inside)
    table = pd.DataFrame({"run_id": range(9), **tails})
    inside, every = (
        rival_claims.tails_and_cost(ptq, table, "rtn", 3, within=within, draws=20)
        for within in (True, False)
    )
    assert inside["estimate"].iloc[0] == pytest.approx(-1.0)
    assert every["estimate"].iloc[0] > 0.7


def test_four_bit_floats_are_those_of_ml_dtypes() -> None:
    blocks = np.random.default_rng(0).standard_normal((50, 16))
    scale = np.abs(blocks).max(axis=1, keepdims=True) / 6
    near = (blocks / scale).astype(ml_dtypes.float4_e2m1fn).astype(float) * scale
    expected = ((near - blocks) ** 2).sum(1) / (blocks**2).sum(1)
    found = crest.block_errors(blocks, crest.RIVALS["float"], False)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_powers_of_two_as_scales_clip_nothing_and_cost_more() -> None:
    blocks = np.random.default_rng(1).standard_normal((400, 32))
    for fmt in crest.RIVALS.values():
        fine, coarse = (crest.block_errors(blocks, fmt, p) for p in (False, True))
        assert coarse.mean() > fine.mean()


def test_the_crossing_is_where_the_errors_are_the_same() -> None:
    at = np.repeat(np.linspace(1.5, 3.0, 31), 100)
    table = pd.DataFrame({"matrix": np.tile(np.arange(10), 310), "crest": at})
    table["float"] = 0.01
    table["int"] = 0.01 * at / 2.2
    found = crest.crossing(table, draws=50)
    assert found["estimate"] == pytest.approx(2.2, abs=0.005)
    with pytest.warns(RuntimeWarning, match="All-NaN"):
        assert np.isnan(crest.crossing(table.assign(int=1.0), draws=5)["estimate"])
