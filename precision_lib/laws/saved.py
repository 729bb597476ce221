"""One file for all the laws that were fitted to a table."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from precision_lib.errors import UserError
from precision_lib.laws.result import Fit
from precision_lib.paths import write_whole


def save_fits(fits: Sequence[Fit], path: str | os.PathLike[str]) -> None:
    """Write fits to one file, whole or not at all: a JSON object each.

    Raises UserError if the file cannot be written there.

    >>> import tempfile
    >>> from precision_lib.laws import example_fit
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_fits([example_fit()], Path(folder, "fit.json"))
    ...     [fit.law.name for fit in load_fits(Path(folder, "fit.json"))]
    ['chinchilla']
    """
    text = "\n".join(fit.to_json() for fit in fits)
    write_whole(Path(path), f"{text}\n".encode())


def load_fits(path: str | os.PathLike[str]) -> tuple[Fit, ...]:
    """Read a file written by :func:`save_fits`: at most one law of each target.

    Raises UserError if the file is missing, is not of fits, or holds two laws of one
    target.

    >>> load_fits("absent.json")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: cannot read the fit absent.json: ...
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the fit {path}: {error}.") from None
    decoder, at = json.JSONDecoder(), 0
    fits: list[Fit] = []
    while text[at:].strip() or not fits:
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            end = len(text)  # what follows says what is wrong with it
        fits.append(Fit.from_json(text[at:end]))
        at = end
    targets = [fit.law.target for fit in fits]
    if len(set(targets)) < len(targets):
        raise UserError(
            f"{path} holds several laws of the same thing, "
            f"{', '.join(fit.law.name for fit in fits)}; keep one of each."
        )
    return tuple(fits)
