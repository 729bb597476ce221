"""Bring counts, hours, noise and recreated rows in data/README.md up to the tables.

python -m tools.data_readme
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from precision_lib.findings.twins import law_roundings, law_runs, with_part, with_twins
from precision_lib.paths import DATA, label, tables_of
from precision_lib.runs.run_table import load_costs, load_ptq, load_runs
from precision_lib.sweep.plans import read_plan
from tools.recreated import summary

README = DATA / "README.md"
RECREATED = re.compile(
    r"(?<=<!-- recreated -->\n).*?(?=<!-- end of recreated -->)", re.DOTALL
)
NOISE = re.compile(r"(?<=<!-- noise -->\n).*?(?=<!-- end of noise -->)", re.DOTALL)
NOISE_2 = re.compile(
    r"(?<=<!-- noise of the second -->\n).*?(?=<!-- end of the second -->)", re.DOTALL
)
BLOCKS = ("base", "ladder", "bits")  # of the second table, with their rule's settings


def main() -> None:
    """Rewrite the file in place."""
    README.write_text(updated(README.read_text("utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """The text with what the tables say now."""
    for path in sorted(DATA.glob("**/plans/*.yaml")):
        name, (count, hours) = label(path), progress(path)
        row = re.compile(rf"^\| `{name}` \| [^|]* \| [^|]* \|", re.MULTILINE)
        text, found = row.subn(f"| `{name}` | {count} | {hours} |", text)
        if found != 1:
            raise SystemExit(f"data/README.md has {found} rows for {name}")
        price = re.compile(rf"^(\| `{name}` \|.*?\|.*?\|) [\d,]+M tokens", re.MULTILINE)
        text = price.sub(rf"\1 {tokens(path):,.0f}M tokens", text)
    text = RECREATED.sub(lambda _: summary(), text)
    text = NOISE.sub(lambda _: noise_floor(), text)
    return NOISE_2.sub(lambda _: second_noise_floor(load_runs(DATA / "runs.csv")), text)


def progress(plan: Path) -> tuple[str, str]:
    """How many of a plan's runs are done, and the core-hours that they took."""
    ids = {config.run_id for config in read_plan(plan).configs()}
    costs = tables_of(plan) / "costs.csv"
    seconds = pd.Series(dtype=float)
    if costs.exists():
        seconds = load_costs(costs).set_index("run_id")["seconds"]
    mine = seconds[seconds.index.isin(ids)]
    count = str(len(ids)) if len(mine) == len(ids) else f"{len(mine)} of {len(ids)}"
    return count, f"{mine.sum() / 3600:.1f}"


def tokens(plan: Path) -> float:
    """Millions of tokens that its runs see."""
    return sum(config.tokens for config in read_plan(plan).configs()) / 1e6


def noise_floor() -> str:
    """Standard deviation over seeds of unquantized runs, pooled within a size."""
    loss = _spread(law_runs(load_runs(table="short")), ["N", "D"], "loss")
    columns = {"loss": loss}
    for method in ("rtn", "gptq"):
        rounded = law_roundings(load_ptq(table="short"), (3, 3), method)
        columns[f"delta, {method}"] = _spread(rounded, ["N", "D"], "delta")
    lines = [
        "| N | groups of seeds | loss | delta at 3 bits, RTN | delta at 3 bits, GPTQ |",
        "|---|---|---|---|---|",
    ]
    table = pd.concat(columns, axis=1)
    for size in table.index.unique("N"):
        here = table.loc[size].dropna()
        if here.empty:
            continue
        pooled = here.pow(2).mean().pow(0.5)
        numbers = " | ".join(f"{value:.4f}" for value in pooled)
        lines.append(f"| {size:,} | {len(here)} | {numbers} |")
    return "\n".join(lines) + "\n"


def second_noise_floor(runs: pd.DataFrame) -> str:
    """Spread over seeds at one N and D, by precision: of losses, and of twins.

    Seeds differ from the mean of their cell. A run whose twin, the unquantized run of
    its seed, differs alike owes the difference to the seed: the last column is the
    correlation of the two, and the one before the spread that is left of their gap.
    """
    cells = ["N", "D"]
    chosen = law_runs(runs[runs["sweep"].isin(BLOCKS)], "any")
    plain, low = law_runs(chosen), with_part(with_twins(chosen))
    low = low.query("part != 'several'")  # these differ in more than the seed
    parts = [("none", plain.assign(twin_loss=float("nan"), cost=float("nan")))]
    parts += [
        (f"{part}, {bits} bits", t) for (part, bits), t in low.groupby(["part", "bits"])
    ]
    lines = [
        "| N | D | quantized | seeds | loss | cost against the twin | correlation |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, table in parts:
        for (N, D), cell in table.groupby(cells):
            if len(cell) < 2:
                continue
            spread = cell[["loss", "cost"]].std(ddof=1)
            alike = cell["loss"].corr(cell["twin_loss"]) if len(cell) > 2 else None
            numbers = [f"{spread['loss']:.4f}", *_shown(spread["cost"], alike)]
            lines.append(
                f"| {N:,} | {D:,} | {name} | {len(cell)} | {' | '.join(numbers)} |"
            )
    return "\n".join(lines) + "\n"


def _shown(*values: float | None) -> list[str]:
    """Numbers of a row; empty where there are none."""
    return [
        "" if value is None or pd.isna(value) else f"{value:.4f}" for value in values
    ]


def _spread(table: pd.DataFrame, by: list[str], column: str) -> pd.Series:
    """Standard deviation over the seeds of each group that has more than one."""
    return table.groupby(by)[column].std(ddof=1)


if __name__ == "__main__":
    main()
