"""Other people's tables: right or refused; absent is one sentence, not a failure.

Where the copies are on this machine they are checked in full; where they are
not, the same tests check that their absence is said. Originals are imitated in
the format that their authors publish, so the converters run either way.
"""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from precision_lib.errors import UserError
from precision_lib.paths import DATA
from precision_lib.runs import external
from precision_lib.runs.external import (
    FOLDER_VARIABLE,
    OURS,
    TABLES,
    ExternalTableAbsent,
    content_digest,
    load_external,
)

SHAPES = {
    "chinchilla": (245, 5), "quest": (104, 14), "datablations": (182, 5),
    "quartet": (174, 7), "quartet2": (574, 25),
    "gemstones": (770, 5), "gadre": (104, 4),
}  # fmt: skip
ORIGINALS = {name: t.original for name, t in TABLES.items() if t.original}
PART_OF_REPO = [name for name in TABLES if name not in ORIGINALS]


def as_published(name: str, copy: pd.DataFrame) -> str:
    """A copy's rows in the format of its authors."""
    if name == "quartet2":
        groups = {}
        for group, rows in copy.groupby("group", sort=False):
            text = rows.drop(columns="group").to_json(
                orient="records", double_precision=15
            )
            groups[group] = json.loads(text)
        return json.dumps(groups)
    names = {"N": "Model Size", "C": "Training FLOP"}
    return copy.rename(columns=names).drop(columns=["D", "in_240"]).to_csv(index=False)


def few_rows(name: str) -> pd.DataFrame:
    """Invented rows with the columns of a copy, to run a converter on."""
    if name == "quartet2":
        rows = [("baseline", 30, 3.0, None), ("forward_main", 30, 3.1, "sr")]
        return pd.DataFrame(rows, columns=["group", "N", "final_loss", "bunbiased"])
    loss = [6.0, 5.0, 4.0, 3.9, 3.8, 3.5, 2.5]
    frame = pd.DataFrame({"N": [1e8 * (k + 1) for k in range(7)], "loss": loss})
    frame["C"] = 6e18
    frame["D"] = frame["C"] / (6 * frame["N"])
    frame["in_240"] = [0, 0, 0, 0, 0, 1, 1]
    return frame[["N", "D", "C", "loss", "in_240"]]


def with_original(name: str, **changes: object) -> None:
    table = TABLES[name]
    return replace(table, original=replace(table.original, **changes))


def present(name: str) -> pd.DataFrame | None:
    try:
        return load_external(name)
    except ExternalTableAbsent as absence:
        assert TABLES[name].copy in str(absence) and "\n" not in str(absence)
        return None


@pytest.mark.parametrize("name", TABLES)
def test_table_has_the_pinned_runs_or_its_absence_is_said(name: str) -> None:
    runs = present(name)
    if runs is not None:
        assert runs.shape == SHAPES[name]
        assert {"N", "D", "loss"} <= set(runs.columns)
        if name in ORIGINALS:
            back = runs.rename(columns=TABLES[name].columns)
            assert content_digest(back) == ORIGINALS[name].digest


@pytest.mark.parametrize("name", PART_OF_REPO)
def test_a_free_table_is_there_with_its_notice(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert len(load_external(name)) == SHAPES[name][0]
    text = (DATA / "README.md").read_text(encoding="utf-8")
    (row,) = [line for line in text.splitlines() if f"`{TABLES[name].copy}`" in line]
    (licence,) = re.findall(r"`(LICENSE[^`]+)`", row)
    assert "ermission" in (OURS / licence).read_text(encoding="utf-8")
    held = {path.name for path in OURS.glob("*.csv")}
    assert held == {TABLES[one].copy for one in PART_OF_REPO}


def test_a_changed_table_of_the_repository_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(external, "OURS", tmp_path)
    (tmp_path / TABLES["quest"].copy).write_text("N,D\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="the checksum is not the pinned one"):
        load_external("quest")


@pytest.mark.parametrize("name", ORIGINALS)
def test_original_gives_the_same_runs_as_the_copy(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, table = present(name), with_original(name, sha256=None)
    copy = few_rows(name)
    if runs is None:
        table = with_original(name, sha256=None, digest=content_digest(copy))
    else:
        copy = runs.rename(columns=table.columns)
    monkeypatch.setitem(external.TABLES, name, table)
    (tmp_path / table.original.name).write_text(as_published(name, copy))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    loaded = load_external(name).rename(columns=table.columns)
    pd.testing.assert_frame_equal(
        loaded, copy, check_exact=False, rtol=1e-12, check_dtype=False
    )


@pytest.mark.parametrize("name", ORIGINALS)
def test_converter_on_invented_rows(name: str, tmp_path: Path) -> None:
    copy = few_rows(name)
    original = tmp_path / ORIGINALS[name].name
    original.write_text(as_published(name, copy), encoding="utf-8")
    converted = ORIGINALS[name].convert(original)
    pd.testing.assert_frame_equal(converted, copy, rtol=1e-12, check_dtype=False)


@pytest.mark.parametrize("name", ORIGINALS)
def test_absent_table_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(ExternalTableAbsent, match="point PRECISION_LIB_EXTERNAL"):
        load_external(name)


@pytest.mark.parametrize("name", ORIGINALS)
@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"cells": []}', "a,b\n1,2\n"])
def test_wrong_files_are_refused(
    name: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    table = with_original(name, sha256=None)
    monkeypatch.setitem(external.TABLES, name, table)
    (tmp_path / table.original.name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="remove it and fetch it again"):
        load_external(name)
    (tmp_path / table.copy).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="the checksum is not the pinned one"):
        load_external(name)


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
    copy = few_rows("chinchilla")
    name = ORIGINALS["chinchilla"].name
    changes = {"url": f"{address}/{name}", "digest": content_digest(copy)}
    table = with_original("chinchilla", sha256=None, **changes)
    monkeypatch.setitem(external.TABLES, "chinchilla", table)
    cache = tmp_path / "cache"
    monkeypatch.setenv(FOLDER_VARIABLE, str(cache))
    with pytest.raises(ExternalTableAbsent, match="could not be fetched"):
        load_external("chinchilla", download=True)
    (folder / name).write_text(as_published("chinchilla", copy))
    assert len(load_external("chinchilla", download=True)) == len(copy)
    (folder / name).unlink()
    assert len(load_external("chinchilla")) == len(copy)
    (cache / name).unlink()
    pinned = with_original("chinchilla", sha256="0" * 64, **changes)
    monkeypatch.setitem(external.TABLES, "chinchilla", pinned)
    (folder / name).write_text(as_published("chinchilla", copy))
    with pytest.raises(UserError, match="checksum is not the pinned one"):
        load_external("chinchilla", download=True)
