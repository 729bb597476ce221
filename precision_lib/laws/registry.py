"""The laws by name, those of the library and those of the reader."""

from __future__ import annotations

from precision_lib.errors import UserError
from precision_lib.laws.forms import (
    alternatives,
    base,
    capacity,
    degradation,
    effective,
    formats,
    qat,
    shannon,
    two_phases,
)
from precision_lib.laws.law import Law

LAWS: dict[str, type[Law]] = {}


def register(law: type[Law]) -> type[Law]:
    """Make a law known by its name; usable as a decorator.

    Raises UserError if another law has the name.

    >>> from precision_lib.laws.forms.base import Chinchilla
    >>> register(Chinchilla).name
    'chinchilla'
    """
    if not law.name:
        raise UserError(f"law {law.__name__} has no name; give it one.")
    known = LAWS.setdefault(law.name, law)
    if known is not law and known.__qualname__ != law.__qualname__:
        raise UserError(f"there is a law {law.name!r} already; choose another name.")
    LAWS[law.name] = law
    return law


def get_law(name: str) -> type[Law]:
    """The law of this name.

    Raises UserError if there is none.

    >>> get_law("ptq").formula
    'delta = C_T D^gamma_D N^-gamma_N exp(-P_post/gamma_post + b)'
    """
    if name not in LAWS:
        raise UserError(f"there is no law {name!r}; there are {', '.join(LAWS)}.")
    return LAWS[name]


def list_laws() -> list[type[Law]]:
    """Every law, in the order of the library, then the reader's own.

    >>> list_laws()[0].name
    'chinchilla'
    """
    return list(LAWS.values())


for _module in (
    base, effective, alternatives, degradation, formats, capacity, qat, two_phases,
    shannon,
):  # fmt: skip
    for _law in vars(_module).values():
        if isinstance(_law, type) and issubclass(_law, Law) and _law.name:
            register(_law)
