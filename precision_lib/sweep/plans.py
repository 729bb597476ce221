"""A sweep as a file: YAML that expands to run configs."""

from __future__ import annotations

import dataclasses
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import pydantic

from precision_lib.errors import UserError
from precision_lib.model.config import ModelConfig, Precision
from precision_lib.model.shapes import PAPER_SHAPES, SHAPES, peak_learning_rate
from precision_lib.runs.run_table import Role
from precision_lib.runs.strict_yaml import read_yaml
from precision_lib.sweep.branches import branches
from precision_lib.sweep.phases import two_phases
from precision_lib.sweep.rate_rule import read_rule
from precision_lib.text.corpus import SEQUENCE
from precision_lib.training.config import RunConfig


def _fields_of(name: str, hints: dict[str, Any]) -> type[pydantic.BaseModel]:
    """A model with optional fields of these types, that knows no other."""
    fields: dict[str, Any] = {key: (hint, None) for key, hint in hints.items()}
    forbid = pydantic.ConfigDict(extra="forbid")
    return pydantic.create_model(name, __config__=forbid, **fields)


def _given(fields: Any) -> dict[str, Any]:
    return fields.model_dump(exclude_unset=True)


# What a set may change in a config, one entry a key. The rest has its own list.
_LISTED = ("model", "precision", "tokens", "peak_lr", "seed", "start_from")
_MODEL = {"extra_norm": bool, "vocab_size": int}
_RUN = {k: v for k, v in get_type_hints(RunConfig).items() if k not in _LISTED}
PrecisionFields = _fields_of("PrecisionFields", get_type_hints(Precision))
OtherFields = _fields_of("OtherFields", _RUN | _MODEL)


class Set(pydantic.BaseModel):
    """A grid of runs: all combinations of its lists.

    >>> pair = Set(shapes=["24k"], tokens=[9999], peak_lr_factor=[0.5, 1])
    >>> [config.peak_lr for config in pair.configs()]
    [0.01167, 0.02333]
    """

    model_config = pydantic.ConfigDict(extra="forbid")
    shapes: list[str]  #: names in `precision_lib.model.shapes.SHAPES`
    tokens: list[pydantic.PositiveInt]
    #: Fields of `precision_lib.model.config.Precision`, such as ``{weights: int4}``
    precisions: list[PrecisionFields] = [PrecisionFields()]  # type: ignore[valid-type]
    seeds: list[pydantic.NonNegativeInt] = [0]
    #: Without it the rule of `precision_lib.model.shapes.peak_learning_rate`
    peak_lr: list[pydantic.PositiveFloat] | None = None
    #: Multiples of the rule, instead of `peak_lr`
    peak_lr_factor: list[pydantic.PositiveFloat] | None = None
    #: "tuned": rate, batch, schedule and its end as
    #: `precision_lib.sweep.rate_rule.RateRule` has them for N and D; a setting goes
    #: before it
    rule: Literal["tuned"] | None = None
    #: rate_factor, batch_factor: multiples of the rate of the rule, at the batch that
    #: is this multiple of its own
    rate_factor: list[pydantic.PositiveFloat] = [1.0]
    batch_factor: list[pydantic.PositiveFloat] = [1.0]
    #: The D that the rule is asked for, instead of the run's own
    rule_tokens: pydantic.PositiveInt | None = None
    #: Instead of a run a D, those of `precision_lib.sweep.branches.branches`: one long
    #: run at a constant rate, and off it a branch to each D that decays over this share
    #: of it
    branch: float | None = pydantic.Field(None, gt=0, lt=1)
    #: Instead of each run those of `precision_lib.sweep.phases.two_phases`: in full
    #: precision first, and its own precision for these shares of its tokens
    low_shares: list[Annotated[float, pydantic.Field(ge=0, le=0.9)] | Literal[1]] = []
    #: Other fields of `precision_lib.training.config.RunConfig`, such as
    #: ``{weight_decay: 0.0}``, and `extra_norm` and `vocab_size` of the model
    settings: list[OtherFields] = [OtherFields()]  # type: ignore[valid-type]

    @pydantic.model_validator(mode="after")
    def _one_kind_of_rate(self) -> Set:
        if self.peak_lr is not None and self.peak_lr_factor is not None:
            raise ValueError("peak_lr and peak_lr_factor exclude each other")
        if self.rule and not (self.peak_lr is None is self.peak_lr_factor):
            raise ValueError("a rule excludes peak_lr and peak_lr_factor")
        of_rule = {"rate_factor", "batch_factor", "rule_tokens"}
        if not self.rule and (without := sorted(of_rule & self.model_fields_set)):
            raise ValueError(f"{without[0]} needs a rule")
        if self.branch and self.low_shares:
            raise ValueError("branch and low_shares exclude each other")
        return self

    def configs(self) -> list[RunConfig]:
        """The runs of this grid."""
        grid = product(
            self.tokens, self.shapes, self.precisions, self.seeds, self.settings
        )
        runs = []
        for tokens, shape, precision, seed, setting in grid:
            bits, other = Precision(**_given(precision)), _given(setting)
            changed = {key: other.pop(key) for key in _MODEL if key in other}
            named = (SHAPES | PAPER_SHAPES)[shape]
            model = dataclasses.replace(named, **changed)
            runs += [
                RunConfig(model, bits, tokens, seed=seed, **(chosen | other))
                for chosen in self._chosen(named, tokens, other)
            ]
        if self.low_shares:
            return [one for run in runs for one in two_phases(run, self.low_shares)]
        return branches(runs, self.branch) if self.branch else runs

    def _chosen(
        self, shape: ModelConfig, tokens: int, other: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """Rates, and what else a rule says; `other` is what the plan says."""
        size = shape.n_non_embedding
        if not self.rule:
            rule = peak_learning_rate(size)
            factors = self.peak_lr_factor or [1.0]
            rates = self.peak_lr or [round(rule * factor, 5) for factor in factors]
            return [{"peak_lr": rate} for rate in rates]
        tuned, asked = read_rule(), self.rule_tokens or tokens
        shared = {"schedule": tuned.schedule, "final_lr": tuned.final_lr}
        windows = SEQUENCE / other.get("sequence", SEQUENCE)
        found = []
        for share, factor in product(self.batch_factor, self.rate_factor):
            batch = tuned.batch_size(asked, share)
            rate = float(f"{factor * tuned.peak_lr(size, asked, batch):.3g}")
            found.append(
                shared | {"batch_size": round(batch * windows), "peak_lr": rate}
            )
        return found


class Plan(pydantic.BaseModel):
    """A named sweep with the hypothesis that it tests.

    `role` says what its runs are for: choosing settings ("tuning"), fitting laws
    ("fit"), checking them inside ("validation") or beyond ("extrapolation") the
    fitted range or both ("held-out"), or comparing two ways to train ("ablation").

    >>> grid = Set(shapes=["24k"], tokens=[9999])
    >>> plan = Plan(name="a", hypothesis="b", role="fit", sets=[grid])
    >>> plan.configs()[0].tokens
    9999
    """

    model_config = pydantic.ConfigDict(extra="forbid")
    name: str = pydantic.Field(pattern=r"^[A-Za-z0-9_-]+$")
    hypothesis: str
    role: Role
    sets: list[Set]

    def configs(self) -> list[RunConfig]:
        """All runs, each once, in the order of the file."""
        runs = [config for grid in self.sets for config in grid.configs()]
        return list({config.run_id: config for config in runs}.values())


def read_plan(path: Path) -> Plan:
    """Read and check a plan file.

    Raises UserError if the file is missing or not a plan: an unknown key, shape, format
    or keyword, or a number out of range.
    """
    found = read_yaml(path)  # its sentences name the file
    try:
        plan = Plan.model_validate(found)
        plan.configs()
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {_sentence(error)}") from error
    except KeyError as error:
        known = ", ".join(SHAPES | PAPER_SHAPES)
        raise UserError(f"{path}: unknown shape {error}; one of {known}.") from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
    return plan


def _sentence(error: pydantic.ValidationError) -> str:
    first = error.errors()[0]
    *place, last = first["loc"] or ("the file",)
    if first["type"] == "extra_forbidden":
        where = f" in {'.'.join(map(str, place))}" if place else ""
        return f"unknown key '{last}'{where}."
    where = ".".join(map(str, (*place, last)))
    return f"{where}: {first['msg'].removeprefix('Value error, ')}."
