"""Runs as they were found in a reader's files, before anything is checked."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from precision_lib.intake.faults import Fault

NAMES = ("run", "run_id", "Name", "name")  # columns that name a run


@dataclass(frozen=True)
class RawRuns:
    """Runs as they were found."""

    source: str  #: what was read, for messages
    kind: str  #: what that is, in a few words
    #: One row a run; cells as they stand in the file (text, or JSON's types)
    frame: pd.DataFrame
    places: tuple[str, ...]  #: where each row stands
    header: tuple[str, ...]  #: every column of the source, read or not
    faults: tuple[Fault, ...] = ()  #: runs that could not be read
    remarks: tuple[str, ...] = ()  #: what was joined, chosen or left unread
