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

    Examples
    --------
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

    Parameters
    ----------
    value
        The numbers, of any shape.
    parts
        Derivative by parameter ``k``, for each ``k`` with a derivative that is
        not zero; of a shape that broadcasts against `value`.

    Raises
    ------
    UserError
        An operation has no derivative rule.

    Examples
    --------
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
        "elementary functions and numpy.where, or add a rule with laws.dual.rule."
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

    Examples
    --------
    >>> slope(lambda x: np.exp(-x / 2), 0.0)
    -0.5
    """
    result = function(Dual(np.float64(at), {0: np.float64(1.0)}))
    return float(_split(result).parts.get(0, 0.0))


COMPARISONS = {
    np.less,
    np.less_equal,
    np.greater,
    np.greater_equal,
    np.equal,
    np.not_equal,
    np.isfinite,
    np.isnan,
    np.sign,
    np.floor,
}


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


@rule(np.negative)
def _negative(x: Any) -> Any:
    return -x, (-1.0,)


@rule(np.positive)
def _positive(x: Any) -> Any:
    return x, (1.0,)


@rule(np.exp)
def _exp(x: Any) -> Any:
    value = np.exp(x)
    return value, (value,)


@rule(np.expm1)
def _expm1(x: Any) -> Any:
    value = np.expm1(x)
    return value, (value + 1.0,)


@rule(np.log)
def _log(x: Any) -> Any:
    return np.log(x), (1.0 / _array(x),)


@rule(np.log2)
def _log2(x: Any) -> Any:
    return np.log2(x), (1.0 / (_array(x) * np.log(2.0)),)


@rule(np.log10)
def _log10(x: Any) -> Any:
    return np.log10(x), (1.0 / (_array(x) * np.log(10.0)),)


@rule(np.log1p)
def _log1p(x: Any) -> Any:
    return np.log1p(x), (1.0 / (1.0 + _array(x)),)


@rule(np.sqrt)
def _sqrt(x: Any) -> Any:
    value = np.sqrt(x)
    return value, (0.5 / _array(value),)


@rule(np.square)
def _square(x: Any) -> Any:
    return np.square(x), (2.0 * _array(x),)


@rule(np.tanh)
def _tanh(x: Any) -> Any:
    value = np.tanh(x)
    return value, (1.0 - _array(value) ** 2,)


@rule(np.arcsinh)
def _arcsinh(x: Any) -> Any:
    return np.arcsinh(x), (1.0 / np.sqrt(1.0 + _array(x) ** 2),)


@rule(np.logaddexp)
def _logaddexp(x: Any, y: Any) -> Any:
    value = np.logaddexp(x, y)
    return value, (np.exp(x - value), np.exp(y - value))


@rule(np.absolute)
def _absolute(x: Any) -> Any:
    return np.absolute(x), (np.sign(_array(x)),)


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
