"""Exceptions that a user can do something about."""

from collections.abc import Collection


class UserError(ValueError):
    """A wrong input, said in one sentence that names it and what to do.

    The command line prints the sentence and exits with status 2; a traceback
    is kept for faults of the library itself.

    >>> raise UserError("runs.csv: column 'loss' is missing; add it.")
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: runs.csv: column 'loss' is missing; add it.
    """


class Undetermined(UserError):
    """The runs that there are do not determine a number; the sentence says why.

    More runs mend it. Whoever shows what is known so far may catch it, and show it.

    >>> raise Undetermined("no run has 7,000,000 tokens.")
    Traceback (most recent call last):
    ...
    precision_lib.errors.Undetermined: no run has 7,000,000 tokens.
    """


def check_known(what: str, value: str, known: Collection[str]) -> None:
    """Raise a UserError if `value` is none of the words that are known.

    >>> check_known("grid", "fine", ["full", "narrow"])
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: unknown grid 'fine'; one of full, narrow.
    """
    if value not in known:
        raise UserError(f"unknown {what} '{value}'; one of {', '.join(known)}.")
