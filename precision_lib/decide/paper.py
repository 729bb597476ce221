"""The constants printed in the paper, as fits that decisions can be taken from.

Kumar et al., arXiv 2411.04330, Table 2 and Appendix K. The main text drops the
offsets n and b that the fits of Appendix K carry; with them the paper's own
statements come out, without them they do not.
"""

from __future__ import annotations

from precision_lib.laws import Fit, get_law
from precision_lib.laws.solver.objective import Objective

RUNS = 465
BASE = {"A": 4299.0, "alpha": 0.4965, "B": 18060.0, "beta": 0.4965, "E": 2.7648}
GAMMAS = {"gamma_weights": 2.6745, "gamma_activations": 2.2102, "gamma_kv": 0.9578}
OFFSETS = {"n_weights": 0.3037, "n_activations": 1.4072, "n_kv": 2.4185}
DEGRADATION = {"C_T": 0.0598, "gamma_D": 0.5068, "gamma_N": 0.3439}
DEGRADATION |= {"gamma_post": 0.5907}
DEGRADATION_OFFSET = 1.1277
PAPER_RANGES = {
    "N": (30e6, 220e6),
    "D": (1.5e9, 26e9),
    "weight_bits": (3.0, 16.0),
    "activation_bits": (3.0, 16.0),
    "kv_bits": (3.0, 16.0),
}  # of the runs that the paper describes
WARNING = "Constants printed in arXiv 2411.04330, not fitted here."


def paper_fit(offsets: bool = True) -> Fit:
    """The paper's law of training precision, ``effective``, with its constants.

    The ranges are those of the paper's runs, so that a decision says where it leaves
    them.

    `offsets`: with the offsets of Appendix K, or without them as in the main text.

    >>> table = {"N": [30e6], "D": [26e9], "weight_bits": [16]}
    >>> table |= {"activation_bits": [16], "kv_bits": [16]}
    >>> paper_fit().predict(table).round(3).tolist()
    [3.723]
    """
    law = "effective" if offsets else "effective-no-offset"
    held = OFFSETS if offsets else dict.fromkeys(OFFSETS, 0.0)
    return _constants(law, BASE | GAMMAS | held)


def paper_degradation(offset: bool = True) -> Fit:
    """The paper's PTQ law, ``ptq``, with its constants.

    `offset`: with the offset b of Appendix K, or without it as in the main text.

    >>> fit = paper_degradation()
    >>> fit.predict({"N": [30e6], "D": [26e9], "post_bits": [4]}).round(3).tolist()
    [0.108]
    """
    return _constants("ptq", DEGRADATION | {"b": DEGRADATION_OFFSET if offset else 0.0})


def _constants(law: str, params: dict[str, float]) -> Fit:
    nothing = float("nan")
    form = get_law(law)
    columns = form.columns()
    ranges = {name: ends for name, ends in PAPER_RANGES.items() if name in columns}
    return Fit(
        law=form,
        params=params,
        objective=nothing,
        settings=Objective(),
        n=RUNS,
        r2=nothing,
        share_at_best=nothing,
        warnings=(WARNING,),
        ranges=ranges,
    )
