"""The bytes and the text of a file, whatever packs it; what is no text is named."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from precision_lib.errors import UserError

MOST_BYTES = 2_000_000_000
PACKED = (".gz", ".bz2", ".xz", ".zip")
PACKERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open))
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
          RuntimeError, NotImplementedError, ValueError)  # fmt: skip
ZIP = b"PK\x03\x04"
AS_CSV = "save it as CSV in UTF-8"
SQLITE = b"SQLite format 3\x00"
DATABASES = (  # what stands in its tables, whose it is, what to do
    (b"study_id", " of Optuna", "with study.trials_dataframe().to_csv('runs.csv')"),
    (b"run_uuid", " of MLflow", "with mlflow.search_runs().to_csv('runs.csv')"),
    (b"", "", "as CSV"),
)
STRANGERS = (  # first bytes, what they mean, what to do
    (b"\x80\x02", "a pickle, which could run code", AS_CSV),
    (b"\x80\x03", "a pickle, which could run code", AS_CSV),
    (b"\x80\x04", "a pickle, which could run code", AS_CSV),
    (b"\x80\x05", "a pickle, which could run code", AS_CSV),
    (b"\x93NUMPY", "an array of NumPy, which has no names", AS_CSV),
    (b"\x89HDF", "an HDF5 file", AS_CSV),
    (b"ARROW1", "an Arrow file", "save it as Parquet or CSV"),
    (b"FEA1", "a Feather file", "save it as Parquet or CSV"),
    (b"Obj\x01", "an Avro file", "save it as Parquet or CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", AS_CSV),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard", "unpack it first"),
    (b"7z\xbc\xaf", "packed by 7-Zip", "unpack it first"),
    (b"Rar!", "packed by RAR", "unpack it first"),
    (b"%PDF", "a PDF", "save the table in it as CSV in UTF-8"),
    (b"<!DOCTYPE", "a web page", "save the table in it as CSV in UTF-8"),
    (b"<html", "a web page", "save the table in it as CSV in UTF-8"),
    (b"<?xml", "XML", AS_CSV),
)
MARKS = (  # of byte order; the longer first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


def suffix_of(path: Path) -> str:
    """The suffix that says what a file holds, packed or not.

    >>> suffix_of(Path("runs.CSV.gz")), suffix_of(Path("log.jsonl.2"))
    ('.csv', '.jsonl')
    """
    suffixes = [s.lower() for s in path.suffixes]
    while suffixes and (suffixes[-1] in PACKED or suffixes[-1][1:].isdigit()):
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def read_bytes(path: Path) -> bytes:
    """What a file holds, unpacked from gzip, bzip2, xz, or a zip of one file.

    Raises UserError if it cannot be read, is damaged, or is of a kind that holds no
    text.

    >>> from precision_lib.paths import DATA
    >>> read_bytes(DATA / "short" / "runs.csv")[:6]
    b'run_id'
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    for mark, opened in PACKERS:
        if data.startswith(mark):
            with _damage_is_said(path), opened(io.BytesIO(data)) as file:
                data = file.read(MOST_BYTES)
    if data.startswith(ZIP):
        data = _unzipped(path, data)
    if data.startswith(SQLITE):
        _, whose, how = next(each for each in DATABASES if each[0] in data)
        raise UserError(
            f"{path}: this is a SQLite database{whose}; export its runs {how}."
        )
    for mark, what, cure in STRANGERS:
        if data[: len(mark)].upper() == mark.upper():
            raise UserError(f"{path}: this is {what}; {cure}.")
    if data[257:262] == b"ustar":
        raise UserError(f"{path}: this is an archive of files; unpack it first.")
    return data


@contextmanager
def _damage_is_said(path: Path) -> Iterator[None]:
    """What goes wrong while unpacking becomes one sentence."""
    try:
        yield
    except DAMAGE as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise UserError(
            f"{path}: it is packed and cannot be unpacked ({said}); pack it again or "
            "give it unpacked."
        ) from None


def _unzipped(path: Path, data: bytes) -> bytes:
    with _damage_is_said(path), zipfile.ZipFile(io.BytesIO(data)) as packed:
        names = [n for n in packed.namelist() if not n.endswith("/")]
        names = [n for n in names if not n.startswith("__MACOSX/")]
        if "[Content_Types].xml" in names or "mimetype" in names:
            raise UserError(f"{path}: spreadsheets are not read; {AS_CSV}.")
        if len(names) == 1:
            with packed.open(names[0]) as file:
                return file.read(MOST_BYTES)
    raise UserError(f"{path}: it packs {len(names)} files; unpack it first.")


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, or UTF-16 and UTF-32 with a mark of byte order.

    Raises UserError if it is no such text.

    >>> from precision_lib.paths import DATA
    >>> read_text(DATA / "short" / "runs.csv")[:6]
    'run_id'
    """
    data = read_bytes(path)
    found = next((e for mark, e in MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(found)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}: byte {data[error.start]:#04x} in line {line} is not "
            f"{'UTF-8' if found.startswith('utf-8') else found.upper()} text; save "
            "the file in UTF-8."
        ) from None
    if "\x00" in text:
        raise UserError(
            f"{path}: it holds bytes of zero, so it is not UTF-8 text; save it in "
            "UTF-8."
        )
    return text
