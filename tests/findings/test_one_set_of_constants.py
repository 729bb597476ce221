"""Chapters, explorer, command line and report say the same of our runs."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from precision_lib.cli import laws as commands
from precision_lib.cli.app import make_app
from precision_lib.cli.reading import Reading
from precision_lib.decide import critical_data, surface
from precision_lib.findings import best_bits
from precision_lib.findings.explorer_constants import (
    fitted_runs,
    our_constants,
    page_data,
)
from precision_lib.findings.measured import load_measured
from precision_lib.findings.our_laws import (
    KEPT,
    TABLES,
    kept_laws,
    load_tables,
    our_laws,
)
from precision_lib.findings.twins import PARTS, law_roundings
from precision_lib.laws import Fit, fit
from precision_lib.paths import DATA
from precision_lib.report.choice import choose
from precision_lib.runs import load_runs

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TOLERANCE = 1e-9


def chapter(start: str, wanted: tuple[str, ...], known: dict[str, Any]) -> dict:
    """The statements of a chapter that assign `wanted`, executed in its order."""
    (path,) = NOTEBOOKS.glob(f"{start}*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = dict(known)
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        for node in ast.parse("".join(cell["source"])).body:
            if not isinstance(node, ast.Assign):
                continue
            names = [n.id for n in ast.walk(node.targets[0]) if isinstance(n, ast.Name)]
            if names[:1] and names[0] in wanted:
                exec(compile(ast.Module([node], []), path.name, "exec"), found)  # noqa: S102
    return found


@pytest.fixture(scope="module")
def chapters() -> tuple[Fit, Fit]:
    """The laws of chapters 10 and 4, as their own lines fit them."""
    ten = chapter("10", ("seed", "rows", "law"),
                  {"fitted_runs": fitted_runs, "load_runs": load_runs,
                   "fit": fit})  # fmt: skip
    four = chapter("04", ("seed", "method", "measured", "wide", "roundings", "whole"),
                   {"load_measured": load_measured, "law_roundings": law_roundings,
                    "fit": fit})  # fmt: skip
    return ten["law"], four["whole"]


def same(one: Fit, other: Fit) -> None:
    assert one.law.name == other.law.name and one.n == other.n
    assert one.params == pytest.approx(other.params, rel=TOLERANCE, abs=TOLERANCE)


def test_the_explorer_has_the_constants_of_the_chapters(chapters) -> None:
    ours = json.loads(page_data(replicates=2))["sets"][0]
    for text, known in zip(ours["fits"], chapters, strict=True):
        same(Fit.from_json(text), known)
    assert "3 bits and more" in ours["label"] and "GPTQ" in ours["label"]


def test_the_command_line_answers_from_the_constants_of_the_chapters(chapters) -> None:
    app = make_app(commands.COMMANDS)

    def ask(*arguments: object) -> dict[str, float]:
        words = ["decide", "ours", *map(str, arguments), "--json"]
        return json.loads(CliRunner().invoke(app, words).output)["values"]

    base, added = chapters
    best = best_bits.best_bits(base, 1e12).values
    assert ask("optimal-precision", "--budget", 1e12) == pytest.approx(
        best, rel=TOLERANCE
    )
    data = critical_data(surface(base, added), 1e5, 3).values
    found = ask("critical-data", "--N", 1e5, "--post-bits", 3)
    assert found == pytest.approx(data, rel=TOLERANCE)


def test_a_report_on_the_same_rows_finds_the_same_constants(
    chapters, tmp_path: Path
) -> None:
    base, added = chapters
    loaded, ptq = load_tables()
    runs = fitted_runs(loaded)
    runs[["N", "D", "loss", *PARTS.values()]].to_csv(tmp_path / "runs.csv", index=False)
    (choice,) = choose(Reading().read(tmp_path / "runs.csv").table)
    same(fit(choice.table, choice.law, fixed=choice.fixed), base)
    rows = law_roundings(ptq, (3, 6), "gptq")
    columns = ["N", "D", "loss", "post_bits", "delta", *PARTS.values()]
    rows[columns].to_csv(tmp_path / "ptq.csv", index=False)
    choice = choose(Reading().read(tmp_path / "ptq.csv").table)[-1]
    same(fit(choice.table, choice.law, fixed=choice.fixed), added)


@pytest.mark.slow
def test_the_kept_laws_are_those_of_a_refit() -> None:
    ours = our_constants(*load_tables(), judge=True)
    again = [fit for fit in (ours.base, ours.degradation) if fit]
    for kept, fresh in zip(our_laws(), again, strict=True):
        same(kept, fresh)
        assert (kept.misfits, kept.tried) == (fresh.misfits, fresh.tried)
        assert [t.law for t in kept.ties] == [t.law for t in fresh.ties]
        for name, ends in fresh.ci.items():
            assert kept.ci[name] == pytest.approx(ends, abs=0.01 * (ends[1] - ends[0]))


@pytest.mark.slow
def test_kept_laws_of_other_rows_are_not_used(tmp_path: Path) -> None:
    for name in TABLES:
        shutil.copy(DATA / name, tmp_path)
    kept = json.loads((DATA / KEPT).read_text(encoding="utf-8"))
    kept["fits"] = kept["fits"][:1]
    (tmp_path / KEPT).write_text(json.dumps(kept), encoding="utf-8")
    assert len(our_laws(tmp_path)) == 1
    with (tmp_path / TABLES[1]).open("a", encoding="utf-8") as table:
        table.write("\n")
    assert len(our_laws(tmp_path)) == 2


def test_the_kept_laws_are_of_the_rows_that_there_are() -> None:
    assert kept_laws() is not None, "rows were added; run python -m tools.our_laws"


def test_a_set_of_constants_names_its_runs() -> None:
    ours = our_constants(*load_tables(), replicates=2)
    assert ours.base.ranges["activation_bits"][0] == 3
    assert ours.degradation is not None
    assert ours.degradation.ranges["post_bits"] == (3, 6)
