"""Machines that are not ours: no home to write in, odd paths, LANG=C, no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from precision_lib.errors import UserError
from precision_lib.laws import planted_table
from precision_lib.paths import writable_folder
from precision_lib.text.corpus import save_corpus
from precision_lib.text.loading import load_corpus
from precision_lib.text.sources import download_wheels
from precision_lib.text.streaming import load_stream
from tests.helpers import small_corpus

ROOT = Path(__file__).parents[1]
NOWHERE = Path(os.devnull) / "cache"  # no folder can be made in a file, even by root
CALLS = {
    "the corpus": lambda: load_corpus(),
    "a variant": lambda: load_corpus("half"),
    "a stream": lambda: load_stream("dolma-cc"),
    "the wheels": lambda: download_wheels(NOWHERE / "wheels"),
    "a folder of one's own": lambda: save_corpus(small_corpus(), NOWHERE / "mine"),
}
OFFLINE = """
import runpy, socket, sys
def refuse(*_, **__):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
sys.argv[0] = "precision_lib"
runpy.run_module("precision_lib", run_name="__main__", alter_sys=True)
"""


def offline(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A command in `folder`, in the C locale, whose first request would be an error."""
    chosen = {"LANG": "C", "LC_ALL": "C", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", OFFLINE, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **chosen},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with spaces and other letters in its path, and a table of runs."""
    found = tmp_path_factory.mktemp("a home") / "Läufe von Jürgen, 文件"
    found.mkdir()
    table = planted_table("chinchilla", 60, noise=0.003)
    rows = [[*table], *zip(*table.values(), strict=True)]
    lines = [",".join(map(str, row)) for row in rows]
    (found / "Läufe 1.csv").write_text("\n".join(lines), encoding="utf-8")
    return found


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_cache_that_cannot_be_written_is_one_sentence(call, monkeypatch):
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(NOWHERE))
    with pytest.raises(UserError, match="cannot be made .*PRECISION_LIB_CACHE") as said:
        call()
    assert str(NOWHERE) in str(said.value)


def test_the_command_says_so_too(folder):
    done = subprocess.run(
        [sys.executable, "-m", "precision_lib", "corpus"],
        env={**os.environ, "PRECISION_LIB_CACHE": str(NOWHERE)},
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("Error: ") and "cannot be made" in done.stderr


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path):
    made = writable_folder(tmp_path / "a" / "b")
    assert made.is_dir() and not list(made.iterdir())


@pytest.mark.slow
def test_commands_work_without_a_network_in_any_folder_and_locale(folder):
    fit = offline(
        folder, "fit", "Läufe 1.csv", "--law", "chinchilla", "--out", "Gesetz ä.json"
    )
    assert fit.returncode == 0, fit.stderr
    assert json.loads((folder / "Gesetz ä.json").read_text("utf-8"))
    predicted = offline(folder, "predict", "Gesetz ä.json", "--N", "1e8", "--D", "1e9")
    assert predicted.returncode == 0, predicted.stderr
    assert predicted.stdout.startswith("loss ")
    wrong = offline(folder, "fit", "Läufe 2.csv", "--law", "chinchilla")
    assert wrong.returncode == 2
    assert "Läufe 2.csv: there is no such file" in wrong.stderr
    text = folder / "Texte"
    text.mkdir()
    words = "\n\n".join(f"Wort {i} für {i * i} Wörter." for i in range(3000))
    for i in range(40):
        (text / f"Übung {i}.txt").write_text(words.replace("Wort", f"W{i}"), "utf-8")
    corpus = offline(folder, "corpus", "Texte")
    assert corpus.returncode == 0, corpus.stderr


@pytest.mark.slow
def test_the_report_too(folder):
    done = offline(folder, "report", "Läufe 1.csv", "--bootstrap", 20, "--out", "ö.htm")
    assert done.returncode == 0, done.stderr
    assert "Läufe 1.csv" in (folder / "ö.htm").read_text("utf-8")


def test_a_request_would_be_seen(folder):
    code = OFFLINE.split("sys.argv")[0] + (
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "the network was asked" in done.stderr
