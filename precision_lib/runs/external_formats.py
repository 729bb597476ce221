"""From the files that others published to plain tables of runs."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pandas as pd

CHINCHILLA_OUTLIERS = 5
# Runs that the published fit of 182 left out, by the names they have there.
DATABLATIONS_LEFT_OUT = """
2b84b4b 2b88b4b 2b812b4b 2b816b4b 2b824b4b 2b855b1b25 4b212b12b 4b224b12b
4b284b1b9 4b284b6b 2b8100m100m 14m7b5100m 14m300b100m 1b12b7100m 1b13b9100m
1b15b9100m 1b17b5100m 619m3b9100m 619m5b9100m 619m7b5100m 2b84b8100m
1b58b8100m 1b112b100m 619m22b100m 421m300b1b5 221m91b400m 221m174b400m
221m600b400m 8b712b12b 8b712b1b5 8b712b400m 8b712b100m 3b926b1b5 2b836b1b5
2b836b400m 2b836b100m 2b246b400m 2b246b100m 1b566b1b5 1b566b100m 1b191b400m
1b191b1b5 1b1250b1b5 1b5174b1b5 2b291b1b5 2b2174b1b5 8b720b1b5 2b877b1b5
"""
TOKENS = re.compile(r"(\d{1,3})(?:b(\d{0,2})|m)")


def chinchilla_rows(path: Path) -> pd.DataFrame:
    """Convert the points that Besiroglu et al. read off a figure.

    Parameters
    ----------
    path : Path
        ``svg_extracted_data.csv`` of github.com/epoch-research/analyzing-chinchilla.

    Returns
    -------
    DataFrame
        N parameters, D = C/(6N) tokens, C FLOP, loss (nats per token), and
        ``in_240``: 0 for the five highest losses, which their fit leaves out.

    Raises
    ------
    KeyError
        If a column is missing.

    Examples
    --------
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


def quest_rows(path: Path) -> pd.DataFrame:
    """Convert the run list of QuEST.

    Parameters
    ----------
    path : Path
        ``runs_for_scaling.json`` of github.com/IST-DASLab/QuEST.

    Returns
    -------
    DataFrame
        One row a run; ``group`` tells the quantizers apart: bf16 (none), fp4,
        sparse2:4, weight_only, quest (with a Hadamard transform), no_hadamard.

    Raises
    ------
    ValueError, KeyError
        If the file is not JSON or a field is missing.

    Examples
    --------
    >>> _quest_group("HadamardTrustQuantizer", "NoQuantizer")
    'weight_only'
    """
    rows = []
    for run in json.loads(path.read_text(encoding="utf-8")):
        settings = run["args"]
        rows.append(
            {
                "N_nonemb": run["non_embedding_parameters"],
                "D": run["tokens"],
                "w_bits": run["w_bits"],
                "a_bits": run["a_bits"],
                "w_quant": run["w_quant"],
                "a_quant": run["a_quant"],
                "loss": run["loss"],
                "model_size_M": run["model_size"],
                "lr": settings["lr"],
                "n_layer": settings["n_layer"],
                "n_embd": settings["n_embd"],
                "batch_tokens": run["tokens"] // settings["iterations"],
                "iterations": settings["iterations"],
                "group": _quest_group(run["w_quant"], run["a_quant"]),
            }
        )
    return pd.DataFrame(rows)


def _quest_group(weights: str, activations: str) -> str:
    marks = {"FP4": "fp4", "FourEight": "sparse2:4"}
    for mark, group in marks.items():
        if mark in weights:
            return group
    if activations == "NoQuantizer":
        return "bf16" if weights == "NoQuantizer" else "weight_only"
    return "quest" if "Hadamard" in weights else "no_hadamard"


def datablations_rows(path: Path) -> pd.DataFrame:
    """Convert the runs that stand as a literal in a published notebook.

    Parameters
    ----------
    path : Path
        ``utils/parametric_fit.ipynb`` of github.com/huggingface/datablations.

    Returns
    -------
    DataFrame
        name, N parameters, D_total tokens seen, U_unique tokens, loss (nats per
        token) of the runs in the published fit of 182: no seeds, no
        deduplicated data, no unfinished run and none of the runs it left out.

    Raises
    ------
    ValueError, LookupError, SyntaxError
        If the notebook does not hold the literals.

    Examples
    --------
    >>> _tokens("1b5"), _tokens("400m"), _tokens("174b")
    (1500000000.0, 400000000.0, 174000000000.0)
    """
    book = json.loads(path.read_text(encoding="utf-8"))
    code = ["".join(c["source"]) for c in book["cells"] if c["cell_type"] == "code"]
    source = next((text for text in code if "NAMES_TO_VAL_LOSSES = {" in text), "")
    literals = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    sizes = literals["PARAMS_MAP"]
    left_out = set(DATABLATIONS_LEFT_OUT.split())
    rows = []
    for name, loss in literals["NAMES_TO_VAL_LOSSES"].items():
        variant = re.search("seed|opt|dedup", name)
        if not loss or variant or name in left_out:
            continue
        seen, unique = _split_name(name, sizes)
        size = sizes[name[: len(name) - len(seen + unique)]]
        rows.append((name, float(size), _tokens(seen), _tokens(unique), loss))
    return pd.DataFrame(rows, columns=["name", "N", "D_total", "U_unique", "loss"])


def _split_name(name: str, sizes: dict[str, float]) -> tuple[str, str]:
    """Take the tokens seen and the unique tokens off, say, ``146m14b1b5``.

    Sizes and tokens follow each other without a mark (``1b5`` is 1.5e9), so the
    first cut is taken that spells both and leaves no more unique than seen.
    """
    for size in (s for s in sizes if name.startswith(s)):
        rest = name[len(size) :]
        for cut in range(1, len(rest)):
            seen, unique = rest[:cut], rest[cut:]
            both = TOKENS.fullmatch(seen) and TOKENS.fullmatch(unique)
            if both and _tokens(unique) <= _tokens(seen):
                return seen, unique
    raise ValueError(name)


def _tokens(text: str) -> float:
    found = TOKENS.fullmatch(text)
    if found is None:
        raise ValueError(text)
    whole, tenths = found.groups()
    if tenths is None:
        return float(whole) * 1e6
    return float(f"{whole}.{tenths or 0}") * 1e9
