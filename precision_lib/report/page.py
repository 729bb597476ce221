"""A report as one HTML page that needs nothing else: no script, no network."""

from __future__ import annotations

import importlib.metadata
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from precision_lib.decide.decision import LABELS, brief
from precision_lib.paths import write_whole
from precision_lib.report.build import Report
from precision_lib.report.decisions import COSTS, ROUNDING, Advice, rounding_surface
from precision_lib.report.figures import (
    among_the_runs,
    residuals,
    rounded_loss,
    runs_and_law,
    shares,
)
from precision_lib.report.svg import Picture
from precision_lib.report.width_figures import by_width, cost_by_width, over_the_start

MOST_FAULTS = 500


def render(report: Report, title: str = "", command: str = "") -> str:
    """The page.

    `report`: from :func:`precision_lib.report.build.make_report`; `title`: heading; the
    name of the source without it. `command`: that made it, to be shown at its foot.

    >>> from precision_lib.report.build import example_report
    >>> page = render(example_report(), "My runs")
    >>> "<h1>My runs</h1>" in page, "<script" in page, "://" in page
    (True, False, False)
    """
    checked = report.checked
    return _template().render(
        title=title or f"Scaling laws of {Path(checked.source).name}",
        summary=report.summary(),
        report=report,
        checked=checked,
        laws=[
            {"found": found, "pictures": [
                runs_and_law(found, f"runs{number}"),
                residuals(found, f"errors{number}"),
                *shares(found, f"shares{number}"),
            ]} for number, found in enumerate(report.laws)
        ],
        advice=[
            {
                "said": each,
                "columns": [(name, LABELS[name]) for name in each.answers[0].values
                            if name in LABELS],
                "pictures": [_drawn(report, each, number)],
            } for number, each in enumerate(report.advice)
        ],
        faults=checked.faults[:MOST_FAULTS],
        ranges=_ranges(report),
        command=command,
        version=importlib.metadata.version("precision-lib"),
    )  # fmt: skip


def write_page(text: str, path: str | os.PathLike[str]) -> None:
    """Write a page, whole or not at all.

    Raises UserError: it cannot be written there.

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> write_page("<p>Hello", Path(folder.name) / "page.html")
    >>> [each.name for each in Path(folder.name).iterdir()]
    ['page.html']
    >>> folder.cleanup()
    """
    write_whole(Path(path), text.encode())


@lru_cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("precision_lib.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["brief"] = brief
    environment.filters["percent"] = lambda share: f"{100 * share:.3g}%"
    environment.filters["span"] = lambda ends: f"{brief(ends[0])} to {brief(ends[1])}"
    return environment.get_template("report.html")


def _drawn(report: Report, advice: Advice, number: int) -> Picture:
    if advice.widths is not None:
        return by_width(advice.widths, f"widths{number}")
    if advice.title == COSTS:
        return cost_by_width(advice, f"costs{number}")
    base = next(each for each in report.laws if each.fit.law.target == "loss")
    if "D_start" in advice.answers[0].values:
        return over_the_start(base, advice, f"start{number}")
    if advice.title != ROUNDING:
        return among_the_runs(base, advice, f"plane{number}")
    after = [each for each in report.laws if each.fit.law.target == "delta"]
    table = (after or [base])[0].choice.table
    N = float(report.size or table["N"].max())
    return rounded_loss(rounding_surface(report.laws), advice, N, f"rounded{number}")


def _ranges(report: Report) -> list[dict[str, Any]]:
    """Each column that was used: its name in the file, unit, range and levels."""
    checked, units = report.checked, report.units
    said = {"N": units.parameters, "D": units.tokens}
    said |= dict.fromkeys(("loss", "post_loss", "delta"), units.loss)
    rows = []
    for name, column in checked.columns.items():
        values = checked.table[name].dropna()
        numeric = values.dtype.kind == "f" and len(values)
        ends = (brief(values.min()), brief(values.max())) if numeric else ("", "")
        row = {"name": name, "column": column, "unit": said.get(name, "")}
        row |= dict(zip(("low", "high"), ends, strict=True))
        rows.append(row | {"levels": values.nunique()})
    return rows
