"""What decides each finding, as it was written down before the runs.

The file is ``data/preregistered.yaml``. A finding has one estimand and the margins that
decide its word; no chapter states either.
"""

from __future__ import annotations

import datetime
import importlib
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pydantic

from precision_lib.errors import Undetermined, UserError
from precision_lib.findings.estimate import Estimate
from precision_lib.findings.measured import Measured
from precision_lib.paths import DATA
from precision_lib.runs.strict_yaml import read_yaml

WORDS = ("supports", "contradicts", "undecided")
FEWEST_UNITS = 2  # of a word
Region = tuple[float, float]


class Finding(pydantic.BaseModel):
    """One claim, what is measured for it, and which intervals decide.

    >>> preregistered()["delta-grows"].whose.startswith("The paper")
    True
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    id: str = pydantic.Field(pattern=r"^[a-z0-9-]+$")
    #: Ids of ``data/findings.csv`` that it answers
    rows: list[str] = pydantic.Field(min_length=1)
    #: Its number among the ten that were written with the design of the table
    prediction: int | None = pydantic.Field(None, ge=1, le=10)
    #: The claim in a line of a table
    short: str = ""  # the oldest versions of the file have none
    #: claim, whose: what is claimed; by the paper, a rival, or as our own forecast
    claim: str
    whose: str
    estimand: str  #: in words, with its unit
    #: The function that computes it, from the measured runs and `arguments`
    function: str = pydantic.Field(pattern=r"^precision_lib\.findings\.\w+\.\w+$")
    arguments: dict[str, Any]
    #: Plans of ``data/plans`` whose runs decide it
    blocks: list[str] = pydantic.Field(min_length=1)
    unit: str  #: what is counted
    #: Other values of the argument ``least``, see `Estimate.over`
    ranges: list[float] = []
    #: Sameness is claimed: the 90% interval has to lie inside `supports`
    equivalence: bool
    supports: Region
    contradicts: list[Region]
    forecast: Region | None = None
    sharpened: str = ""  #: where a margin differs from the prediction
    pilot: str  #: what had been seen before

    @pydantic.model_validator(mode="after")
    def _regions_in_order(self) -> Finding:
        regions = sorted([self.supports, *self.contradicts])
        if any(low >= high for low, high in regions):
            raise ValueError("a region has its ends in the wrong order")
        pairs = zip(regions[:-1], regions[1:], strict=True)
        if any(one[1] > two[0] for one, two in pairs):
            raise ValueError("what supports and what contradicts overlap")
        return self

    @property
    def by(self) -> str:
        """Who makes the claim, without the place."""
        return self.whose.partition(",")[0].strip()

    @property
    def decides(self) -> tuple[Any, ...]:
        """All that a word hangs on; whoever changes it afterwards deviates."""
        margins = (self.equivalence, self.supports, *self.contradicts)
        asked = (self.function, repr(self.arguments), *self.ranges)
        return (*asked, *self.blocks, *margins)

    def computes(self) -> Callable[..., Estimate]:
        """The function of the library.

        Raises UserError if there is none of that name.
        """
        module, name = self.function.rsplit(".", 1)
        try:
            found: Callable[..., Estimate] = getattr(
                importlib.import_module(module), name
            )
        except (ImportError, AttributeError) as error:
            raise UserError(
                f"finding '{self.id}': the library has no {self.function}."
            ) from error
        return found

    def estimate(self, measured: Measured, **more: Any) -> Estimate:
        """What its function says of the measured runs of its blocks.

        `more` goes to the function beside its arguments, such as ``predictions``.

        Raises Undetermined if the runs do not determine it, from all of D or from one
        of `ranges`.

        >>> from precision_lib.findings.measured import load_measured
        >>> runs = load_measured(["base"], "short")
        >>> preregistered()["delta-grows"].estimate(runs).units > 9
        True
        """
        found, lacking = self.estimate_so_far(measured, **more)
        if lacking:
            raise Undetermined(lacking)
        return found

    def estimate_so_far(self, measured: Measured, **more: Any) -> tuple[Estimate, str]:
        """`estimate` without the `ranges` that lack runs, and what a word lacks.

        >>> from precision_lib.findings.measured import load_measured
        >>> runs = load_measured(["base"], "short")
        >>> preregistered()["delta-grows"].estimate_so_far(runs)[1]
        ''
        """
        function, asked = self.computes(), self.arguments | more
        found, others, lacking = function(measured, **asked), [], ""
        for least in self.ranges:
            try:
                others.append(function(measured, **asked | {"least": least}))
            except Undetermined as error:
                lacking = f"for D of {least:,.0f} and more {error}"
        if found.units < FEWEST_UNITS:
            lacking = f"{found.units} unit says nothing of how units differ."
        return found.over(others), lacking

    def word(self, estimate: Estimate) -> str:
        """One of `WORDS`, from where the interval of the estimate lies.

        >>> grows = preregistered()["delta-grows"]
        >>> grows.word(Estimate(0.5, 0.03, 9)), grows.word(Estimate(0.5, 0.9, 9))
        ('supports', 'undecided')
        """
        return self.word_of(estimate.interval(0.95), estimate.interval(0.90))

    def word_of(self, interval: Region, ninety: Region) -> str:
        """The word from the ends of the intervals of 95% and 90%.

        >>> preregistered()["turn"].word_of((0.04, 0.4), (0.1, 0.3))
        'supports'
        """
        low, high = ninety if self.equivalence else interval
        if self.supports[0] <= low and high <= self.supports[1]:
            return "supports"
        low, high = interval
        inside = any(first <= low and high <= last for first, last in self.contradicts)
        return "contradicts" if inside else "undecided"

    def decided_by(self) -> str:
        """Its margins in words.

        >>> preregistered()["turn"].decided_by()
        'Supports: 95% interval above 0.03; contradicts: below 0'
        """
        level = 90 if self.equivalence else 95
        against = " or ".join(map(_in_words, self.contradicts))
        also = "95% interval " if self.equivalence else ""
        return (
            f"Supports: {level}% interval {_in_words(self.supports)}; "
            f"contradicts: {also}{against}"
        )


def _in_words(region: Region) -> str:
    low, high = region
    if math.isinf(high):
        return f"above {low:g}"
    return f"below {high:g}" if math.isinf(low) else f"between {low:g} and {high:g}"


class Deviation(pydantic.BaseModel):
    """Something done otherwise than written.

    >>> day = datetime.date(2026, 12, 1)
    >>> Deviation(date=day, findings=["turn"], what="one seed more").findings
    ['turn']
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    date: datetime.date
    findings: list[str]
    what: str


class Preregistration(pydantic.BaseModel):
    """The whole file.

    >>> len(read_preregistration(PATH).findings) > 20
    True
    """

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    findings: list[Finding]
    deviations: list[Deviation]

    @pydantic.model_validator(mode="after")
    def _ids_once(self) -> Preregistration:
        ids = [finding.id for finding in self.findings]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ValueError(f"the id '{twice[0]}' stands twice")
        told = {one for deviation in self.deviations for one in deviation.findings}
        if unknown := sorted(told - set(ids)):
            raise ValueError(f"deviations name the unknown finding '{unknown[0]}'")
        return self


PATH = DATA / "preregistered.yaml"


def read_preregistration(path: Path) -> Preregistration:
    """Read and check a file of findings.

    Raises UserError if the file is missing, a key stands twice or is unknown, or
    margins overlap.

    >>> read_preregistration(PATH).deviations[0].findings
    ['exponent-or-mantissa']
    """
    try:
        return Preregistration.model_validate(read_yaml(path))
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        said = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{path}: {where}: {said}.") from error


@cache
def preregistered() -> dict[str, Finding]:
    """The findings by their ids.

    >>> preregistered()["turn"].rows
    ['F1b']
    """
    return {finding.id: finding for finding in read_preregistration(PATH).findings}
