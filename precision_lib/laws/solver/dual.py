"""Exact gradients of a plain NumPy function: sparse forward-mode dual numbers.

A law is an ordinary function written with ``+ - * / **`` and NumPy's elementary
functions. Called with numbers it returns numbers. Called with `Dual` parameters
it returns, beside the same numbers, the derivative by each parameter, exact to
rounding. Only the derivatives that are not zero are carried (``A * N**-alpha``
knows of A and alpha alone), and values may have any leading batch shape, so
that thousands of starts or bootstrap replicates are differentiated at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision_lib.errors import UserError

Array = NDArray[np.float64]
Partial = Any  # an array, or the plain number that stands for a constant one
Rule = Callable[..., tuple[Any, tuple[Partial, ...]]]

RULES: dict[Any, Rule] = {}


def rule(ufunc: Any) -> Callable[[Rule], Rule]:
    """Register the derivative of a NumPy ufunc.

    The decorated function takes plain arrays and returns the value and one
    partial derivative for each input.

    >>> @rule(np.arctan)
    ... def _arctan(x):
    ...     return np.arctan(x), (1 / (1 + x * x),)
    >>> slope(np.arctan, 1.0)
    0.5
    """

    def add(function: Rule) -> Rule:
        RULES[ufunc] = function
        return function

    return add


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """A value with its derivatives by the parameters it depends on.

    Raises UserError if an operation has no derivative rule.

    `value`: the numbers, of any shape; `parts`: derivative by parameter ``k``, for each
    ``k`` with a derivative that is not zero; of a shape that broadcasts against
    `value`.

    >>> x = Dual(np.array(3.0), {0: np.array(1.0)})
    >>> y = x**2 + np.log(x)
    >>> float(y.parts[0])
    6.333333333333333
    """

    __slots__ = ("parts", "value")

    def __init__(self, value: Any, parts: Mapping[int, Any]) -> None:
        self.value = value
        self.parts = parts

    def __repr__(self) -> str:
        return f"Dual({self.value!r}, {dict(self.parts)!r})"

    def __array_ufunc__(
        self, ufunc: Any, method: str, *inputs: Any, **options: Any
    ) -> Any:
        values = [x.value if isinstance(x, Dual) else x for x in inputs]
        if ufunc in COMPARISONS and method == "__call__":
            return ufunc(*values, **options)
        if method != "__call__" or ufunc not in RULES or options:
            raise _no_rule(
                f"{ufunc.__name__}{'' if method == '__call__' else '.' + method}"
            )
        value, partials = RULES[ufunc](*values)
        parts: dict[int, Any] = {}
        for x, partial in zip(inputs, partials, strict=True):
            if isinstance(x, Dual):
                for k, part in x.parts.items():
                    term = _scaled(partial, part)
                    parts[k] = parts[k] + term if k in parts else term
        return Dual(value, parts)

    def __array_function__(
        self, function: Any, types: Any, args: Any, options: Any
    ) -> Any:
        if function is np.where and len(args) == 3 and not options:
            return _where(*args)
        raise _no_rule(function.__name__)


def _no_rule(name: str) -> UserError:
    return UserError(
        f"numpy.{name} has no derivative here; write the law with + - * / **, the "
        "elementary functions and numpy.where, or add a rule with "
        "laws.solver.dual.rule."
    )


def _scaled(partial: Partial, part: Any) -> Any:
    if isinstance(partial, float):
        return part if partial == 1.0 else partial * part
    return partial * part


def _where(condition: Any, yes: Any, no: Any) -> Dual:
    chosen, other = _split(yes), _split(no)
    parts = {
        k: np.where(condition, chosen.parts.get(k, 0.0), other.parts.get(k, 0.0))
        for k in {**chosen.parts, **other.parts}
    }
    return Dual(np.where(condition, chosen.value, other.value), parts)


def _split(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x, {})


def slope(function: Callable[[Any], Any], at: float) -> float:
    """Exact derivative of a function of one number.

    >>> slope(lambda x: np.exp(-x / 2), 0.0)
    -0.5
    """
    result = function(Dual(np.float64(at), {0: np.float64(1.0)}))
    return float(_split(result).parts.get(0, 0.0))


COMPARISONS = {
    np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal,
    np.isfinite, np.isnan, np.sign, np.floor,
}  # fmt: skip


@rule(np.add)
def _add(x: Any, y: Any) -> Any:
    return x + y, (1.0, 1.0)


@rule(np.subtract)
def _subtract(x: Any, y: Any) -> Any:
    return x - y, (1.0, -1.0)


@rule(np.multiply)
def _multiply(x: Any, y: Any) -> Any:
    return x * y, (_array(y), _array(x))


@rule(np.divide)
def _divide(x: Any, y: Any) -> Any:
    inverse = 1.0 / _array(y)
    value = x * inverse
    return value, (inverse, _Lazy(lambda: -value * inverse))


@rule(np.power)
def _power(x: Any, y: Any) -> Any:
    base, exponent = _array(x), _array(y)
    if base.ndim == 0 or exponent.ndim == 0 or np.any(base <= 0):
        value = np.power(base, exponent)
    else:  # much faster than np.power, and the logarithm is wanted below
        value = np.exp(exponent * np.log(base))
    by_base = _Lazy(lambda: exponent * np.power(base, exponent - 1.0))
    if np.all(base > 0):
        by_base = _Lazy(lambda: exponent * value / base)
    return value, (by_base, _Lazy(lambda: value * np.log(_not_zero(base))))


def _not_zero(base: Any) -> Any:
    """The base of a power; 1 for 0, as 0 to any positive power stays 0."""
    return base if np.all(base) else np.where(base == 0, 1.0, base)


SLOPES: dict[Any, Callable[[Array, Array], Any]] = {  # of x and the function of x
    np.negative: lambda x, y: -1.0,
    np.positive: lambda x, y: 1.0,
    np.exp: lambda x, y: y,
    np.expm1: lambda x, y: y + 1.0,
    np.log: lambda x, y: 1.0 / x,
    np.log2: lambda x, y: 1.0 / (x * np.log(2.0)),
    np.log10: lambda x, y: 1.0 / (x * np.log(10.0)),
    np.log1p: lambda x, y: 1.0 / (1.0 + x),
    np.sqrt: lambda x, y: 0.5 / y,
    np.square: lambda x, y: 2.0 * x,
    np.tanh: lambda x, y: 1.0 - y**2,
    np.arcsinh: lambda x, y: 1.0 / np.sqrt(1.0 + x**2),
    np.absolute: lambda x, y: np.sign(x),
}


def _of_one(function: Any, slope: Callable[[Array, Array], Any]) -> Rule:
    def apply(x: Any) -> tuple[Any, tuple[Partial, ...]]:
        value = function(x)
        return value, (slope(_array(x), _array(value)),)

    return apply


RULES |= {function: _of_one(function, slope) for function, slope in SLOPES.items()}


@rule(np.logaddexp)
def _logaddexp(x: Any, y: Any) -> Any:
    value = np.logaddexp(x, y)
    return value, (np.exp(x - value), np.exp(y - value))


@rule(np.maximum)
def _maximum(x: Any, y: Any) -> Any:
    first = np.greater_equal(x, y)
    return np.maximum(x, y), (1.0 * first, 1.0 * ~first)


@rule(np.minimum)
def _minimum(x: Any, y: Any) -> Any:
    first = np.less_equal(x, y)
    return np.minimum(x, y), (1.0 * first, 1.0 * ~first)


class _Lazy:
    """A partial derivative that is computed only where it is wanted."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self.made: Any = None

    def __mul__(self, part: Any) -> Any:
        if self.made is None:
            self.made = self.make()
        return self.made * part


def _array(x: Any) -> Any:
    return np.asarray(x, dtype=float)
