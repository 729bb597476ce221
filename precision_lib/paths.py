"""Where the library reads and keeps files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Literal

from precision_lib.errors import UserError

DATA = Path(__file__).parents[1] / "data"
# Of short runs, the first; of runs long enough for a law, the second.
RunTable = Literal["short", "main"]


def table_folder(table: RunTable = "main") -> Path:
    """The folder of a run table, with its plans and its trained models.

    >>> table_folder("short").relative_to(table_folder()).name
    'short'
    """
    return DATA / "short" if table == "short" else DATA


def cache_folder() -> Path:
    """Where fetched text and tokens are kept.

    The environment variable ``PRECISION_LIB_CACHE`` points it elsewhere.

    >>> cache_folder().name
    'precision_lib'
    """
    if "PRECISION_LIB_CACHE" in os.environ:
        return Path(os.environ["PRECISION_LIB_CACHE"])
    import platformdirs  # a bare GPU machine may not have it

    return Path(platformdirs.user_cache_dir("precision_lib"))


def writable_folder(
    path: Path, remedy: str = "set PRECISION_LIB_CACHE to a folder of yours"
) -> Path:
    """`path`, made if it is not there.

    Raises UserError, with the `remedy`, if files cannot be made in it.

    >>> writable_folder(Path(os.devnull) / "cache")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    precision_lib.errors.UserError: ... cannot be made (Not a directory); set \
PRECISION_LIB_CACHE to a folder of yours.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        reason = error.strerror
        raise UserError(f"{path} cannot be made ({reason}); {remedy}.") from error
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; it is there whole or not at all, even after a loss of power.

    Raises UserError if it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     write_whole(Path(name, "a.txt"), b"all of it")
    ...     Path(name, "a.txt").read_text()
    'all of it'
    """
    scratch = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}).") from error
    finally:
        scratch.unlink(missing_ok=True)


def tables_of(plan: Path) -> Path:
    """The folder of the tables that the runs of a plan file belong to.

    Of ``data/short/plans/base.yaml`` that is ``data/short``; of a plan that lies in no
    folder ``plans``, the folder of the main table.

    >>> tables_of(DATA / "short" / "plans" / "base.yaml").name
    'short'
    """
    folder = plan.resolve().parent
    return folder.parent if folder.name == "plans" else DATA


def label(plan: Path) -> str:
    """A plan's name, with the table before it unless it is the main one.

    >>> label(DATA / "short" / "plans" / "base.yaml"), label(Path("own.yaml"))
    ('short/base', 'own')
    """
    folder = tables_of(plan)
    inside = folder.relative_to(DATA) if folder.is_relative_to(DATA) else Path()
    return (inside / plan.stem).as_posix()
