"""The loss a law predicts, under its constants and those of every replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from precision_lib.decide.decision import Decision, brief
from precision_lib.decide.search import Array, Index
from precision_lib.errors import UserError
from precision_lib.laws import Fit

TRAINING_BITS = ("weight_bits", "activation_bits", "kv_bits")
SHAPE = ("exponent_bits", "mantissa_bits")
COLUMNS = {"P": TRAINING_BITS, "P_post": ("post_bits",)}  # that an answer is about
UNQUANTIZED = 1e6  # bits at which every law keeps everything
NOT_ROUNDED = np.inf
OUTSIDE = "lies outside the runs that were fitted"
NO_LOSS = "The law has no loss there: at so few bits what it keeps is nothing or less."
NO_BASE = """Law {!r} predicts a degradation, not a loss; give a fit of the loss, and \
this one beside it with --degradation."""
CHUNK = 1000

Numbers = Any  # a float or an array that broadcasts with the replicate numbers
Answer = dict[str, Any]  # arrays, one element for each replicate


@dataclass(frozen=True)
class Surface:
    """Loss as a function of size, data and precision; make it with :func:`surface`."""

    base: Fit  #: a law of the loss; that of PTQ where there is no other
    degradation: Fit | None  #: a law of what PTQ adds, if `base` has none
    columns: dict[str, Any]  #: columns held at a value, e.g. ``{"kv_bits": 16}``
    #: Names held in columns of names, e.g. ``{"weight_format": "int4"}``
    levels: dict[str, str]
    size: int  #: 1 for the fitted constants, and one for each bootstrap replicate
    params: dict[str, dict[str, Array]] = field(repr=False, compare=False)
    #: With another law that predicts left-out runs as well; see
    #: :func:`precision_lib.decide.ties.covering`
    ties: tuple[Surface, ...] = field(default=(), repr=False, compare=False)

    @property
    def fits(self) -> list[Fit]:
        """The laws of the surface."""
        beside = [self.degradation] if self.degradation and self.knows_loss else []
        return [self.base, *beside]

    @property
    def knows_loss(self) -> bool:
        """Whether it has a law of the loss, and not of a degradation alone."""
        return self.base is not self.degradation

    def loss(
        self,
        index: Index,
        N: Numbers,
        D: Numbers,
        bits: Numbers = UNQUANTIZED,
        post_bits: Numbers = NOT_ROUNDED,
    ) -> Array:
        """Loss in nats per token; NaN where the law has none.

        `index`: numbers of replicates; 0 is the fit itself. `N`, `D`: parameters and
        tokens; `bits`: bits in training, of each part that `columns` does not hold;
        `post_bits`: bits to which the weights are rounded after training.

        >>> from precision_lib.laws import example_fit
        >>> surface(example_fit()).loss(np.array([0]), 1e9, 2e10).round(2).tolist()
        [2.45]
        """
        at = (index, N, D, bits, post_bits)
        if not self.knows_loss:
            raise UserError(NO_BASE.format(self.base.law.name))
        return np.asarray(sum(self._one(fit, *at) for fit in self.fits))

    def rounding(
        self, index: Index, N: Numbers, D: Numbers, bits: Numbers, post_bits: Numbers
    ) -> Array:
        """What rounding adds to the loss: of its law, else a difference of losses."""
        at = (index, N, D, bits)
        if self.degradation is not None:
            return self._one(self.degradation, *at, post_bits)
        return self.loss(*at, post_bits) - self.loss(*at)

    def holding(
        self,
        levels: Mapping[str, str] | None = None,
        columns: Mapping[str, Any] | None = None,
    ) -> Surface:
        """The same surface with names or columns held."""
        return replace(
            self,
            levels={**self.levels, **(levels or {})},
            columns={**self.columns, **(columns or {})},
        )

    def reads(self, *names: str) -> bool:
        """Whether a law of the surface reads any of these columns freely."""
        read = {name for fit in self.fits for name in fit.law.columns()}
        return any(name in read and name not in self.columns for name in names)

    def _one(
        self, fit: Fit, index: Index, N: Numbers, D: Numbers, bits: Numbers, post: Any
    ) -> Array:
        inputs: dict[str, Any] = {"N": N, "D": D, "post_bits": post}
        inputs |= dict.fromkeys(TRAINING_BITS, bits) | dict.fromkeys(SHAPE, UNQUANTIZED)
        inputs |= self.columns
        given: dict[str, Any] = {}
        for name in fit.law.columns():
            if name in fit.law.categories():
                given[name] = 0.0  # the law reads its multiplier instead
            elif name in inputs:
                given[name] = inputs[name]
            else:
                raise UserError(
                    f"Law {fit.law.name!r} needs {name!r}; give it a value, as in "
                    f"--set {name}=..."
                )
        held = self.params[fit.law.name]
        for parameter in fit.law.parameters:
            given[parameter.name] = (
                self._multiplier(fit, parameter.name, parameter.per)[index]
                if parameter.per
                else held[parameter.name][index]
            )
        with np.errstate(all="ignore"):
            found = np.asarray(fit.law.predict(**given), dtype=float)
        return np.broadcast_to(found, np.broadcast_shapes(found.shape, index.shape))

    def _multiplier(self, fit: Fit, name: str, column: str) -> Array:
        if column not in self.levels:
            return np.ones(self.size)  # not quantized
        level = self.levels[column]
        values = self.params[fit.law.name]
        if f"{name}[{level}]" not in values:
            raise UserError(
                f"The fit knows no {column} {level!r}; it knows "
                f"{', '.join(fit.levels.get(column, ()))}."
            )
        return values[f"{name}[{level}]"]

    def answer(
        self,
        question: str,
        solve: Callable[[Index], Answer],
        *,
        level: float = 0.95,
        given: Mapping[str, float] | None = None,
    ) -> Decision:
        """Solve for the fit and every replicate and put the answers together.

        `question`: in one line; `solve`: from replicate numbers to the answer by name;
        the name ``edge`` marks answers at the lower (-1) or upper (1) end of the range.
        `given`: columns that the question sets, whose range is noted like the answer's.
        """
        if not 0 < level < 1:
            raise UserError(f"level is {level}; give a number between 0 and 1.")
        numbers = np.arange(self.size)
        chunks = [solve(numbers[i : i + CHUNK]) for i in range(0, self.size, CHUNK)]
        found = {k: np.concatenate([c[k] for c in chunks]) for k in chunks[0]}
        edge = found.pop("edge", np.zeros(self.size))
        values = {name: float(x[0]) for name, x in found.items()}
        draws = {name: x[1:] for name, x in found.items()} if self.size > 1 else {}
        intervals = {
            name: _interval(x, level) for name, x in draws.items() if (x != x[0]).any()
        }
        asked = {**(given or {}), **values}
        nothing = [NO_LOSS] if np.isnan(values.get("loss", 0.0)) else []
        said = (*nothing, *_edge_notes(edge != 0), *self.range_notes(asked))
        return Decision(
            question, values, intervals, (*said, *self.doubts), draws, int(edge[0]),
            outside=" and ".join(self.outside(asked)),
        )  # fmt: skip

    @property
    def doubts(self) -> tuple[str, ...]:
        """What the fits themselves leave in doubt."""
        return tuple(
            each if repr(fit.law.name) in each else f"{fit.law.name}: {each}"
            for fit in self.fits
            for each in fit.doubts
        )

    def range_notes(self, values: Mapping[str, float]) -> list[str]:
        """A sentence on each of these columns that is outside the runs fitted.

        `values`: by column; names that are no column of a law are left out.

        >>> from precision_lib.laws import example_fit
        >>> surface(example_fit()).range_notes({"N": 1.0, "share": 2.0})
        ['N = 1 lies outside the runs that were fitted (1M to 1B).']
        """
        return [
            f"{name} = {brief(values[name])} {OUTSIDE} ({brief(low)} to {brief(high)})."
            for name, (low, high) in self.outside(values).items()
        ]

    def outside(self, values: Mapping[str, float]) -> dict[str, tuple[float, float]]:
        """The range of the runs fitted, of each of these columns that leaves it.

        >>> from precision_lib.laws import example_fit
        >>> surface(example_fit()).outside({"N": 1.0, "D": 1e9})
        {'N': (1000000.0, 1000000000.0)}
        """
        found = {}
        for name, value in values.items():
            columns = set(COLUMNS.get(name, (name,))) - self.columns.keys()
            ends = [f.ranges[c] for f in self.fits for c in columns if c in f.ranges]
            if any(value < low or value > high for low, high in ends):
                found[name] = max(low for low, _ in ends), min(high for _, high in ends)
        return found


def surface(
    base: Fit,
    degradation: Fit | None = None,
    *,
    columns: Mapping[str, Any] | None = None,
    levels: Mapping[str, str] | None = None,
) -> Surface:
    """Prepare a fit for questions.

    Raises UserError if `base` does not predict a loss or `degradation` not a delta.

    `base`: any fitted law of the loss, or one of delta alone, which can only be asked
    what rounding costs; `degradation`: any fitted law of delta, added to the loss. Its
    replicates are paired with those of `base` in order: two bootstraps are independent.
    `columns`: values of columns that the question does not set; `levels`: names in
    columns of names; a column not held is not quantized.

    >>> from precision_lib.laws import example_fit
    >>> surface(example_fit()).size
    1
    """
    alone = base.law.target == "delta"
    if alone and degradation is not None:
        raise UserError(NO_BASE.format(base.law.name))
    if degradation is not None and degradation.law.target != "delta":
        raise UserError(
            f"Law {degradation.law.name!r} predicts a loss, not a degradation; give "
            "a fit of a law such as 'ptq'."
        )
    fits = [base] if degradation is None else [base, degradation]
    counts = [len(next(iter(f.replicates.values()))) for f in fits if f.replicates]
    size = 1 + min(counts, default=0)
    held, names = dict(columns or {}), dict(levels or {})
    first = replace(base, ties=())
    beside = degradation and replace(degradation, ties=())
    pairs = [(tie, beside) for tie in base.ties]
    pairs += [(first, tie) for tie in (degradation.ties if degradation else ())]
    ties = tuple(surface(*pair, columns=held, levels=names) for pair in pairs)
    params = {fit.law.name: _constants(fit, size) for fit in fits}
    return Surface(first, first if alone else beside, held, names, size, params, ties)


def _constants(fit: Fit, size: int) -> dict[str, Array]:
    """Each parameter under the fit and the replicates; constant without any."""
    fixed = {name: np.full(size - 1, value) for name, value in fit.params.items()}
    draws = fixed | fit.replicates
    return {k: np.append(v, draws[k][: size - 1]) for k, v in fit.params.items()}


def _interval(draws: Array, level: float) -> tuple[float, float]:
    good = draws[~np.isnan(draws)]
    if not good.size:
        return float("nan"), float("nan")
    how: Any = "nearest" if np.isinf(good).any() else "linear"
    tails = [50 * (1 - level), 50 * (1 + level)]
    low, high = np.percentile(good, tails, method=how)
    return float(low), float(high)


def _edge_notes(edge: Any) -> list[str]:
    where = "the optimum lies at the end of the range searched"
    if edge[0]:
        return [f"T{where[1:]}, or beyond."]
    if not edge[1:].any():
        return []
    share = edge[1:].mean()
    some = f"{share:.0%}" if share >= 0.005 else "less than 1%"  # noqa: PLR2004
    return [f"In {some} of the replicates {where}."]


def require_positive(**given: float) -> None:
    """Refuse a number that is not finite and above zero, by its name.

    Raises UserError: naming the number.

    >>> require_positive(N=0)
    Traceback (most recent call last):
    ...
    precision_lib.errors.UserError: N is 0; give a finite number above zero.
    """
    for name, value in given.items():
        if not (np.isfinite(value) and value > 0):
            raise UserError(f"{name} is {value:g}; give a finite number above zero.")
