"""Which column of a reader's file is which of ours, and what is said if none is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.cells import KNOWN, LOSSES, ROUNDING, is_blank, read_number
from precision_lib.intake.faults import Fault, listed, short
from precision_lib.intake.raw import RawRuns
from precision_lib.intake.roles import ROLES

SYNONYMS = {
    "N": r"n_?params|params(_n)?|(num_|n_)?parameters|model_?size|non_?emb\w*",
    "D": r"(n_|num_|train_|total_)?tokens(_seen|_trained)?|data|token_?(ct|count)",
    "loss": r"(val|valid|validation|eval|test|final)\w*[_/. ]?loss|loss|ppl|perplexity",
    "delta": r"degradation|d_?loss",
    "post_bits": r"(ptq|quant\w*|gptq|rtn)_?bits|wbits",
    "weight_bits": r"w_?bits|precision|bits",
}
UNIT = r"([_ (](k|m|b|millions?|billions?|nats|bits)\)?)?"  # a name may end in one
METHOD = r"gptq|rtn|awq|hqq|ptq|quantized|quant|rounded|smoothquant|spqr|quip\w*"
WIDTH = r"w\d{1,2}|int\d{1,2}|nf\d|fp\d|mxfp\d|\d{1,2}[-_]?bits?"

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

    Parameters
    ----------
    columns
        What the reader says.
    required
        Columns that must be there; ``loss`` stands for any loss or degradation if
        `reads` holds all of them.
    reads
        All that the laws at hand can use.
    asked
        Columns that a condition or a cluster names.

    Raises
    ------
    UserError
        A column is not there, or nothing reads it.

    Examples
    --------
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
    if missing == ["delta"] and {"loss", "post_loss"} <= set(names):
        missing = []
    if missing:
        raise UserError(
            f"{raw.source}: {' and '.join(map(repr, missing))} "
            f"{'are' if len(missing) > 1 else 'is'} missing; the columns are "
            f"{there}; {_guess(missing, raw.header)}."
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


def _guess(missing: Sequence[str], header: Sequence[str]) -> str:
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
    return f'say which they are with --map "{",".join(pairs)}"'


def lengthened(
    raw: RawRuns, columns: Mapping[str, str], reads: Collection[str]
) -> tuple[RawRuns, dict[str, str], list[str]]:
    """Columns such as ``loss_gptq_w4``, one a width, as a row a width.

    ``post_loss=loss_gptq_w*`` says which, with a star for the width; without a word
    the columns of one method that are named after the loss are taken.

    Raises
    ------
    UserError
        No column is like the pattern, or the columns speak of several methods.

    Examples
    --------
    >>> frame = pd.DataFrame({"loss": ["3.0"], "loss_gptq_w3": ["3.2"],
    ...                       "loss_gptq_w4": ["3.1"]})
    >>> raw = RawRuns("a.csv", "", frame, ("row 1",), tuple(frame))
    >>> raw, names, remarks = lengthened(raw, {}, KNOWN)
    >>> raw.frame[["post_bits", "post_loss"]].values.tolist()
    [['w3', '3.2'], ['w4', '3.1']]
    >>> remarks
    ["Columns 'loss_gptq_w3', 'loss_gptq_w4' were read as post_loss, a row a width."]
    """
    given = dict(columns)
    starred = [n for n in ("post_loss", "delta") if "*" in given.get(n, "")]
    if starred:
        target = starred[0]
        head, _, tail = given[target].partition("*")
        pattern = rf"{re.escape(head)}(?P<width>.+?){re.escape(tail)}"
        found = {n: m["width"] for n in raw.header if (m := re.fullmatch(pattern, n))}
        found = {n: w for n, w in found.items() if _width(w) is not None}
        if not found:
            raise UserError(
                f"{raw.source}: no column is like {given[target]!r} with a number of "
                f"bits for the star; the columns are {listed(raw.header)}."
            )
    else:
        target, found = _by_name(raw, given)
    taken = {given.get(n, n) for n in ROUNDING if n != target} & set(raw.header)
    if not found or not {"post_bits", target} <= set(reads) or (taken and not starred):
        return raw, given, []
    if taken:
        raise UserError(
            f"{raw.source}: {listed(sorted(taken))} and {given[target]!r} both "
            "speak of rounding; map one of the two."
        )
    raw = _a_row_a_width(raw, found, target)
    given |= {target: target, "post_bits": "post_bits"}
    said = f"Columns {listed(list(found))} were read as {target}, a row a width."
    return raw, given, [said]


def _width(text: str) -> float | None:
    return read_number(text, "post_bits")


def _by_name(raw: RawRuns, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    methods: dict[tuple[str, str], dict[str, str]] = {}
    starts = {"post_loss": given.get("loss", "loss"), "delta": "delta"}
    for target, start in starts.items():
        pattern = re.compile(
            rf"{re.escape(start)}[-_./ ]"
            rf"(?:(?P<method>{METHOD})[-_./ ](?P<plain>\d{{1,2}})"
            rf"|(?:(?P<other>{METHOD})[-_./ ])?(?P<width>{WIDTH}))",
            re.IGNORECASE,
        )
        for name in raw.header:
            if match := pattern.fullmatch(name):
                method = (match["method"] or match["other"] or "").lower()
                width = match["plain"] or match["width"]
                methods.setdefault((target, method), {})[name] = width
    if len(methods) > 1:
        names = [next(iter(each)) for each in methods.values()]
        raise UserError(
            f"{raw.source}: the columns {listed(names)} tell of several ways of "
            "rounding; choose one with a star for the bits, as in --map "
            f'"post_loss={re.sub(r"[0-9]+(?=[^0-9]*$)", "*", names[0])}".'
        )
    for (target, _), found in methods.items():
        return target, found
    return "post_loss", {}


def _a_row_a_width(raw: RawRuns, found: Mapping[str, str], target: str) -> RawRuns:
    rest = raw.frame.drop(columns=[n for n in found if n in raw.frame])
    never = raw.frame[list(found)].map(is_blank).all(axis=1).to_numpy(dtype=bool)
    parts: list[pd.DataFrame] = []
    places: list[str] = []
    faults: list[Fault] = []
    shift = 0
    for position, (column, width) in enumerate(found.items()):
        kept = ~never | (position == 0)  # a run rounded to no width is there once
        part = rest.assign(post_bits=pd.Series(width, rest.index).mask(never, None))
        part[target] = raw.frame[column]
        parts.append(part[kept])
        places += [f"{p}, {column}" for p, k in zip(raw.places, kept, strict=True) if k]
        to = shift + np.cumsum(kept) - 1
        faults += [replace(f, row=int(to[f.row])) for f in raw.faults
                   if f.row >= 0 and kept[f.row]]  # fmt: skip
        shift += int(kept.sum())
    faults += [f for f in raw.faults if f.row < 0]
    frame = pd.concat(parts, ignore_index=True) if len(rest) else rest
    header = [*(n for n in raw.header if n not in found), target, "post_bits"]
    return replace(
        raw, frame=frame, places=tuple(places), header=tuple(header),
        faults=tuple(faults),
    )  # fmt: skip


def unknown_states(raw: RawRuns, column: str) -> Iterator[Fault]:
    """A fault for each run that is not known to be finished.

    Examples
    --------
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
