"""The one exception for mistakes that a user can mend."""


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
