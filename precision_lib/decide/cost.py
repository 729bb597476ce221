"""What a training run costs: rules for what a FLOP in few bits is worth.

The paper counts ``C = (6/16) N D P``: work falls in proportion to the bits of all
parts together (section 4.3). A product of two numbers runs in the wider of the two
(``max``); each part may count for itself (``parts``); and an accelerator has its peak
rates, which fall in steps: `RATES`, dense, from the pages of `SOURCES`. Bits that a
law does not know, and those held at 16 and more, count as 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from precision_lib.decide.surface import TRAINING_BITS, Surface, require_positive
from precision_lib.errors import UserError

FLOP_AT_16_BITS = 6.0
PLAIN = 16.0
PLAIN_COST = "Cost is 6 N D."  # of a law that knows no bits
# TFLOP/s (TOP/s), by bits of the wider operand
RATES: dict[str, dict[float, float]] = {
    "a100": {16.0: 312.0, 8.0: 624.0, 4.0: 1248.0},
    "h100": {16.0: 989.4, 8.0: 1978.9},
    "b200": {16.0: 2250.0, 8.0: 4500.0, 6.0: 4500.0, 4.0: 9000.0},
}
SOURCES = {
    "a100": "https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/"
    "nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf (integers at 8 and 4 bits)",
    "h100": "https://glennklockwood.com/garden/processors/h100 (SXM5, after NVIDIA)",
    "b200": "https://glennklockwood.com/garden/processors/B200 (HGX, after NVIDIA)",
}
RULES = ("all", "max", "parts", *RATES)
PART_NAMES = {"weight_bits": "weight_format", "activation_bits": "activation_format",
              "kv_bits": "kv_format"}  # fmt: skip


def flop_share(surface: Surface, bits: Any, rule: str = "all") -> Any:
    """Cost of an operation as a share of its cost in 16 bits.

    Raises UserError if there is no such rule, or an accelerator has no rate.

    `bits`: in training, of each part that the law reads and nothing holds; `rule`: one
    of `RULES`.

    >>> from precision_lib.decide import paper_fit, surface
    >>> s = surface(paper_fit())
    >>> [round(float(flop_share(s, 4.0, r)), 2) for r in ("all", "max", "a100", "h100")]
    [0.25, 0.25, 0.25, 0.5]
    >>> held = surface(paper_fit(), columns={"activation_bits": 16})
    >>> [round(float(flop_share(held, 4.0, rule)), 2) for rule in ("max", "parts")]
    [1.0, 0.5]
    """
    if rule not in RULES:
        raise UserError(
            f"there is no cost rule {rule!r}; choose from {', '.join(RULES)}."
        )
    if rule == "all":
        return bits / PLAIN
    parts = [_bits_of(surface, name, bits) for name in TRAINING_BITS]
    if rule == "parts":
        return sum(parts) / len(parts) / PLAIN
    widest = np.maximum(parts[0], parts[1])  # operands of the products with weights
    if rule == "max":
        return widest / PLAIN
    return _rate_share(RATES[rule], widest, rule)


def rule_widths(rule: str) -> tuple[float, ...]:
    """Bits in which the accelerator of a rule computes, rising; empty for other rules.

    >>> rule_widths("b200"), rule_widths("max")
    ((4.0, 6.0, 8.0, 16.0), ())
    """
    return tuple(sorted(RATES.get(rule, ())))


def rule_words(rule: str) -> str:
    """How a rule counts, in one sentence.

    >>> rule_words("max")
    'Cost is 6 N D, times the wider of weights and activations over 16.'
    """
    if rule in RATES:
        rates = ", ".join(f"{v:g} at {k:g} bits" for k, v in RATES[rule].items())
        return (
            f"Cost is time on one {rule.upper()} at its dense peak, in TFLOP/s {rates} "
            f"({SOURCES[rule]}), written in FLOP at 16 bits."
        )
    return {
        "all": "Cost is 6/16 N D P: P counts for all parts, also those that stay wide.",
        "max": "Cost is 6 N D, times the wider of weights and activations over 16.",
        "parts": "Cost is 6 N D, times the mean bits of the three parts over 16.",
    }[rule]


def tokens_for(
    surface: Surface, budget: float, N: Any, bits: Any, rule: str = "all"
) -> Any:
    """Tokens that a budget, in FLOP at 16 bits, pays for.

    >>> from precision_lib.decide import paper_fit, surface
    >>> tokens_for(surface(paper_fit()), 1.2e20, 1e9, 16.0)
    20000000000.0
    """
    require_positive(budget=budget)
    return budget / (FLOP_AT_16_BITS * N * flop_share(surface, bits, rule))


def _bits_of(surface: Surface, name: str, bits: Any) -> Any:
    """Bits of a part as they are paid for: what is not quantized costs 16."""
    if name in surface.columns:
        return np.minimum(surface.columns[name], PLAIN) + 0 * bits
    laws = surface.base.law
    known = {name, PART_NAMES[name]} & set(laws.columns())
    shape = "mantissa_bits" in laws.columns()
    return bits if known or shape else PLAIN + 0 * bits


def _rate_share(rates: Mapping[float, float], bits: Any, rule: str) -> Any:
    """Time for an operation in the narrowest format that holds it, over that of 16."""
    if np.max(bits) > max(rates):
        raise UserError(
            f"there is no rate of {rule} for {np.max(bits):g} bits; its formats have "
            f"{', '.join(f'{each:g}' for each in sorted(rates))} bits."
        )
    widths = np.array(sorted(rates))
    speeds = np.array([rates[width] for width in widths])
    share = rates[PLAIN] / speeds[np.searchsorted(widths, bits)]
    return float(share) if np.ndim(share) == 0 else share
