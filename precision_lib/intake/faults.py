"""What is wrong with a row or a run of a reader's files, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_SHOWN = 40


@dataclass(frozen=True)
class Fault:
    """What is wrong with one row, and what to do.

    >>> Fault("row 3", "val_loss", "oops", "is not a number", "mend it").sentence
    "row 3, column 'val_loss': 'oops' is not a number; mend it."
    """

    place: str  #: row or file, as in ``row 3`` or ``run-7.json``
    column: str  #: as the file names it; empty if the whole row is meant
    value: str  #: what stands there; empty for nothing
    #: what, cure: the fault and what to do, without a full stop
    what: str
    cure: str
    #: Number of the row among the runs read, from 0; -1 where it could not be read
    row: int = -1

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        return self.with_more(0)

    def with_more(self, more: int) -> str:
        """The sentence, and how many others say the same.

        >>> Fault("row 3", "bits", "w", "is not a number", "mend it").with_more(2)
        "row 3 (and 2 more like it), column 'bits': 'w' is not a number; mend it."
        """
        like = f" (and {more} more like it)" if more else ""
        column = f", column {self.column!r}" if self.column else ""
        value = f"{short(self.value)} " if self.value else ""
        return f"{self.place}{like}{column}: {value}{self.what}; {self.cure}."


def grouped(faults: Sequence[Fault]) -> Iterator[str]:
    """A sentence for each kind of fault, with the first of its kind.

    >>> faults = [Fault(f"row {i}", "bits", "w", "is no number", "mend it")
    ...           for i in (1, 2, 3)]
    >>> list(grouped(faults))
    ["row 1 (and 2 more like it), column 'bits': 'w' is no number; mend it."]
    """
    kinds: dict[tuple[str, str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.column, fault.what, fault.cure), []).append(fault)
    for alike in kinds.values():
        yield alike[0].with_more(len(alike) - 1)


def short(value: object, quote: str = "'") -> str:
    """A value for a message: one line, not too long.

    >>> short("a\\nb"), short("x" * 50, "")
    ("'a b'", 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ...')
    """
    text = " ".join(str(value).split())
    text = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 4] + " ..."
    return f"{quote}{text}{quote}"


def listed(names: Sequence[object], shown: int = 20) -> str:
    """Names for a message, the first of them.

    >>> listed(["a", "b", "c"], 2), listed([])
    ("'a', 'b' and 1 more", 'none')
    """
    text = ", ".join(short(name) for name in names[:shown]) or "none"
    more = len(names) - shown
    return text + (f" and {more} more" if more > 0 else "")
