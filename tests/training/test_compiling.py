"""Where the compiler keeps what it makes."""

import os
import sys

import torch

from precision_lib.training.compiling import CACHE, compiled


def test_what_is_compiled_is_kept_in_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PRECISION_LIB_CACHE", str(tmp_path))
    monkeypatch.delenv(CACHE, raising=False)
    double = compiled(lambda x: x + x, backend="eager")
    assert double(torch.ones(1)).tolist() == [2.0]
    assert os.environ[CACHE] == str(tmp_path / "compiled")


def test_a_folder_that_cannot_be_written_stops_nothing(monkeypatch):
    monkeypatch.setenv("PRECISION_LIB_CACHE", os.path.join(os.devnull, "cache"))
    monkeypatch.delenv(CACHE, raising=False)
    double = compiled(lambda x: x + x, backend="eager")
    assert double(torch.ones(1)).tolist() == [2.0]
    assert not os.environ.get(CACHE, "").startswith(os.devnull)


def test_a_folder_that_the_user_chose_stays(monkeypatch, tmp_path):
    monkeypatch.setenv(CACHE, str(tmp_path / "mine"))
    compiled(lambda x: x)
    assert os.environ[CACHE] == str(tmp_path / "mine")


def test_a_machine_without_platformdirs_compiles_too(monkeypatch):
    monkeypatch.delenv("PRECISION_LIB_CACHE", raising=False)
    monkeypatch.delenv(CACHE, raising=False)
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert compiled(lambda x: x + x, backend="eager")(torch.ones(1)).tolist() == [2.0]
