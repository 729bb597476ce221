"""The command that predicts one run from a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from precision_lib.cli.options import AsJson, Fitting, grouped, sized
from precision_lib.cli.output import (
    emit_json,
    numbers,
    pairs,
    refuse_unused,
    show_notes,
    span,
)
from precision_lib.cli.reach import Extrapolate, refuse_beyond
from precision_lib.cli.reading import Reading
from precision_lib.cli.sources import FROM, laws_for
from precision_lib.errors import UserError

if TYPE_CHECKING:
    from precision_lib.laws import Fit


@grouped
def predict(
    ctx: typer.Context,
    fit: Annotated[str, typer.Argument(help=FROM)],
    N: Annotated[float | None, sized("--N", "Parameters: 1.3e9 or 1.3B.")] = None,
    D: Annotated[float | None, sized("--D", "Tokens.")] = None,
    weight_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    activation_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    kv_bits: Annotated[float | None, typer.Option(help="Of training.")] = None,
    post_bits: Annotated[
        float | None, typer.Option(help="Of the weights, after PTQ.")
    ] = None,
    others: Annotated[
        str | None,
        typer.Option("--set", help="Other columns, as in weight_format=int4."),
    ] = None,
    extrapolate: Extrapolate = False,
    *,
    reading: Reading,
    fitting: Fitting,
    as_json: AsJson = False,
) -> None:
    """Predict the loss of one run that was never made, from your runs or a fitted law.

    Of a law of the loss and one of rounding both are used where
    --post-bits is given, and the loss after rounding is their sum.
    """
    from precision_lib.decide.reach import out_of_reach

    given: dict[str, Any] = {"N": N, "D": D, "weight_bits": weight_bits}
    given |= {"activation_bits": activation_bits, "kv_bits": kv_bits}
    held = pairs(others, "--set")
    given |= {"post_bits": post_bits} | held
    laws, told = laws_for(ctx, fit, reading, fitting, post_bits is not None)
    fits = _asked(laws, {name for name, value in given.items() if value is not None})
    read = {name for each in fits for name in each.law.columns()}
    said = f"{fit}, which holds {' and '.join(each.law.name for each in fits)}"
    refuse_unused(ctx, given.keys() - read, said)
    for name in held.keys() - read:
        raise UserError(f"--set {name} is not used by {said}; leave it out.")
    parts = [_part(each, given) for each in fits]
    if not extrapolate:
        asked = {"N": N, "D": D}
        known = {name: value for name, value in asked.items() if value is not None}
        refuse_beyond(out_of_reach(fits, known))
    if len(parts) > 1:
        parts.append(_summed(parts))
    _show(parts, told, as_json)


def _show(parts: Sequence[dict[str, Any]], told: Sequence[str], as_json: bool) -> None:
    listed = [*(note for part in parts for note in part["warnings"]), *told]
    notes = list(dict.fromkeys(listed))
    if as_json:
        plain = [
            {k: v for k, v in part.items() if k not in ("known", "warnings")}
            for part in parts
        ]
        record = {**plain[-1], "warnings": notes}
        if len(parts) > 1:
            record["parts"] = plain[:-1]
        emit_json(record)
        return
    for part in parts:
        value = f"{part['value']:.4{'g' if abs(part['value']) < 0.1 else 'f'}}"
        name = part["target"].replace("post_loss", "loss after rounding")
        typer.echo(f"{name} {value} nats/token {span(part['interval'])}".rstrip())
    show_notes(notes)


def _asked(fits: Sequence[Fit], given: set[str]) -> Sequence[Fit]:
    """The law of the loss alone, unless something that only rounding knows is given."""
    base = [each for each in fits if each.law.target == "loss"]
    known = {name for each in base for name in each.law.columns()}
    own = {name for each in fits for name in each.law.columns()} - known
    return fits if own & given or not base else base


def _part(found: Fit, given: dict[str, Any]) -> dict[str, Any]:
    """What one law says, with its draws."""
    import numpy as np

    from precision_lib.decide.decision import brief
    from precision_lib.decide.ties import said_of_ties

    row = _row(found, given)
    value = float(found.predict(row)[0])
    if not np.isfinite(value):
        raise UserError(
            f"The law {found.law.name!r} has no {found.law.target} at these values; "
            "raise N, D or the bits."
        )
    known = [(value, _draws(found, row))]
    if len(known[0][1]):  # as of a decision, the interval covers the laws that tie
        known += [
            (float(each.predict(row)[0]), _draws(each, row)) for each in found.ties
        ]
    covered = [said_of_ties(each.law.name for each in found.ties)] if known[1:] else []
    beyond = [
        f"{name} = {brief(row[name][0])} lies outside the runs that were fitted "
        f"({' to '.join(brief(end) for end in found.ranges[name])})."
        for name in found.extrapolates(row)
    ]
    return {
        "law": found.law.name, "target": found.law.target, "at": row, "value": value,
        "interval": _interval(known), "known": known,
        "warnings": [*beyond, *found.doubts, *covered],
    }  # fmt: skip


def _draws(found: Fit, row: dict[str, list[Any]]) -> Any:
    import numpy as np

    return found.predict_replicates(row)[:, 0] if found.replicates else np.array([])


def _interval(known: Sequence[tuple[float, Any]]) -> tuple[float, float] | None:
    """The middle 95% of the first law's draws, wide enough for the other laws too."""
    import numpy as np

    if not len(known[0][1]):
        return None
    ends = [np.nanpercentile(draws, [2.5, 97.5]) for _, draws in known if len(draws)]
    ends += [[value, value] for value, _ in known[1:]]
    return float(np.nanmin(ends)), float(np.nanmax(ends))


def _summed(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The loss after rounding; two bootstraps are independent, so draws are paired."""
    (base, *_), (added, *_) = (part["known"] for part in parts)
    pairs = [(base, each) for each in parts[1]["known"]]
    pairs += [(each, added) for each in parts[0]["known"][1:]]
    known = [(a[0] + b[0], _paired(a[1], b[1])) for a, b in pairs]
    return {
        "law": " and ".join(part["law"] for part in parts),
        "target": "post_loss",
        "at": {name: value for part in parts for name, value in part["at"].items()},
        "value": sum(part["value"] for part in parts),
        "interval": _interval(known),
        "warnings": _both(parts[0]["at"], parts[1]["at"]),
    }


def _paired(base: Any, added: Any) -> Any:
    count = min(len(base), len(added))
    return base[:count] + added[:count]


def _both(base: Mapping[str, Any], rounding: Mapping[str, Any]) -> list[str]:
    """Two laws that are added must speak of the same training."""
    low = [n for n in base if n not in rounding and n.endswith("_bits")]
    if not any(isinstance(base[n][0], float) and base[n][0] < 16 for n in low):
        return []
    return [
        "The law of rounding was fitted to models trained without quantization; one "
        f"trained with {', '.join(low)} as given may lose more or less."
    ]


def _row(found: Fit, given: dict[str, Any]) -> dict[str, list[Any]]:
    columns = found.law.columns()
    absent = [name for name in columns if given.get(name) is None]
    if absent:
        options = " ".join(_option(name) for name in absent)
        wide = any(name.endswith("_bits") for name in absent)
        raise UserError(
            f"The law {found.law.name!r} needs {' and '.join(absent)}; give "
            f"{'them' if absent[1:] else 'it'} with {options}"
            f"{' (16 where nothing is quantized)' if wide else ''}."
        )
    row: dict[str, list[Any]] = {}
    for name in columns:
        value = given[name]
        if name not in found.law.categories():
            value = numbers(f"{name}={value}", "--set")[name]
            if not 0 < value < float("inf"):
                raise UserError(f"{name} is {value:g}; give a number above zero.")
        row[name] = [value]
    return row


def _option(name: str) -> str:
    """How a column is given."""
    if name in {"N", "D"} or name.endswith("_bits"):
        return f"--{name.replace('_', '-')} ..."
    return f"--set {name}=..."
