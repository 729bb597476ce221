"""GPTQ beside rounding to nearest, of models that were rounded before and others.

python -m tools.rounded_before

GPTQ does not beat rounding to nearest at 5 and 6 bits in the pretrained model of
chapter 25. Two of the explanations can be asked of models that we have trained: that
its weights stood on a grid of 4 bits already, and that 4,096 tokens are too few to
calibrate on. Decided before the first row was measured: the estimand is the logarithm
of delta by GPTQ over delta to nearest, averaged over 5 and 6 bits and draws in each
model, its contrast averaged over models, with a 95% interval over models. To explain
the chapter's ratio (above 1, where models that were never rounded have .6) rounding
before has to raise it by a factor of 1.5 or more, and 16 times the calibration text to
lower it by as much; an interval wholly within a factor of 1.25 says that it does not
explain it.

Three minutes of an idle core; writes data/rounded_before.csv, a row a rounding. Models
that are in the file stay.
"""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import torch

from precision_lib.formats import Int
from precision_lib.paths import DATA, table_folder
from precision_lib.ptq import Calibration, quantize
from precision_lib.ptq.layers import used_weight
from precision_lib.ptq.targets import linear_layers
from precision_lib.runs.run_table import write_table
from precision_lib.text import load_corpus
from precision_lib.training import evaluate
from precision_lib.training.checkpoints import load_model, unquantized_models

BEFORE = Int(4)  # in the largest groups up to 32 that divide all widths
BITS = (5, 6)
GIVEN = ((32, 0), (32, 1), (512, 0))  # windows of 128 tokens, and the draw
PATH = DATA / "rounded_before.csv"


def main() -> None:
    """Round, evaluate and write."""
    torch.set_num_threads(1)
    corpus = load_corpus()
    rows: list[Any] = pd.read_csv(PATH).to_dict("records") if PATH.exists() else []
    done = {row["run_id"] for row in rows}
    for path in unquantized_models(table_folder("main") / "checkpoints")["path"]:
        if path.stem in done:
            continue
        model = load_model(path)
        widths = [used_weight(x).shape[1] for x in linear_layers(model).values()]
        group = math.gcd(32, *widths)
        coarse = quantize(model, "rtn", BEFORE, granularity=f"group:{group}").model
        for before, start in (("", model), (f"int4 group:{group}", coarse)):
            loss, _ = evaluate(start, corpus)
            for bits in BITS:
                for windows, draw in ((0, 0), *GIVEN):
                    seen = windows and Calibration.from_corpus(corpus, windows, draw)
                    method = "gptq" if seen else "rtn"
                    rounded = quantize(start, method, Int(bits), seen or None).model
                    known = {"run_id": path.stem, "before": before, "post_bits": bits}
                    known |= {"method": method, "windows": windows, "draw": draw}
                    after, _ = evaluate(rounded, corpus)
                    rows.append(known | {"loss": loss, "delta": after - loss})
        write_table(pd.DataFrame(rows), PATH)


if __name__ == "__main__":
    main()
