"""Train a dozen published rows of the first table again and keep how far they are.

    python -m tools.recreated

Rows are drawn at random with a fixed seed among those that are trained in minutes, one
of each plan first. ``data/short/recreated.csv`` gets one line a row as it ends, so that
the command can be stopped and started again; ``python -m tools.data_readme`` puts the
summary into data/README.md.
"""

from __future__ import annotations

import pandas as pd

from precision_lib.paths import DATA
from precision_lib.runs.run_table import load_runs
from precision_lib.sweep.plans import read_plan
from precision_lib.sweep.preflight import rough_seconds
from precision_lib.text.loading import load_corpus
from precision_lib.training.config import RunConfig
from precision_lib.training.trainer import train

TABLE = DATA / "short" / "recreated.csv"
ROWS = 12
MINUTES = 2.5  # by `rough_seconds`
TOLERANCE = 0.03  # nats: what two seeds differ by


def drawn() -> list[RunConfig]:
    """The configs of the rows."""
    plans = sorted((DATA / "short" / "plans").glob("*.yaml"))
    known = {c.run_id: c for path in plans for c in read_plan(path).configs()}
    runs = load_runs(table="short").query("status == 'finished'")
    short = [i for i, c in known.items() if rough_seconds(c) < 60 * MINUTES]
    mixed = runs[runs["run_id"].isin(short)].sample(frac=1, random_state=16)
    mixed["turn"] = mixed.groupby("sweep").cumcount()
    rows = mixed.sort_values("turn", kind="stable").head(ROWS)
    return [known[run_id] for run_id in rows["run_id"]]


def main() -> None:
    """Train what the table does not have."""
    published = load_runs(table="short").set_index("run_id")["loss"]
    done = pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame({"run_id": []})
    for config in drawn():
        if config.run_id in set(done["run_id"]):
            continue
        record = train(config, load_corpus(config.corpus)).record
        row = {name: record[name] for name in ("run_id", "engine", "torch")}
        row |= {"loss": published[config.run_id], "recreated": record["loss"]}
        done = pd.concat([done, pd.DataFrame([row])])
        done.to_csv(TABLE, index=False)
        print(f"{config.run_id}: {row['loss']:.4f}, now {row['recreated']:.4f}")


def summary() -> str:
    """How far the rows are, a line for unquantized training and one for the rest."""
    runs = load_runs(table="short").set_index("run_id")
    table = pd.read_csv(TABLE).set_index("run_id")
    table["difference"] = table["recreated"] - table["loss"]
    bits = runs.loc[table.index, ["weight_bits", "activation_bits", "kv_bits"]]
    low = (bits < 32).any(axis=1).map({False: "unquantized", True: "low precision"})
    near = (table["difference"].abs() < TOLERANCE).sum()
    lines = [
        f"Of {len(table)} rows {near} come out "
        f"within {TOLERANCE} nats, with torch {', '.join(table['torch'].unique())}, "
        f"{(table['engine'] == 'compiled').sum()} of them by the compiled step.\n",
        "| training | rows | mean difference | largest |\n|---|---|---|---|",
    ]
    for name, rows in table.groupby(low.sort_values(ascending=False), sort=False):
        far = rows["difference"].abs().max()
        mean = rows["difference"].mean()
        lines.append(f"| {name} | {len(rows)} | {mean:+.4f} | {far:.4f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
