"""Other people's tables: right or refused; absent is one sentence, not a failure.

Where the copies are on this machine they are checked in full; where they are
not, the same tests check that their absence is said. Originals are imitated in
the format that their authors publish, so the converters run either way.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.runs import external
from precision_lib.runs.external import (
    FOLDER_VARIABLE,
    TABLES,
    ExternalTableAbsent,
    content_digest,
    load_external,
)

SHAPES = {"chinchilla": (245, 5), "quest": (104, 14), "datablations": (182, 5)}
MAKERS: dict = {}


def make(name: str):
    def register(function):
        MAKERS[name] = function
        return function

    return register


@make("chinchilla")
def as_figure_points(copy: pd.DataFrame) -> str:
    names = {"N": "Model Size", "C": "Training FLOP"}
    return copy.rename(columns=names).drop(columns=["D", "in_240"]).to_csv(index=False)


@make("quest")
def as_run_list(copy: pd.DataFrame) -> str:
    names = {"N_nonemb": "non_embedding_parameters", "D": "tokens"}
    names["model_size_M"] = "model_size"
    runs = copy.rename(columns=names).to_dict("records")
    for run in runs:
        run["args"] = {k: run.pop(k) for k in ("lr", "n_layer", "n_embd", "iterations")}
        del run["group"], run["batch_tokens"]
    return json.dumps(runs)


@make("datablations")
def as_notebook(copy: pd.DataFrame) -> str:
    losses = dict(zip(copy["name"], copy["loss"], strict=True))
    losses |= {"14m7b5100m": 4.4, "3b926b400m": 0, "146m1b5100mdedup": 4.1}
    losses |= {"2b855b9bc4seed1": 2.6, "8b7178b25bopt": 2.3}
    sizes = {"7m": 7.098752e6, "14m": 1.41e7, "20m": 19.703712e6, "25m": 35.5e6}
    sizes |= {"44m": 4.4e7, "83m": 8.27e7, "146m": 1.465e8, "196m": 201.236224e6}
    sizes |= {"220m": 2.205e8, "221m": 2.205e8, "280m": 2.81e8, "421m": 4.212e8}
    sizes |= {"574m": 573.7e6, "619m": 6.187e8, "1b1": 1.0963e9, "1b5": 1.5173e9}
    sizes |= {"2b2": 2.160013824e9, "2b8": 2.81e9, "3b9": 3.89971072e9}
    sizes |= {"4b2": 4.2465e9, "8b7": 8.67e9}
    code = f"NAMES_TO_VAL_LOSSES = {losses!r}\n\nPARAMS_MAP = {sizes!r}\n"
    cells = [
        {"cell_type": "markdown", "source": ["#### Data loading"]},
        {"cell_type": "code", "source": ["import numpy\n", "print(1)"]},
        {"cell_type": "code", "source": code.splitlines(keepends=True)},
    ]
    return json.dumps({"cells": cells})


def few_rows(name: str) -> pd.DataFrame:
    """Invented rows with the columns of a copy, to run a converter on."""
    if name == "chinchilla":
        loss = [6.0, 5.0, 4.0, 3.9, 3.8, 3.5, 2.5]
        frame = pd.DataFrame({"N": [1e8 * (k + 1) for k in range(7)], "loss": loss})
        frame["C"] = 6e18
        frame["D"] = frame["C"] / (6 * frame["N"])
        frame["in_240"] = [0, 0, 0, 0, 0, 1, 1]
        return frame[["N", "D", "C", "loss", "in_240"]]
    if name == "quest":
        quantizers = {
            "bf16": ("NoQuantizer", "NoQuantizer"),
            "fp4": ("HalfHadamardFP4TrustQuantizer",) * 2,
            "no_hadamard": ("ClipQuantizer", "ClipQuantizer"),
            "quest": ("HadamardTrustQuantizer", "HadamardTrustQuantizer"),
            "sparse2:4": ("HadamardFourEightTrustQuantizer", "HadamardTrustQuantizer"),
            "weight_only": ("HalfHadamardTrustQuantizer", "NoQuantizer"),
        }
        rows = [
            (10**7, 2**20 * 8, 4, 4, w, a, 3.5, 10, 1e-3, 2, 64, 2**20, 8, group)
            for group, (w, a) in quantizers.items()
        ]
        columns = "N_nonemb D w_bits a_bits w_quant a_quant loss model_size_M lr "
        columns += "n_layer n_embd batch_tokens iterations group"
        return pd.DataFrame(rows, columns=columns.split())
    rows = [
        ("146m14b1b5", 1.465e8, 14e9, 1.5e9, 3.5),
        ("619m2b7400m", 6.187e8, 2.7e9, 0.4e9, 3.4),
        ("2b84b84b8", 2.81e9, 4.8e9, 4.8e9, 3.2),
        ("7m200m100m", 7.098752e6, 2e8, 1e8, 7.3),
    ]
    columns = ["name", "N", "D_total", "U_unique", "loss"]
    return pd.DataFrame(rows, columns=columns)


def present(name: str) -> pd.DataFrame | None:
    try:
        return load_external(name)
    except ExternalTableAbsent as absence:
        assert TABLES[name].copy in str(absence) and "\n" not in str(absence)
        return None


@pytest.mark.parametrize("name", TABLES)
def test_local_copy_has_the_pinned_runs_or_its_absence_is_said(name: str) -> None:
    runs = present(name)
    if runs is not None:
        assert runs.shape == SHAPES[name]
        assert {"N", "D", "loss"} <= set(runs.columns)
        back = runs.rename(columns=TABLES[name].columns)
        assert content_digest(back) == TABLES[name].digest


@pytest.mark.parametrize("name", TABLES)
def test_original_gives_the_same_runs_as_the_copy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = present(name)
    table = replace(TABLES[name], original_sha256=None)
    if runs is None:
        copy = few_rows(name)
        table = replace(table, digest=content_digest(copy))
    else:
        copy = runs.rename(columns=table.columns)
    monkeypatch.setitem(external.TABLES, name, table)
    (tmp_path / table.original).write_text(MAKERS[name](copy), encoding="utf-8")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    loaded = load_external(name).rename(columns=table.columns)
    pd.testing.assert_frame_equal(
        loaded, copy, check_exact=False, rtol=1e-12, check_dtype=False
    )


@pytest.mark.parametrize("name", TABLES)
def test_converter_on_invented_rows(name: str, tmp_path: Path) -> None:
    copy = few_rows(name)
    original = tmp_path / TABLES[name].original
    original.write_text(MAKERS[name](copy), encoding="utf-8")
    converted = TABLES[name].convert(original)
    pd.testing.assert_frame_equal(converted, copy, rtol=1e-12, check_dtype=False)


@pytest.mark.parametrize("name", TABLES)
def test_absent_table_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(ExternalTableAbsent, match="point PRECISION_LIB_EXTERNAL"):
        load_external(name)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"cells": []}', "a,b\n1,2\n"])
def test_wrong_files_are_refused(
    name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    table = replace(TABLES[name], original_sha256=None)
    monkeypatch.setitem(external.TABLES, name, table)
    (tmp_path / table.original).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="remove it and fetch it again"):
        load_external(name)
    (tmp_path / table.copy).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="the checksum is not the pinned one"):
        load_external(name)


def test_changed_runs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = few_rows("quest")
    copy.loc[0, "loss"] += 1e-6
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / TABLES["quest"].original).write_text(as_run_list(copy))
    with pytest.raises(UserError, match="not those that were pinned"):
        load_external("quest")


@pytest.fixture
def server(tmp_path: Path):
    """Serve a folder on this machine, standing in for the authors' site."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Leave the test's output alone."""


def test_download_is_kept_and_checked(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = server
    copy = few_rows("quest")
    table = replace(
        TABLES["quest"],
        url=f"{address}/{TABLES['quest'].original}",
        digest=content_digest(copy),
    )
    monkeypatch.setitem(external.TABLES, "quest", table)
    cache = tmp_path / "cache"
    monkeypatch.setenv(FOLDER_VARIABLE, str(cache))
    with pytest.raises(ExternalTableAbsent, match="could not be fetched"):
        load_external("quest", download=True)
    (folder / table.original).write_text(as_run_list(copy))
    assert len(load_external("quest", download=True)) == len(copy)
    (folder / table.original).unlink()
    assert len(load_external("quest")) == len(copy)
    pinned = replace(table, original_sha256="0" * 64, original="pinned.json")
    (folder / table.original).write_text(as_run_list(copy))
    monkeypatch.setitem(external.TABLES, "quest", pinned)
    with pytest.raises(UserError, match="the checksum is not the pinned one"):
        load_external("quest", download=True)
