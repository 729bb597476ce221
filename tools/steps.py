"""Steps that say what they do and how long it took; hashes that say what is stale."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
IGNORED = {"__pycache__", ".ipynb_checkpoints"}


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print a line before and one with the seconds after."""
    print(f"{title} ...", flush=True)
    start = time.monotonic()
    yield
    print(f"{title}: {time.monotonic() - start:.1f} s", flush=True)


def files_under(*places: Path) -> list[Path]:
    """All files in the places, sorted, without caches and hidden files."""
    found: set[Path] = set()
    for place in places:
        candidates = [place] if place.is_file() else place.rglob("*")
        found.update(path for path in candidates if path.is_file() and _counts(path))
    return sorted(found)


def digest(paths: Iterable[Path], *extra: str) -> str:
    """One hash of the names and contents of files, and of further strings."""
    total = hashlib.sha256("\0".join(extra).encode())
    for path in paths:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        name = path.relative_to(ROOT).as_posix()
        total.update(f"{name} {content}\n".encode())
    return total.hexdigest()


def is_fresh(result: Path, key: str) -> bool:
    """Whether the result exists and was made from inputs with this key."""
    stamp = _stamp(result)
    return (
        result.exists() and stamp.is_file() and stamp.read_text(encoding="utf-8") == key
    )


def mark_fresh(result: Path, key: str) -> None:
    """Remember the key of the inputs that a result was made from."""
    _stamp(result).write_text(key, encoding="utf-8")


def forget(result: Path) -> None:
    """Remove the memory of a result, before it is made anew."""
    _stamp(result).unlink(missing_ok=True)


def _stamp(result: Path) -> Path:
    return result.with_name(f"{result.name}.key")


def _counts(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return not any(part in IGNORED or part.startswith(".") for part in parts)
