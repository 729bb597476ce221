"""From the files that others published to plain tables of runs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd

CHINCHILLA_OUTLIERS = 5


def chinchilla_rows(path: Path) -> pd.DataFrame:
    """Convert the points that Besiroglu et al. read off a figure.

    Returns N parameters, D = C/(6N) tokens, C FLOP, loss (nats per token), and
    ``in_240``: 0 for the five highest losses, which their fit leaves out.

    Raises KeyError if a column is missing.

    `path`: ``svg_extracted_data.csv`` of
    github.com/epoch-research/analyzing-chinchilla.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "points.csv"
    ...     rows = "".join(f"1e9,6e1{k},{5 - k / 2}\\n" for k in range(7))
    ...     _ = path.write_text("Model Size,Training FLOP,loss\\n" + rows)
    ...     points = chinchilla_rows(path)
    >>> points["D"].tolist()[:2], points["in_240"].tolist()
    ([10.0, 100.0], [0, 0, 0, 0, 0, 1, 1])
    """
    given = pd.read_csv(path)
    points = given[["Model Size", "Training FLOP", "loss"]].dropna()
    size, flop = points["Model Size"], points["Training FLOP"]
    outlier = points["loss"].rank(ascending=False, method="first")
    frame = pd.DataFrame(
        {
            "N": size,
            "D": flop / (6 * size),
            "C": flop,
            "loss": points["loss"],
            "in_240": (outlier > CHINCHILLA_OUTLIERS).astype(int),
        }
    )
    return frame.reset_index(drop=True)


def quartet2_rows(path: Path) -> pd.DataFrame:
    """Convert the run list of Quartet II.

    Returns one row a run: ``group``, then the fields of a run as they are there.

    Raises ValueError or AttributeError if the file is not JSON or not such lists.

    `path`: ``for_plots/runs.json`` of github.com/IST-DASLab/Quartet-II: lists of runs
    by group.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "runs.json"
    ...     _ = path.write_text('{"baseline": [{"N": 30, "fquant": null}]}')
    ...     quartet2_rows(path).to_dict("records")
    [{'group': 'baseline', 'N': 30, 'fquant': nan}]
    """
    groups = json.loads(path.read_text(encoding="utf-8"))
    runs = [{"group": name, **run} for name, found in groups.items() for run in found]
    # Through text, so that an absent value is the same as in the copy.
    return pd.read_csv(io.StringIO(pd.DataFrame(runs).to_csv(index=False)))
