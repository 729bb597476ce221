"""Which column of a reader's file is which of ours, and what is said if none is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from precision_lib.errors import UserError
from precision_lib.intake.cells import KNOWN, LOSSES, ROUNDING
from precision_lib.intake.faults import Fault, listed, short
from precision_lib.intake.raw import RawRuns
from precision_lib.intake.roles import ROLES

BEFORE = ("loss", "post_bits")
SYNONYMS = {
    "N": r"n_?params|params(_n)?|(num_|n_)?parameters|model_?size|non_?emb\w*",
    "D": r"(n_|num_|train_|total_)?tokens(_seen|_trained)?|data|token_?(ct|count)",
    "loss": r"(val|valid|validation|eval|test|final)\w*[_/. ]?loss|loss|ppl|perplexity",
    "delta": r"delta|degradation|d_?loss",
    "post_bits": r"(ptq|quant\w*|gptq|rtn)_?bits|wbits",
    "weight_bits": r"w_?bits|precision|bits",
}
UNIT = r"([_ (](k|m|b|millions?|billions?|nats|bits)\)?)?"  # a name may end in one

FINISHED = {"finished", "complete", "completed", "done", "success", "successful",
            "succeeded", "terminated", "ok", "passed"}  # fmt: skip
UNFINISHED = {"crashed", "failed", "fail", "killed", "running", "pending", "preempted",
              "preempting", "diverged", "pruned", "error", "errored", "waiting",
              "scheduled", "paused", "canceled", "cancelled", "timeout", "timed_out",
              "stopped", "interrupted", "aborted", "queued", "oom", "nan", "incomplete",
              "unfinished", "started", "new"}  # fmt: skip


def name_columns(
    raw: RawRuns,
    columns: Mapping[str, str],
    required: Sequence[str],
    reads: Collection[str],
    asked: Collection[str],
) -> dict[str, str]:
    """Our name to the file's, for all that is read.

    Raises UserError if a column is not there, or nothing reads it.

    `columns`: what the reader says; `required`: columns that must be there; ``loss``
    stands for any loss or degradation if `reads` holds all of them. `reads`: all that
    the laws at hand can use; `asked`: columns that a condition or a cluster names.

    >>> import pandas as pd
    >>> raw = RawRuns("a.csv", "", pd.DataFrame(), (), ("params", "D", "loss"))
    >>> name_columns(raw, {"N": "params"}, ["N", "D", "loss"], KNOWN, [])
    {'N': 'params', 'D': 'D', 'loss': 'loss'}
    """
    _no_stranger(columns, reads, asked)
    there = listed(raw.header)
    absent = [f"{old!r} (given for {new})" for new, old in columns.items()
              if old not in raw.header]  # fmt: skip
    absent += [f"{name!r}" for name in asked
               if name not in {*raw.header, *columns, "delta"}]  # fmt: skip
    if absent:
        raise UserError(
            f"{raw.source}: there is no column {' or '.join(absent)}; the columns "
            f"are {there}."
        )
    names = {n: columns.get(n, n) for n in KNOWN if n in reads
             and (n in columns or n in raw.header)}  # fmt: skip
    missing = [name for name in required if name not in names]
    if "loss" in missing and set(LOSSES) <= set(reads) and set(LOSSES) & set(names):
        missing.remove("loss")
    known = set(names)  # the loss before rounding may stand in rows of 16 bits
    if missing == ["delta"] and {"post_loss"} < known & {"post_loss", *BEFORE}:
        missing = []
    if missing:
        raise UserError(
            f"{raw.source}: {' and '.join(map(repr, missing))} "
            f"{'are' if len(missing) > 1 else 'is'} missing; the columns are "
            f"{there}; {_guess(missing, raw)}."
        )
    _not_alone(raw.source, columns, names, reads)
    return names


def _not_alone(
    source: str,
    columns: Mapping[str, str],
    names: Collection[str],
    reads: Collection[str],
) -> None:
    """Bits of rounding say nothing without a loss, and the loss nothing without."""
    if not set(ROUNDING) <= set(reads):
        return
    losses = ("post_loss", "delta")
    for one, others in (
        ("post_bits", losses), *((loss, ("post_bits",)) for loss in losses)
    ):  # fmt: skip
        if one in columns and not set(others) & set(names):
            raise UserError(
                f"{source}: {one} says nothing without "
                f"{' or '.join(map(repr, others))}; map that too."
            )


def _no_stranger(
    columns: Mapping[str, str], reads: Collection[str], asked: Collection[str]
) -> None:
    known = {*KNOWN, *ROLES}
    for name in columns:
        if name in known | set(asked) and (name in {*reads, *ROLES, *asked}):
            continue
        if name in KNOWN:
            raise UserError(
                f"--map: no law that is fitted here reads {name!r}, only "
                f"{listed([n for n in KNOWN if n in reads])}; leave it out, or choose "
                "a law that reads it."
            )
        raise UserError(
            f"--map: {name!r} stands for nothing that a law reads; map from "
            f"{', '.join((*KNOWN, *ROLES))}."
        )


def _guess(missing: Sequence[str], raw: RawRuns) -> str:
    header = raw.header
    if any(name.endswith(("__MIN", "__MAX")) for name in header):
        return "it looks like W&B's export of one chart, so export the table of runs"
    if {"Wall time", "Step", "Value"} <= set(header):
        return (
            "it looks like TensorBoard's export of one curve, so put one such file a "
            "run into a folder and add its N"
        )
    pairs = []
    for name in missing:
        pattern = re.compile(rf"(.*[./])?({SYNONYMS.get(name, name)}){UNIT}", re.I)
        like = next((each for each in header if pattern.fullmatch(each)), "...")
        pairs.append(f"{name}={like}")
    rest = ", or post_loss, the loss after rounding" if "delta" in missing else ""
    if "CSV" in raw.kind and len(pairs) > 1 and all(p.endswith("=...") for p in pairs):
        rest += ", or begin the file with the line that names them"
    return f'say which they are with --map "{",".join(pairs)}"{rest}'


def unknown_states(raw: RawRuns, column: str) -> Iterator[Fault]:
    """A fault for each run that is not known to be finished.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"state": ["COMPLETE", "PRUNED", "odd"]})
    >>> raw = RawRuns("a.csv", "", frame, ("row 1", "row 2", "row 3"), ("state",))
    >>> [fault.what for fault in unknown_states(raw, "state")]
    ['is not the state of a finished run', 'is a state that is not known']
    """
    for row, cell in enumerate(raw.frame[column].tolist()):
        word = str("" if cell is None else cell).strip().lower()
        if word in FINISHED:
            continue
        what, cure = "is not the state of a finished run", "leave the row out"
        if word not in UNFINISHED:
            what = "is a state that is not known" if word else "no state is given"
            cure = (
                f'say which runs are finished, as with --where "{column} == '
                f'{short(cell if word else "finished")}"'
            )
        yield Fault(raw.places[row], column, str(cell or ""), what, cure, row)
