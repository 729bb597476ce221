"""The coordinates in which a law is fitted, and the way back to its parameters.

Fitted are logarithms of positive parameters, and for the factor of a term the
size of that term at the centre of the table. In these coordinates log A and
alpha hardly correlate, one range of random starts suits every table, and random
starts agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from precision_lib.errors import UserError
from precision_lib.laws.law import Law, Parameter, term_names
from precision_lib.laws.solver.dual import Array, Dual
from precision_lib.laws.solver.rows import Rows


@dataclass(frozen=True)
class Slot:
    """One scalar parameter: as declared, or one level of a `per` parameter."""

    name: str
    parameter: Parameter
    index: int | None  # coordinate that it follows; None where it is held
    held: float = 0.0


@dataclass(frozen=True)
class Space:
    """Coordinates of a law on one table."""

    law: type[Law]
    slots: dict[str, Slot]  #: every scalar parameter by name, in the law's order
    #: Names of those that are fitted, in the order of the coordinates
    free: tuple[str, ...]
    tied: dict[str, str]  #: parameter name to the name it equals
    #: Middle of each column, at which a term has the size that is fitted
    centre: dict[str, float]
    size: float  #: the typical target, in the unit of which terms are measured

    @property
    def names(self) -> tuple[str, ...]:
        """Every scalar parameter of the law on this table."""
        return tuple(self.slots)

    def limits(self) -> tuple[Array, Array]:
        """Lower and upper bound of every coordinate."""
        return self._ranges("bounds")

    def start_range(self) -> tuple[Array, Array]:
        """Range of the random starts in every coordinate."""
        return self._ranges("start")

    def _ranges(self, which: str) -> tuple[Array, Array]:
        pairs = np.array(
            [self._range(self.slots[name].parameter, which) for name in self.free]
        ).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def _range(self, parameter: Parameter, which: str) -> tuple[float, float]:
        low, high = getattr(parameter, which)
        return (
            (np.log(low), np.log(high))
            if parameter.coordinate == "log"
            else (low, high)
        )

    def scalars(self, z: Array, gradient: bool = False) -> dict[str, Any]:
        """Parameters at coordinates `z` of shape (..., K), each of shape (..., 1)."""
        found: dict[str, Any] = {}
        simple = [s for s in self.slots.values() if s.parameter.term is None]
        terms = [s for s in self.slots.values() if s.parameter.term is not None]
        for slot in simple + terms:
            if slot.name in self.tied:
                continue
            if slot.index is None:
                found[slot.name] = np.float64(slot.held)
                continue
            at: Any = z[..., slot.index, None]
            if gradient:
                at = Dual(at, {slot.index: np.ones((1,) * z.ndim)})
            at = self._number(slot.parameter, at, found)
            found[slot.name] = at
            for name, other in self.tied.items():
                if other == slot.name:
                    found[name] = at
        for name, other in self.tied.items():
            found[name] = found[other]
        return {name: found[name] for name in self.slots}

    def _number(self, parameter: Parameter, at: Any, found: Mapping[str, Any]) -> Any:
        """The parameter at a coordinate."""
        if parameter.coordinate == "log":
            at = np.exp(at)
        if parameter.coordinate in ("itself", "log"):
            return at if parameter.term is None else at * self._unit(parameter, found)
        if parameter.term is not None:
            at = at / self._term(parameter, found)
        return np.log(at) if parameter.coordinate == "exp" else -np.log(at)

    def _coordinate(self, name: str, params: Mapping[str, Any]) -> Any:
        """The coordinate of a parameter; the inverse of `_number`."""
        parameter = self.slots[name].parameter
        at = np.asarray(params[name], dtype=float)
        if parameter.coordinate in ("itself", "log"):
            at = at if parameter.term is None else at / self._unit(parameter, params)
            return np.log(at) if parameter.coordinate == "log" else at
        at = np.exp(at if parameter.coordinate == "exp" else -at)
        return at if parameter.term is None else at * self._term(parameter, params)

    def _unit(self, parameter: Parameter, found: Mapping[str, Any]) -> Any:
        """The parameter for which the whole term has the size of the target."""
        return self.size / self._term(parameter, found)

    def _term(self, parameter: Parameter, found: Mapping[str, Any]) -> Any:
        assert parameter.term is not None
        arguments = {
            name: self.centre[name] if name in self.centre else found[name]
            for name in term_names(parameter.term)
        }
        return parameter.term(**arguments)

    def coordinates(self, params: Mapping[str, Any]) -> Array:
        """Coordinates of given parameters; the inverse of `scalars`."""
        return np.stack([self._coordinate(name, params) for name in self.free], axis=-1)


def make_space(
    law: type[Law],
    rows: Rows,
    target: Array,
    fixed: Mapping[str, float | None] | None = None,
    tied: Mapping[str, str] | None = None,
) -> Space:
    """Choose the coordinates for a law on a table.

    Raises UserError if `fixed` or `tied` names a parameter that the law does not have.

    >>> from precision_lib.laws import get_law
    >>> from precision_lib.laws.solver.rows import read_rows
    >>> law = get_law("chinchilla")
    >>> rows = read_rows({"N": [1e6, 4e6], "D": [1e8, 1e8]}, law)
    >>> space = make_space(law, rows, np.array([3.0, 2.8]), fixed={"E": 1.7})
    >>> space.free
    ('A', 'alpha', 'B', 'beta')
    """
    fixed, tied = dict(fixed or {}), dict(tied or {})
    scalars = _expand(law, rows)
    _check_names(law, [*fixed, *tied, *tied.values()], scalars)
    _check_tied(tied, fixed)
    slots: dict[str, Slot] = {}
    free: list[str] = []
    for name, (parameter, held) in scalars.items():
        held = _checked(name, fixed.get(name, held), parameter)
        if held is None and name not in tied:
            slots[name] = Slot(name, parameter, len(free))
            free.append(name)
        else:
            slots[name] = Slot(name, parameter, None, 0.0 if held is None else held)
    if not free:
        raise UserError("every parameter is fixed; leave at least one to fit.")
    centre = {name: _centre(values) for name, values in rows.columns.items()}
    for name, values in rows.columns.items():
        centre[f"lowest_{name}"] = float(values.min()) if values.size else 0.0
    size = float(np.median(np.abs(target))) or 1.0
    return Space(law, slots, tuple(free), tied, centre, size)


def _expand(law: type[Law], rows: Rows) -> dict[str, tuple[Parameter, float | None]]:
    scalars: dict[str, tuple[Parameter, float | None]] = {}
    for parameter in law.parameters:
        if not parameter.per:
            scalars[parameter.name] = (parameter, parameter.fixed)
            continue
        for level in rows.levels[parameter.per]:
            held = 1.0 if level.lower() in parameter.reference else parameter.fixed
            scalars[f"{parameter.name}[{level}]"] = (parameter, held)
    return scalars


def _check_names(law: type[Law], asked: list[str], known: Mapping[str, Any]) -> None:
    for name in asked:
        if name not in known:
            raise UserError(
                f"law {law.name!r} has no parameter {name!r}; it has "
                f"{', '.join(known)}."
            )


def _check_tied(tied: Mapping[str, str], fixed: Mapping[str, Any]) -> None:
    for name, other in tied.items():
        if other in tied or name in fixed:
            raise UserError(
                f"{name} is tied to {other}, which is tied or fixed itself in a way "
                "that leaves nothing to follow; tie each to one free parameter."
            )


def _checked(name: str, held: float | None, parameter: Parameter) -> float | None:
    if held is None:
        return None
    held = float(held)
    if not np.isfinite(held) or (parameter.coordinate == "log" and held <= 0):
        kind = "positive" if parameter.coordinate == "log" else "finite"
        raise UserError(f"{name} is held at {held:g}; give a {kind} number.")
    return held


def _centre(values: Array) -> float:
    if values.size and values.min() > 0:
        return float(np.exp(np.log(values).mean()))
    return float(values.mean()) if values.size else 0.0


def arguments(law: type[Law], rows: Rows, scalars: Mapping[str, Any]) -> dict[str, Any]:
    """Columns and parameters as the law's function wants them.

    >>> from precision_lib.laws import get_law
    >>> from precision_lib.laws.solver.rows import read_rows
    >>> law = get_law("format-multiplier")
    >>> table = {"N": [1.0, 2.0], "D": [1.0, 1.0], "weight_format": ["a", "b"]}
    >>> rows = read_rows(table, law)
    >>> given = {"eff[a]": 0.5, "eff[b]": 0.9, "E": 1.0}
    >>> arguments(law, rows, given)["eff"].tolist()
    [0.5, 0.9]
    """
    result: dict[str, Any] = dict(rows.columns)
    for parameter in law.parameters:
        if parameter.per:
            codes, levels = rows.codes[parameter.per], rows.levels[parameter.per]
            names = [f"{parameter.name}[{level}]" for level in levels]
            result[parameter.name] = _gather([scalars[k] for k in names], codes)
        elif parameter.name in scalars:
            result[parameter.name] = scalars[parameter.name]
    return result


def _gather(by_level: list[Any], codes: Any) -> Any:
    """Value of each row's level; one-hot derivatives where there are any."""
    total: Any = 0.0
    for code, value in enumerate(by_level):
        total = total + value * (codes == code).astype(float)
    return total


def hold(space: Space, name: str, value: float) -> Space:
    """The space with one more parameter held at a number.

    Raises UserError if the parameter is not free, or it is the only one that is.

    >>> from precision_lib.laws import example_fit
    >>> space = example_fit().problem.space
    >>> hold(space, "E", 1.8).free
    ('A', 'alpha', 'B', 'beta')
    """
    if name not in space.free:
        raise UserError(
            f"{name!r} is not a fitted parameter; fitted are {', '.join(space.free)}."
        )
    free = tuple(other for other in space.free if other != name)
    if not free:
        raise UserError(f"{name!r} is the only fitted parameter; there is no profile.")
    slots = {}
    for key, slot in space.slots.items():
        if key == name:
            slots[key] = replace(slot, index=None, held=value)
        elif slot.index is not None:
            slots[key] = replace(slot, index=free.index(key))
        else:
            slots[key] = slot
    return replace(space, slots=slots, free=free)
