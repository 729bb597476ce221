"""Columns that each hold the loss after rounding to one width, as rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from precision_lib.errors import UserError
from precision_lib.intake.cells import ROUNDING, is_blank, read_number
from precision_lib.intake.columns import SYNONYMS
from precision_lib.intake.faults import Fault, listed
from precision_lib.intake.raw import RawRuns

METHOD = r"gptq|rtn|awq|hqq|ptq|quantized|quant|rounded|smoothquant|spqr|quip\w*"
WIDTH = r"w\d{1,2}|int\d{1,2}|nf\d|fp\d|mxfp\d|\d{1,2}[-_]?bits?"
ROUNDED = (rf"(?:(?P<method>{METHOD})[-_./ ](?P<plain>\d{{1,2}})"
           rf"|(?:(?P<other>{METHOD})[-_./ ])?(?P<width>{WIDTH}))")  # fmt: skip


def lengthened(
    raw: RawRuns, columns: Mapping[str, str], reads: Collection[str]
) -> tuple[RawRuns, dict[str, str], list[str]]:
    """Columns such as ``loss_gptq_w4``, one a width, as a row a width.

    ``post_loss=loss_gptq_w*`` says which, with a star for the width; without a word
    the columns of one method that are named after a loss are taken. Raises UserError
    if no column is like the pattern, or the columns speak of several methods.

    >>> frame = pd.DataFrame({"loss": ["3.0"], "loss_gptq_w3": ["3.2"],
    ...                       "loss_gptq_w4": ["3.1"]})
    >>> raw = RawRuns("a.csv", "", frame, ("row 1",), tuple(frame))
    >>> raw, names, remarks = lengthened(raw, {}, ["post_bits", "post_loss"])
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
    if {given[n] for n in ROUNDING if n in given and n != target} - set(raw.header):
        return raw, given, []  # a column that is not there, which will be said
    if not {"post_bits", target} <= set(reads) or (taken and not starred):
        return raw, given, []
    if not found:
        return raw, given, _unread(raw, given.values())
    if taken:
        raise UserError(
            f"{raw.source}: {listed(sorted(taken))} and {given[target]!r} both "
            "speak of rounding; map one of the two."
        )
    raw = _a_row_a_width(raw, found, target)
    given |= {target: target, "post_bits": "post_bits"}
    said = f"Columns {listed(list(found))} were read as {target}, a row a width."
    return raw, given, [said]


def is_of_a_width(name: str) -> bool:
    """Whether a column may hold what a model is after rounding to one width.

    >>> is_of_a_width("eval_ce_gptq_w4"), is_of_a_width("seed")
    (True, False)
    """
    return re.fullmatch(rf"(.*[-_./ ])?{ROUNDED}", name, re.IGNORECASE) is not None


def _width(text: str) -> float | None:
    return read_number(text, "post_bits")


def _by_name(raw: RawRuns, given: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Named after the loss that is used, else after any loss in its unit."""
    own = given.get("loss", "loss")
    methods: dict[tuple[str, str, str], dict[str, str]] = {}
    for losses in (re.escape(own), SYNONYMS["loss"]):
        for target, stem in (("post_loss", losses), ("delta", SYNONYMS["delta"])):
            for name in raw.header:
                match = re.fullmatch(rf"(?P<stem>{stem})[-_./ ]{ROUNDED}", name, re.I)
                if match and _is_perplexity(name) == _is_perplexity(own):
                    method = (match["method"] or match["other"] or "").lower()
                    width = match["plain"] or match["width"]
                    one = (target, match["stem"].lower(), method)
                    methods.setdefault(one, {})[name] = width
        if methods:
            break
    if len(methods) > 1:
        names = [next(iter(each)) for each in methods.values()]
        raise UserError(
            f"{raw.source}: the columns {listed(names)} tell of several losses or ways "
            "of rounding; choose one with a star for the bits, as in --map "
            f'"post_loss={_starred(names[0])}".'
        )
    for (target, _, _), found in methods.items():
        return target, found
    return "post_loss", {}


def _is_perplexity(name: str) -> bool:
    return re.search("ppl|perplexity", name, re.IGNORECASE) is not None


def _starred(name: str) -> str:
    return re.sub(r"[0-9]+(?=[^0-9]*$)", "*", name)


def _unread(raw: RawRuns, taken: Collection[str]) -> list[str]:
    """What looks like a result of rounding to a width and is named after no loss."""
    like = re.compile(rf"(.*[-_./ ])?(?:{METHOD})[-_./ ](?:{WIDTH}|\d{{1,2}})", re.I)
    left = [n for n in raw.header if n not in taken and like.fullmatch(n)]
    if not left:
        return []
    return [
        f"Not read: {listed(left)}; if they are losses after rounding, say so with "
        f'--map "post_loss={_starred(left[0])}".'
    ]


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
