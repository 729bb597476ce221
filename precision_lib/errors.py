"""Exceptions that a user can do something about."""


class UserError(ValueError):
    """A wrong input, said in one sentence that names it and what to do.

    The command line prints the sentence and exits with status 2; a traceback
    is kept for faults of the library itself.

    Examples
    --------
    >>> raise UserError("runs.csv: column 'loss' is missing; add it.")
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: runs.csv: column 'loss' is missing; add it.
    """


class Undetermined(UserError):
    """The runs that there are do not determine a number; the sentence says why.

    More runs mend it. Whoever shows what is known so far may catch it, and show it.

    Examples
    --------
    >>> raise Undetermined("no run has 7,000,000 tokens.")
    Traceback (most recent call last):
    ...
    precision_lib.errors.Undetermined: no run has 7,000,000 tokens.
    """
