"""Decisions from any fitted law: sizes, tokens and bits, with intervals.

Prepare a fit with :func:`surface`; a question is a function of it. An answer
holds for the fitted constants, and its interval is that of the fit's bootstrap.
"""

from precision_lib.decide.curves import Curve, Schedule, forecast
from precision_lib.decide.decision import Decision
from precision_lib.decide.next_runs import NextRun, next_run
from precision_lib.decide.paper import paper_degradation, paper_fit
from precision_lib.decide.phases import quantization_start
from precision_lib.decide.plan import JudgedPlan, judge_plan
from precision_lib.decide.rounding import rounding_cost, serving_widths
from precision_lib.decide.serving import critical_data, inference_cost, serving_memory
from precision_lib.decide.size import Contour, effective_size, iso_loss
from precision_lib.decide.surface import Surface, surface
from precision_lib.decide.training import (
    allocation,
    optimal_precision,
    precision_at_size,
    training_cost,
    training_widths,
)
from precision_lib.decide.widths import WidthTable

__all__ = [
    "Contour", "Curve", "Decision", "JudgedPlan", "NextRun", "Schedule", "Surface",
    "WidthTable", "allocation", "critical_data", "effective_size", "forecast",
    "inference_cost", "iso_loss", "judge_plan", "next_run", "optimal_precision",
    "paper_degradation", "paper_fit", "precision_at_size", "quantization_start",
    "rounding_cost", "serving_memory", "serving_widths", "surface", "training_cost",
    "training_widths",
]  # fmt: skip
