"""GPTQ of stored unquantized models with calibration sets of several sizes.

python -m tools.calibration_size

Four minutes of an idle core; writes data/calibration_size.csv, a row a rounding.
"""

from __future__ import annotations

import pandas as pd
import torch

from precision_lib.formats import Int
from precision_lib.paths import DATA, table_folder
from precision_lib.ptq import Calibration, quantize
from precision_lib.runs.run_table import load_runs, write_table
from precision_lib.text import load_corpus
from precision_lib.training import evaluate
from precision_lib.training.checkpoints import load_model, unquantized_models

WINDOWS = (8, 32, 128, 1024)  # of 128 tokens
DRAWS = 3
BITS = 3


def main() -> None:
    """Round, evaluate and write."""
    torch.set_num_threads(1)
    corpus, rows = load_corpus(), []
    runs = load_runs().set_index("run_id")
    models = unquantized_models(table_folder() / "checkpoints")
    for path in models["path"]:
        model, run = load_model(path), runs.loc[path.stem]
        for windows in WINDOWS:
            for draw in range(DRAWS):
                given = Calibration.from_corpus(corpus, windows, seed=draw)
                rounded = quantize(model, "gptq", Int(BITS), given).model
                loss, _ = evaluate(rounded, corpus)
                known = {"run_id": path.stem, "N": run["N"], "D": run["D"]}
                known |= {"post_bits": BITS, "windows": windows, "draw": draw}
                rows.append(known | {"delta": loss - run["loss"]})
    write_table(pd.DataFrame(rows), DATA / "calibration_size.csv")


if __name__ == "__main__":
    main()
