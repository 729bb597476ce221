"""What each method does by default, and what may be changed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from precision_lib.errors import UserError, check_known

Clip = Literal["none", "weights", "outputs"]

# What every trained model is rounded by, and to how many bits.
PTQ_METHODS = ("rtn", "gptq", "awq", "noise")
PTQ_BITS = (2, 3, 4, 5, 6, 8)


@dataclass(frozen=True)
class Options:
    """The knobs of the methods.

    >>> DEFAULTS["gptq"].clip, DEFAULTS["rtn"].clip
    ('weights', 'none')
    """

    #: Which error the search for a smaller scale minimizes, one scale at a time: "none"
    #: keeps absmax; "weights" takes the sum of ``|error|^2.4`` over the ratios 1, .99,
    #: … .21, as the GPTQ authors' ``quant.py`` does; "outputs" takes the mean square
    #: error of the layer's output over 1, .95, … .55, as AWQ does
    clip: Clip = "none"
    #: Whether "outputs" clips these too; AWQ does not, since their errors meet in a
    #: product
    clip_queries_and_keys: bool = False
    #: GPTQ rounds the columns by falling mean square of their input
    act_order: bool = True
    #: GPTQ adds this share of the mean diagonal to the Hessian. It is raised until the
    #: Hessian can be factorized.
    damping: float = 0.01
    #: Columns that GPTQ updates at once; changes the speed only
    block_columns: int = 128
    alphas: int = 20  #: exponents 0, 1/alphas, … that AWQ tries for its scales
    seed: int = 0  #: of the directions of "noise"

    def __post_init__(self) -> None:
        check_known("clip", self.clip, get_args(Clip))
        if not 0 <= self.damping <= 1:
            raise UserError(f"damping must lie in 0 to 1, not {self.damping}.")
        if self.block_columns < 1 or self.alphas < 1:
            raise UserError("block_columns and alphas must be at least 1.")


# Those of the methods' authors, none tuned on our text: act-order, static groups, 1 %
# damping and the clip search are options of GPTQ's code (github.com/IST-DASLab/gptq,
# https://arxiv.org/abs/2210.17323); the grids of AWQ are its paper's and code's
# (github.com/mit-han-lab/llm-awq, https://arxiv.org/abs/2306.00978).
DEFAULTS: dict[str, Options] = {
    "rtn": Options(clip="none"),
    "gptq": Options(clip="weights"),
    "awq": Options(clip="outputs"),
    "hqq": Options(clip="none"),
    "noise": Options(clip="none"),
}


def options_of(method: str, changes: dict[str, Any]) -> Options:
    """The defaults of `method` with `changes`.

    Raises UserError if the method or an option is unknown, or a value is out of range.

    >>> options_of("gptq", {"damping": 0.1}).damping
    0.1
    """
    check_known("method", method, DEFAULTS)
    known = [field.name for field in fields(Options)]
    for name in changes:
        check_known("option", name, known)
    if method == "hqq" and changes.get("clip", "none") != "none":
        raise UserError("'hqq' chooses its own scales; leave clip out.")
    return replace(DEFAULTS[method], **changes)
