"""Run tables published by others: in ``data/external``, or read where they are at hand.

Tables with a free licence are part of the repository. Others are looked for in the
folder that the environment variable ``PRECISION_LIB_EXTERNAL`` names, else in pooch's
cache folder; nothing is downloaded unless it is asked for. Whatever the way, the table
that comes back is held to a pinned digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pooch  # type: ignore[import-untyped]

from precision_lib.errors import UserError
from precision_lib.paths import DATA
from precision_lib.runs.external_formats import chinchilla_rows, quartet2_rows

FOLDER_VARIABLE = "PRECISION_LIB_EXTERNAL"
GITHUB = "https://raw.githubusercontent.com"
OURS = DATA / "external"


class ExternalTableAbsent(UserError):
    """The table is on this machine nowhere, and was not or could not be fetched.

    >>> issubclass(ExternalTableAbsent, UserError)
    True
    """


@dataclass(frozen=True)
class Original:
    """The file of the authors, for a table that is not part of the repository.

    >>> TABLES["quartet2"].original.name
    'runs.json'
    """

    #: url, name: where it is, and its name in the cache folder
    url: str
    name: str
    sha256: str | None  #: its checksum
    convert: Callable[[Path], pd.DataFrame]  #: from the file to the columns of the copy
    #: SHA-256 of the converted values in any row order; see `content_digest`
    digest: str


@dataclass(frozen=True)
class ExternalTable:
    """Where a table comes from and how to know that it is the right one.

    >>> TABLES["quest"].columns["weight_bits"], TABLES["quest"].original
    ('w_bits', None)
    """

    name: str  #: what to ask for
    about: str  #: whose runs these are, in a few words
    #: copy, sha256: file name and checksum of the table
    copy: str
    sha256: str
    #: The project's column name to the copy's
    columns: dict[str, str] = field(default_factory=dict)
    #: Of a table that may not be part of the repository
    original: Original | None = None


_ALL = (
    ExternalTable(
        name="chinchilla",
        about="245 runs of Hoffmann et al. (2022), read off a figure by "
        "Besiroglu et al. (2024), arXiv 2404.10102; their fit uses 240",
        copy="chinchilla_besiroglu_245.csv",
        sha256="fcc7ffb6979c19a33ec86815dea4761fd7878e3f024877a6b60417567d7ccf60",
        original=Original(
            url=f"{GITHUB}/epoch-research/analyzing-chinchilla/"
            "92258837425e1b5f2851d624287f0120583a3d0e/data/svg_extracted_data.csv",
            name="svg_extracted_data.csv",
            sha256="193478df4e90f040016431996c45682659306840ecdadf83cfb9cd5ca0aa1b30",
            convert=chinchilla_rows,
            digest="2ff49bfa6c9f6322bf0a38a6a7f6bb33ee93ea29aa4ad01bb016bd08c08d2c0e",
        ),
    ),
    ExternalTable(
        name="quest",
        about="104 quantized pretraining runs of Panferov et al. (2025), "
        "arXiv 2502.05003",
        copy="quest_qat_104.csv",
        sha256="50fe66066776dd21a004d1b3a4137bc79aac4092966999f40ff346f81c030c0e",
        columns={"N": "N_nonemb", "weight_bits": "w_bits", "activation_bits": "a_bits"},
    ),
    ExternalTable(
        name="datablations",
        about="182 runs with repeated data of Muennighoff et al. (2023), "
        "arXiv 2305.16264",
        copy="datablations_fit182_runs.csv",
        sha256="e56d1ec6270849e287c74211886b476f956ade49cb4647ad1f38f65b8d9048cc",
        columns={"D": "D_total"},
    ),
    ExternalTable(
        name="quartet",
        about="174 runs of Castro et al. (2025), arXiv 2505.14669, low precision in "
        "the forward pass, the backward pass or both",
        copy="quartet_174.csv",
        sha256="08af377dbb30c047369bbc8ac2bbe6f80906f0516f580264d610ba1f6de7ce0c",
        columns={"N": "N_nonemb"},
    ),
    ExternalTable(
        name="gemstones",
        about="22 models of McLeish et al. (2025), arXiv 2502.06857, each at 35 D of "
        "one run at a constant rate; N without embedding and head",
        copy="gemstones_770.csv",
        sha256="a13517a15dc519fe9311ae4c0d0c043e2f0697d78892d2a26d0f84f61bca9ab0",
    ),
    ExternalTable(
        name="gadre",
        about="104 runs of Gadre et al. (2024), arXiv 2403.08540, on three training "
        "sets, loss on C4",
        copy="gadre_104.csv",
        sha256="413d828440f837e595e4123d79920aca84c0d44c91b6f5733d7aff960ce441c9",
    ),
    ExternalTable(
        name="quartet2",
        about="574 runs of Quartet II (2026), NVFP4 in the forward pass, the "
        "backward pass or both",
        copy="quartet2_574.csv",
        sha256="d93361109f83835f3bad4fe0e453c4b6b8806f6696048658425b331958df586a",
        columns={"loss": "final_loss"},
        original=Original(
            url=f"{GITHUB}/IST-DASLab/Quartet-II/"
            "8776a90b7aa0c0a400ad858a3c05a66f7ec55b73/for_plots/runs.json",
            name="runs.json",
            sha256="4248c6262c26556c84b01aa4e1aea3d375bad0e1ae0479c61ea7fbce3fa722fd",
            convert=quartet2_rows,
            digest="3c45a36d9960a5f95d1ba7a31f6e269a3d07c8c0df4360de2c496f7429bdf123",
        ),
    ),
)
TABLES = {table.name: table for table in _ALL}


def load_external(name: str, *, download: bool = False) -> pd.DataFrame:
    """Load a table of other people's runs under this project's column names.

    Returns one row a run.

    Raises ExternalTableAbsent if the table is not there and was not, or could not be,
    fetched. Raises UserError if the name is unknown or a file is not the one that was
    pinned.

    `name`: ``"quartet"`` (N, D, loss, forward, backward: the formats of the passes),
    ``"quest"`` (N, D, loss, weight_bits, activation_bits, w_quant, a_quant, group, ...;
    16 bits stand for bfloat16, not quantized) or ``"datablations"`` (name, N, D,
    U_unique, loss), which are part of the repository; ``"chinchilla"`` (N, D, C, loss,
    in_240) or ``"quartet2"`` (N, D, loss, group, then settings of the forward, ``f``,
    and backward pass, ``b``, and of the scheme, ``s``); `download`: whether the
    original may be fetched over the network when no copy is there. It is kept in the
    folder for the next time.

    >>> load_external("quest").shape
    (104, 14)
    """
    if name not in TABLES:
        raise UserError(
            f"There is no external table {name!r}; choose from {', '.join(TABLES)}."
        )
    table = TABLES[name]
    store = None if table.original is None else _store(table.original)
    copy = (OURS if store is None else store.abspath) / table.copy
    if store is None or copy.is_file():
        if pooch.file_hash(str(copy)) != table.sha256:
            raise UserError(
                f"{copy}: the checksum is not the pinned one, so this is another "
                "table; restore the file or remove it."
            )
        frame = pd.read_csv(copy, low_memory=False)
    else:
        frame = _converted(table, _fetched(table, store, download))
    return frame.rename(columns={old: new for new, old in table.columns.items()})


def content_digest(frame: pd.DataFrame) -> str:
    """SHA-256 of a table's values, whatever the order of its rows.

    Returns 64 hexadecimal digits.

    `frame`: numbers count to 12 significant digits.

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


def _store(original: Original) -> pooch.Pooch:
    return pooch.create(
        path=pooch.os_cache("precision_lib"),
        base_url="",
        registry={original.name: original.sha256},
        urls={original.name: original.url},
        env=FOLDER_VARIABLE,
    )


def _fetched(table: ExternalTable, store: pooch.Pooch, download: bool) -> Path:
    assert table.original is not None
    path = store.abspath / table.original.name
    if not path.is_file() and not download:
        raise ExternalTableAbsent(
            f"The table {table.name!r} ({table.about}) is not in {store.abspath}; "
            f"point {FOLDER_VARIABLE} at a folder with {table.copy}, or let it be "
            f"fetched with load_external({table.name!r}, download=True)."
        )
    try:
        return Path(store.fetch(table.original.name, progressbar=False))
    except OSError as error:
        raise ExternalTableAbsent(
            f"The table {table.name!r} could not be fetched from {table.original.url} "
            f"({type(error).__name__}); try again with a network, or put the file "
            f"into {store.abspath} by hand."
        ) from None
    except ValueError:
        raise UserError(
            f"{table.original.url}: the checksum is not the pinned one, so the file "
            f"has changed; remove {path} and try again."
        ) from None


def _converted(table: ExternalTable, path: Path) -> pd.DataFrame:
    assert table.original is not None
    try:
        frame = table.original.convert(path)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserError(
            f"{path}: this is not the published {table.name} file, its format "
            "differs; remove it and fetch it again."
        ) from None
    if content_digest(frame) != table.original.digest:
        raise UserError(
            f"{path}: the runs in it are not those that were pinned; remove it "
            "and fetch it again."
        )
    return frame
