"""What is said of other people's runs: true where they are, said where they are not."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest

from precision_lib.errors import UserError
from precision_lib.figures import other_runs as figures_laws
from precision_lib.findings import (
    chinchilla as published,
    other_runs,
    other_runs_facts as say,
)
from precision_lib.findings.kept_results import kept_results
from precision_lib.laws import bootstrap, example_fit, example_table, fit
from precision_lib.runs.external import FOLDER_VARIABLE, load_external

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "23_other_peoples_runs.ipynb"


def chinchilla_points() -> pd.DataFrame | None:
    table = other_runs.table_or_none("chinchilla")
    said = other_runs.notice("chinchilla", table)
    assert ("is absent here" in said) == (table is None)
    return None if table is None else table[table["in_240"] == 1]


def test_fit_of_the_chinchilla_points_is_the_published_optimum() -> None:
    points = chinchilla_points()
    if points is None:
        return  # its absence was said, and checked, above
    ours = fit(points, "chinchilla")
    gap = ours.objective / published.BESIROGLU_OBJECTIVE - 1
    assert abs(gap) < 1e-6
    for name, value in published.BESIROGLU_HUBER.items():
        assert ours.params[name] == pytest.approx(value, rel=5e-4)
    direct = published.huber_sum(points, ours.params)
    assert direct == pytest.approx(ours.objective, rel=1e-12)
    assert ours.share_at_best > 0.95


def test_constants_of_the_published_abstract_are_the_least_deviation() -> None:
    points = chinchilla_points()
    if points is None:
        return
    deviation = fit(points, "chinchilla", loss="lad")
    assert len(other_runs.beside_abstract(deviation)) == 5
    for name, value in published.BESIROGLU_ABSTRACT.items():
        assert deviation.params[name] == pytest.approx(value, rel=3e-4)


def test_bootstrap_gives_the_published_intervals() -> None:
    points = chinchilla_points()
    if points is None:
        return
    draws = bootstrap(fit(points, "chinchilla"), replicates=2000, seed=1)
    for name, (low, high) in published.BESIROGLU_INTERVALS.items():
        ours = draws.interval(name)
        width = high - low
        assert ours == pytest.approx((low, high), abs=0.08 * width)


def test_first_published_constants_do_not_fit_and_the_mean_stops_early() -> None:
    points = chinchilla_points()
    if points is None:
        return
    best = published.BESIROGLU_OBJECTIVE
    rounded = published.huber_sum(points, published.HOFFMANN_ROUNDED)
    exact = published.huber_sum(points, published.HOFFMANN)
    assert 4 < rounded / best < 4.1 and 1.2 < exact / best < 1.22
    mean = published.fit_by_default(points, "mean", 40, seed=3)
    summed = published.fit_by_default(points, "sum", 40, seed=3)
    assert mean["objective"].min() > 2 * best
    assert summed["objective"].min() == pytest.approx(best, rel=1e-5)


def test_mean_stops_earlier_than_the_sum_on_made_up_runs_too() -> None:
    table = pd.DataFrame(example_table())
    mean = published.fit_by_default(table, "mean", 25)
    summed = published.fit_by_default(table, "sum", 25)
    assert mean["objective"].min() > summed["objective"].min()
    assert mean["iterations"].median() < summed["iterations"].median()
    assert summed["objective"].is_monotonic_increasing
    best = summed.iloc[0]
    again = published.huber_sum(table, best[["E", "A", "alpha", "B", "beta"]].to_dict())
    assert again == pytest.approx(best["objective"], rel=1e-9)
    assert published.fit_by_default(table, "sum", 25).equals(summed)
    with pytest.raises(UserError, match="use mean or sum"):
        published.fit_by_default(table, "median", 5)
    with pytest.raises(UserError, match="give 1 to 4500"):
        published.fit_by_default(table, "sum", 4501)


def test_weight_only_runs_bound_gamma_but_not_the_base_law() -> None:
    quest = load_external("quest")
    weights = quest[quest["group"].isin(["weight_only", "bf16"])]
    held = other_runs.holding(weights, "effective-weights-no-offset", "E", (0.0, 1.5))
    spread = held["objective"].max() / held["objective"].min() - 1
    assert spread < 0.01, "E may be anything"
    assert held["gamma_weights"].between(2.1, 3.4).all()
    both = quest[quest["group"].isin(["quest", "bf16"])]
    table = other_runs.multiplier_table(
        fit(both, "bits-multiplier"), other_runs.QUEST_MULTIPLIERS
    )
    assert (table["ours"] - table["published"]).abs().max() < 0.03


def test_kept_results_are_those_of_the_points() -> None:
    kept, points = kept_results("chinchilla"), chinchilla_points()
    assert kept["facts"]["objective-verdict"] == "agrees"
    assert kept["objective"] == pytest.approx(published.BESIROGLU_OBJECTIVE, rel=1e-6)
    if points is not None:
        assert kept["objective"] == pytest.approx(fit(points, "chinchilla").objective)


def test_texts_follow_the_numbers() -> None:
    runs, free = pd.DataFrame(example_table()), example_fit()
    draws = bootstrap(free, replicates=60)
    found = say.chinchilla_facts(runs, free, draws)
    assert found["objective-verdict"] == "differs", "these are not the same runs"
    assert float(found["tokens-ours"]) > 0
    low, high = found["tokens-ours-interval"].split(" to ")
    assert float(low) <= float(found["tokens-ours"]) <= float(high)
    stops = pd.DataFrame({"objective": [1.0, 1.0, 1.5, 9.0]})
    peers = say.peer_facts(stops + 1, stops, 1.0)
    assert peers["sum-share"] == "50%" and peers["mean-share"] == "0%"
    assert peers["mean-best-excess"] == "2.00"


def test_figures_show_what_they_are_given() -> None:
    figure = figures_laws.plot_stops({"a": np.array([1.0, 3.0])}, 1.0)
    (line,) = figure.axes[0].lines
    assert line.get_xdata().tolist()[:2] == [1e-9, 2.0]
    assert line.get_ydata().tolist()[:2] == [0.5, 1.0]
    runs = pd.DataFrame(example_table())
    figure = figures_laws.plot_residuals(runs, {"x": np.full(30, 0.01)})
    offsets = figure.axes[0].collections[0].get_offsets()
    assert np.allclose(offsets[:, 1], 1.0)


@pytest.mark.slow
def test_page_is_whole_without_the_tables_that_are_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        str(NOTEBOOK), str(out), cwd=str(NOTEBOOK.parent), progress_bar=False
    )
    cells = nbformat.read(out, 4).cells
    outputs = [o for cell in cells for o in cell.get("outputs", [])]
    printed = "".join(o.text for o in outputs if o.output_type == "stream")
    for name in ("chinchilla", "quartet2"):
        assert f"The table '{name}' is absent here; shown is what" in printed
    glued = {
        o.metadata["scrapbook"]["name"]
        for o in outputs
        if "scrapbook" in o.get("metadata", {})
    }
    used = {
        part.split("`")[0]
        for cell in cells
        if cell.cell_type == "markdown"
        for part in cell.source.split("{glue:text}`")[1:]
    }
    assert used == glued, "each text is computed, and each is used"
    figures = [cell for cell in cells if "figure" in cell.metadata.get("mystnb", {})]
    for cell in figures:
        assert any("image/svg+xml" in o.get("data", {}) for o in cell.outputs)
