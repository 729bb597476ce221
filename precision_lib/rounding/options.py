"""Words for how numbers are rounded; here, so that a config needs no torch."""

from typing import Literal, get_args

Scale = Literal["absmax", "mse", "gaussian"]
SCALES = get_args(Scale)

StraightThrough = Literal["identity", "clipped", "trust"]
STRAIGHT_THROUGH = get_args(StraightThrough)
