"""What a law is: a plain function of columns and parameters, with a declaration.

The signature says which is which: arguments before the star are columns of the
run table, arguments after it are the parameters to fit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

from precision_lib.errors import UserError

Term = Callable[..., Any]
Coordinate = Literal["itself", "log", "exp", "exp-minus"]


@dataclass(frozen=True)
class Parameter:
    """One number that a law leaves to the data.

    >>> Parameter("gamma", "bits for one e-fold", "bits", (0.3, 5), (0.05, 50), "log")
    Parameter(name='gamma', meaning='bits for one e-fold', unit='bits', ...)
    """

    name: str  #: as in the signature of the law's function
    #: meaning, unit: for people: what it says and in what unit
    meaning: str
    unit: str = ""
    start: tuple[float, float] = (0.0, 1.0)  #: range from which random starts are drawn
    #: Range that the fit may not leave; a fit that ends there says so
    bounds: tuple[float, float] = (-1e3, 1e3)
    #: What is drawn and fitted: the number ``"itself"``, its ``"log"`` (a positive
    #: number), its ``"exp"`` (an offset in an exponent) or its ``"exp-minus"`` (a rate
    #: in an exponent). `start` and `bounds` speak of the number itself for the first
    #: two, of the exponential for the others.
    coordinate: Coordinate = "itself"
    #: The factor that the parameter multiplies, as a function of columns and parameters
    #: by name. `start` and `bounds` then speak of the size of the whole term at the
    #: centre of the table, as a share of the typical target: "A N^-alpha is between
    #: 1/50 and 1 of the loss" is a fair guess for every table, whereas A alone may be 1
    #: or 1e9. It also takes the correlation of A and alpha out of the fit. With
    #: coordinate ``"exp"`` it is the factor of the exponential. A column's name stands
    #: for its centre, ``lowest_`` before it for its minimum.
    term: Term | None = None
    per: str = ""  #: a column of names; the law gets one such parameter for each name
    #: Names in `per` at which the parameter is 1 by definition
    reference: tuple[str, ...] = ()
    fixed: float | None = None  #: held at this number unless the fit is told otherwise


def coefficient(name: str, meaning: str, term: Term) -> Parameter:
    """A positive factor of one term of the law, such as A in ``A N^-alpha``.

    >>> coefficient("A", "size term", lambda N, alpha: N**-alpha).coordinate
    'log'
    """
    unit = "target unit at N = D = ... = 1"
    return Parameter(name, meaning, unit, (0.02, 1.0), (1e-9, 1e4), "log", term)


def exponent(name: str, meaning: str) -> Parameter:
    """A positive exponent of a power law, drawn from 0.1 to 1.

    >>> exponent("alpha", "how fast size helps").start
    (0.1, 1.0)
    """
    return Parameter(name, meaning, "", (0.1, 1.0), (1e-4, 20.0), "log")


def asymptote(name: str, meaning: str) -> Parameter:
    """A loss that no amount of size and data removes; zero or more.

    Start and bounds are shares of the typical target.

    >>> asymptote("E", "irreducible loss").bounds
    (0.0, 10.0)
    """
    unit = "nats/token"
    return Parameter(name, meaning, unit, (0.05, 0.95), (0.0, 10.0), term=lambda: 1.0)


def bits_scale(name: str, meaning: str) -> Parameter:
    """How many bits take one factor e off an error that is exponential in bits.

    >>> bits_scale("gamma_weights", "of the weights").unit
    'bits'
    """
    return Parameter(name, meaning, "bits", (0.3, 4.0), (0.02, 60.0), "log")


def offset(name: str, meaning: str, term: Term | None = None) -> Parameter:
    """The offset n in ``1 - exp(-bits / gamma + n)``.

    `term`: ``exp(-bits / gamma)`` at the lowest bits in the table. Fitted is then the
    share lost at the lowest bits, between 0 and 1; beyond it lie n and gamma for which
    precision has no effect on the table, or the law is undefined.

    >>> offset("n_weights", "of the weights").start
    (0.02, 0.9)
    """
    return Parameter(name, meaning, "", (0.02, 0.9), (1e-6, 1 - 1e-6), "exp", term)


class Law:
    """A scaling law: subclass it, name it, declare parameters, write the formula.

    A law of one's own needs no more than this:

    >>> import numpy as np
    >>> class Saturating(Law):
    ...     '''Loss falls with data to a floor, the faster the more bits.'''
    ...     name = "saturating"
    ...     formula = "L = E + B D^-beta exp(bits_gain / bits)"
    ...     parameters = (
    ...         asymptote("E", "floor"),
    ...         coefficient("B", "data term", lambda D, beta: D**-beta),
    ...         exponent("beta", "how fast data helps"),
    ...         Parameter("bits_gain", "bits at which loss doubles", "bits", (0.1, 3)),
    ...     )
    ...     @staticmethod
    ...     def predict(D, weight_bits, *, E, B, beta, bits_gain):
    ...         return E + B * D**-beta * np.exp(bits_gain / weight_bits)
    >>> Saturating.columns()
    ('D', 'weight_bits')
    """

    name: ClassVar[str] = ""  #: what the command line and the files call it
    #: formula, source: a line of plain text, and paper and equation; the docstring gets
    #: both
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    #: Column that the law predicts: ``"loss"`` or ``"delta"``
    target: ClassVar[str] = "loss"
    #: One `Parameter` for each keyword-only argument of `predict`
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    predict: ClassVar[Callable[..., Any]]

    def __init_subclass__(cls) -> None:
        if not cls.name:
            return
        if cls.__doc__:
            first, _, rest = inspect.cleandoc(cls.__doc__).partition("\n\n")
            told = f"``{cls.formula}``. {cls.source}".removesuffix(". ") + "."
            cls.__doc__ = f"{first}\n\n{told}\n\n{rest}"
        declared = {p.name for p in cls.parameters}
        wanted = set(_names(cls.predict, inspect.Parameter.KEYWORD_ONLY))
        if declared != wanted:
            raise UserError(
                f"law {cls.name!r}: the parameters declared {sorted(declared)} are "
                f"not the keyword-only arguments of predict {sorted(wanted)}; "
                "make them the same."
            )

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Columns that the law reads, in the order of the function's arguments."""
        return _names(cls.predict, inspect.Parameter.POSITIONAL_OR_KEYWORD)

    @classmethod
    def categories(cls) -> tuple[str, ...]:
        """Columns of names, for which the law has one parameter a name."""
        return tuple(dict.fromkeys(p.per for p in cls.parameters if p.per))

    @classmethod
    def summary(cls) -> str:
        """First line of the law's docstring."""
        return (inspect.getdoc(cls) or cls.name).splitlines()[0]


def _names(function: Callable[..., Any], kind: Any) -> tuple[str, ...]:
    found = inspect.signature(function).parameters.values()
    return tuple(p.name for p in found if p.kind is kind)


@lru_cache
def term_names(term: Term) -> tuple[str, ...]:
    """Names of the columns and parameters that a term function asks for.

    >>> term_names(lambda N, alpha: N**-alpha)
    ('N', 'alpha')
    """
    return tuple(inspect.signature(term).parameters)
