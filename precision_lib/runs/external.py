"""Run tables published by others, read from a local copy or fetched on demand.

None of these tables is part of this project. They are looked for in the folder
that the environment variable ``PRECISION_LIB_EXTERNAL`` names, else in pooch's
cache folder; nothing is downloaded unless it is asked for. Whatever the way,
the table that comes back is held to a pinned digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pooch  # type: ignore[import-untyped]

from precision_lib.errors import UserError
from precision_lib.runs.external_formats import (
    chinchilla_rows,
    datablations_rows,
    quest_rows,
)

FOLDER_VARIABLE = "PRECISION_LIB_EXTERNAL"
GITHUB = "https://raw.githubusercontent.com"


class ExternalTableAbsent(UserError):
    """The table is on this machine nowhere, and was not or could not be fetched.

    Examples
    --------
    >>> issubclass(ExternalTableAbsent, UserError)
    True
    """


@dataclass(frozen=True)
class ExternalTable:
    """Where a table comes from and how to know that it is the right one.

    Attributes
    ----------
    name : str
        What to ask for.
    about : str
        Whose runs these are, in a few words.
    copy : str
        File name of a converted copy.
    copy_sha256 : str
        Checksum of the converted copy.
    url : str
        The original, published by its authors.
    original : str
        File name of the original in the cache folder.
    original_sha256 : str or None
        Checksum of the original, where one is known.
    convert : callable
        From the original file to the columns of the copy.
    columns : dict
        The project's column name to the copy's.
    digest : str
        SHA-256 of the converted values in any row order; see
        :func:`content_digest`.

    Examples
    --------
    >>> TABLES["quest"].columns["weight_bits"]
    'w_bits'
    """

    name: str
    about: str
    copy: str
    copy_sha256: str
    url: str
    original: str
    original_sha256: str | None
    convert: Callable[[Path], pd.DataFrame]
    columns: dict[str, str]
    digest: str


_ALL = (
    ExternalTable(
        name="chinchilla",
        about="245 runs of Hoffmann et al. (2022), read off a figure by "
        "Besiroglu et al. (2024), arXiv 2404.10102; their fit uses 240",
        copy="chinchilla_besiroglu_245.csv",
        copy_sha256="fcc7ffb6979c19a33ec86815dea4761fd7878e3f024877a6b60417567d7ccf60",
        url=f"{GITHUB}/epoch-research/analyzing-chinchilla/"
        "92258837425e1b5f2851d624287f0120583a3d0e/data/svg_extracted_data.csv",
        original="svg_extracted_data.csv",
        original_sha256=(
            "193478df4e90f040016431996c45682659306840ecdadf83cfb9cd5ca0aa1b30"
        ),
        convert=chinchilla_rows,
        columns={},
        digest="2ff49bfa6c9f6322bf0a38a6a7f6bb33ee93ea29aa4ad01bb016bd08c08d2c0e",
    ),
    ExternalTable(
        name="quest",
        about="104 quantized pretraining runs of Panferov et al. (2025), "
        "arXiv 2502.05003",
        copy="quest_qat_104.csv",
        copy_sha256="a0dc8fe8f23f3fe74b4d5422628bdd58c11edba949d86129fd068ed6a06c5ae3",
        url=f"{GITHUB}/IST-DASLab/QuEST/main/for_plots/runs_for_scaling.json",
        original="runs_for_scaling.json",
        original_sha256=None,
        convert=quest_rows,
        columns={"N": "N_nonemb", "weight_bits": "w_bits", "activation_bits": "a_bits"},
        digest="03857c282f377ae66b7f307134528cbae620300a5c31a56e3aa42999a16d7261",
    ),
    ExternalTable(
        name="datablations",
        about="182 runs with repeated data of Muennighoff et al. (2023), "
        "arXiv 2305.16264",
        copy="datablations_fit182_runs.csv",
        copy_sha256="417721716da4632d9b198324c43946297a6ce9f0daab1d2828401b2c767601f9",
        url=f"{GITHUB}/huggingface/datablations/"
        "13701315b163f1c54642b94ad237b2699187c3ee/utils/parametric_fit.ipynb",
        original="parametric_fit.ipynb",
        original_sha256=None,
        convert=datablations_rows,
        columns={"D": "D_total"},
        digest="65a53b0985c4d46dfe21e625d603fec65f6a85c9fbd9e46c4f487f4618ff0aa9",
    ),
)
TABLES = {table.name: table for table in _ALL}


def load_external(name: str, *, download: bool = False) -> pd.DataFrame:
    """Load a table of other people's runs under this project's column names.

    Parameters
    ----------
    name : str
        ``"chinchilla"`` (N, D, C, loss, in_240), ``"quest"`` (N, D, loss,
        weight_bits, activation_bits, w_quant, a_quant, group, ...; 16 bits
        stand for bfloat16, not quantized) or ``"datablations"`` (name, N, D,
        U_unique, loss).
    download : bool
        Whether the original may be fetched over the network when no copy is
        there. It is kept in the folder for the next time.

    Returns
    -------
    DataFrame
        One row a run.

    Raises
    ------
    ExternalTableAbsent
        If the table is not there and was not, or could not be, fetched.
    UserError
        If the name is unknown or a file is not the one that was pinned.

    Examples
    --------
    >>> load_external("my_runs")
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: There is no external table 'my_runs'; choose \
from chinchilla, quest, datablations.
    """
    if name not in TABLES:
        raise UserError(
            f"There is no external table {name!r}; choose from {', '.join(TABLES)}."
        )
    table = TABLES[name]
    store = _store(table)
    copy = store.abspath / table.copy
    if copy.is_file():
        if pooch.file_hash(str(copy)) != table.copy_sha256:
            raise UserError(
                f"{copy}: the checksum is not the pinned one, so this is another "
                "table; remove the file."
            )
        frame = pd.read_csv(copy)
    else:
        frame = _converted(table, _original(table, store, download))
    return frame.rename(columns={old: new for new, old in table.columns.items()})


def content_digest(frame: pd.DataFrame) -> str:
    """SHA-256 of a table's values, whatever the order of its rows.

    Parameters
    ----------
    frame : DataFrame
        Numbers count to 12 significant digits.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> runs = pd.DataFrame({"N": [1.0, 2.0], "group": ["a", "b"]})
    >>> content_digest(runs) == content_digest(runs[::-1])
    True
    """
    fields = []
    for name in frame.columns:
        column = frame[name]
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        fields.append([f"{v:.12g}" if numeric else str(v) for v in column])
    rows = sorted(",".join(row) for row in zip(*fields, strict=True))
    text = "\n".join([",".join(map(str, frame.columns)), *rows])
    return hashlib.sha256(text.encode()).hexdigest()


def _store(table: ExternalTable) -> pooch.Pooch:
    return pooch.create(
        path=pooch.os_cache("precision_lib"),
        base_url="",
        registry={table.original: table.original_sha256},
        urls={table.original: table.url},
        env=FOLDER_VARIABLE,
    )


def _original(table: ExternalTable, store: pooch.Pooch, download: bool) -> Path:
    path = store.abspath / table.original
    if not path.is_file() and not download:
        raise ExternalTableAbsent(
            f"The table {table.name!r} ({table.about}) is not in {store.abspath}; "
            f"point {FOLDER_VARIABLE} at a folder with {table.copy}, or let it be "
            f"fetched with load_external({table.name!r}, download=True)."
        )
    try:
        return Path(store.fetch(table.original, progressbar=False))
    except OSError as error:
        raise ExternalTableAbsent(
            f"The table {table.name!r} could not be fetched from {table.url} "
            f"({type(error).__name__}); try again with a network, or put the file "
            f"into {store.abspath} by hand."
        ) from None
    except ValueError:
        raise UserError(
            f"{table.url}: the checksum is not the pinned one, so the file has "
            f"changed; remove {path} and try again."
        ) from None


def _converted(table: ExternalTable, original: Path) -> pd.DataFrame:
    try:
        frame = table.convert(original)
    except (ValueError, LookupError, TypeError, SyntaxError):
        raise UserError(
            f"{original}: this is not the published {table.name} file, its format "
            "differs; remove it and fetch it again."
        ) from None
    if content_digest(frame) != table.digest:
        raise UserError(
            f"{original}: the runs in it are not those that were pinned; remove it "
            "and fetch it again."
        )
    return frame
