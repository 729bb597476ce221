"""Runs as they were found in a reader's files, before anything is checked."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from precision_lib.intake.faults import Fault

NAMES = ("run", "run_id", "Name", "name")  # columns that name a run


@dataclass(frozen=True)
class RawRuns:
    """Runs as they were found.

    Attributes
    ----------
    source : str
        What was read, for messages.
    kind : str
        What that is, in a few words.
    frame : DataFrame
        One row a run; cells as they stand in the file (text, or JSON's types).
    places : tuple of str
        Where each row stands.
    header : tuple of str
        Every column of the source, read or not.
    faults : tuple of Fault
        Runs that could not be read.
    remarks : tuple of str
        What was joined, chosen or left unread.
    """

    source: str
    kind: str
    frame: pd.DataFrame
    places: tuple[str, ...]
    header: tuple[str, ...]
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
