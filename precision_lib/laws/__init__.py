"""Scaling laws: declare, fit, trust and compare them.

Every law is a plain function with a declaration (`precision_lib.laws.forms`);
`fit` minimizes a robust loss from many starts at once with exact gradients.
"""

from precision_lib.laws.beyond import growing_out, largest_out
from precision_lib.laws.bootstrap import Bootstrap, bootstrap
from precision_lib.laws.compare import Comparison, Score, compare
from precision_lib.laws.examples import example_fit, example_table
from precision_lib.laws.fit import fit
from precision_lib.laws.law import (
    Law,
    Parameter,
    asymptote,
    bits_scale,
    coefficient,
    exponent,
    offset,
)
from precision_lib.laws.planted import planted_params, planted_table
from precision_lib.laws.profile import Profile, bounded, profile
from precision_lib.laws.registry import LAWS, get_law, list_laws, register
from precision_lib.laws.result import Fit
from precision_lib.laws.saved import load_fits, save_fits

__all__ = [
    "LAWS",
    "Bootstrap",
    "Comparison",
    "Fit",
    "Law",
    "Parameter",
    "Profile",
    "Score",
    "asymptote",
    "bits_scale",
    "bootstrap",
    "bounded",
    "coefficient",
    "compare",
    "example_fit",
    "example_table",
    "exponent",
    "fit",
    "get_law",
    "growing_out",
    "largest_out",
    "list_laws",
    "load_fits",
    "offset",
    "planted_params",
    "planted_table",
    "profile",
    "register",
    "save_fits",
]
