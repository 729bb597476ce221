"""Every law that speaks beforehand of a run, fitted to the rows that it speaks of."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd

from precision_lib.findings.format_error import with_gmse
from precision_lib.findings.rival_laws import QATLoss
from precision_lib.findings.twins import (
    PARTS,
    law_roundings,
    law_runs,
    of_part,
    with_part,
)
from precision_lib.findings.unified import trained_and_rounded, unified_rows
from precision_lib.formats import HIGH_PRECISION_BITS
from precision_lib.laws import Fit, Law, bootstrap, fit
from precision_lib.laws.forms.share import ACTIVATIONS, BASE, KV, WEIGHTS, shrunk

METHODS = ("rtn", "gptq", "awq", "noise")
POST_BITS = (3, 6)  # first and last: where a law of rounding is fitted
UNIFIED_BITS = (2, 6)
BITS = list(PARTS.values())


class EffectiveDataParts(Law):
    """Every part in few bits acts like less data.

    ``D_eff = D prod_x (1 - exp(-P_x / gamma_x + n_x))``: what the law "effective" says
    of N, said of D. The paper has it for weights alone (Table 1).

    >>> EffectiveDataParts.columns()[2:]
    ('weight_bits', 'activation_bits', 'kv_bits')
    """

    name = "effective-data-parts"
    formula = "L = E + A N^-alpha + B [D prod_x(1 - exp(-P_x/gamma_x + n_x))]^-beta"
    source = "Kumar et al. 2024, arXiv 2411.04330, Table 1, for every part"
    parameters = (*BASE, *WEIGHTS, *ACTIVATIONS, *KV)

    @staticmethod
    def predict(
        N: Any, D: Any, weight_bits: Any, activation_bits: Any, kv_bits: Any,
        *, E: Any, A: Any, alpha: Any, B: Any, beta: Any,
        gamma_weights: Any, n_weights: Any, gamma_activations: Any,
        n_activations: Any, gamma_kv: Any, n_kv: Any,
    ) -> Any:  # fmt: skip
        effective = shrunk(
            D,
            (weight_bits, gamma_weights, n_weights),
            (activation_bits, gamma_activations, n_activations),
            (kv_bits, gamma_kv, n_kv),
        )
        return E + A * N**-alpha + B * effective**-beta


# Laws of the loss, and which runs each speaks of, as `law_runs` names them.
LOSS: tuple[tuple[str | type[Law], str | None], ...] = (
    ("chinchilla", None),
    ("coupled", None),
    ("effective", "any"),
    ("effective-coupled", "any"),
    (EffectiveDataParts, "any"),
    ("format-multiplier-parts", "any"),
    ("effective-tied", "tied"),
    ("effective-weights", "weights"),
    ("effective-activations", "activations"),
    ("effective-kv", "kv"),
    ("effective-data", "weights"),
    ("effective-both", "weights"),
    ("power-additive", "weights"),
    ("power-multiplicative", "weights"),
    ("quartet", "weights"),
    ("capacity", "weights"),
    (QATLoss, "weights"),
)
DELTA = ("ptq", "ouyang")  # of unquantized runs, for each method
CHANNEL, CHANNEL_BITS = "shannon", (2, 3)  # of losses after GPTQ, a fit a width
TRAINED_LOW, UNIFIED = "ptq-trained-low", "unified"  # of all runs, for GPTQ


class Spoken(NamedTuple):
    """A law fitted to its rows, with a bootstrap, and the rows that it is asked for.

    `quantity`: "loss", "delta", "post_loss", or "excess" for a law of both.

    >>> Spoken(None, "loss", pd.DataFrame(), pd.DataFrame()).quantity
    'loss'
    """

    law: Fit
    quantity: str
    fitted: pd.DataFrame
    asked: pd.DataFrame


class Fitter(NamedTuple):
    """How laws are fitted: the seed of the starts, and refits of the bootstrap.

    >>> Fitter(200, 0).replicates
    200
    """

    replicates: int
    seed: int

    def fit(self, rows: pd.DataFrame, law: str | type[Law]) -> Fit:
        """A law with its bootstrap over models, that is N and seed.

        >>> from precision_lib.runs.run_table import load_runs
        >>> found = Fitter(20, 0).fit(law_runs(load_runs()), "chinchilla")
        >>> len(found.replicates["E"])
        20
        """
        found = fit(rows, law, seed=self.seed)
        model = rows["N"].astype(str) + "-" + rows["seed"].astype(str)
        spread = bootstrap(
            found, "cluster", self.replicates, self.seed, by=model.to_numpy()
        )
        return found.with_bootstrap(spread)


def speakers(
    asked: pd.DataFrame, runs: pd.DataFrame, ptq: pd.DataFrame, fitter: Fitter
) -> list[Spoken]:
    """All laws that have rows to be fitted to and runs to speak of.

    `asked`: runs to predict: N, D, d_model, bits and formats; `runs`, `ptq`: of which
    the rows of role "fit" are fitted.
    """
    found, runs, asked = [], with_gmse(runs), with_gmse(asked)
    for name, part in LOSS:
        rows, mine = law_runs(runs, part), asked[of_part(asked, part)]
        if part is not None and not (mine[BITS] < HIGH_PRECISION_BITS).any(axis=None):
            continue
        if rows.empty or mine.empty:
            continue
        law = fitter.fit(rows, name)
        found.append(Spoken(law, "loss", rows, _known(mine, law)))
    plain = asked[of_part(asked, None)]
    for method in METHODS:
        rows = law_roundings(ptq, POST_BITS, method)
        wide = _rounded(plain, POST_BITS, method)
        if rows.empty or wide.empty:
            continue
        found += [Spoken(fitter.fit(rows, n), "delta", rows, wide) for n in DELTA]
    return found + _of_channel(plain, ptq, fitter) + _of_both(asked, runs, ptq, fitter)


def _of_channel(plain: pd.DataFrame, ptq: pd.DataFrame, fitter: Fitter) -> list[Spoken]:
    """The law of a noisy channel, of the loss after rounding at each width."""
    found = []
    for bits in CHANNEL_BITS:
        rows = law_roundings(ptq, (bits, bits), "gptq")
        wide = _rounded(plain, (bits, bits), "gptq")
        if not (rows.empty or wide.empty):
            rows = rows.assign(loss=rows["post_loss"])
            found.append(Spoken(fitter.fit(rows, CHANNEL), "post_loss", rows, wide))
    return found


def _of_both(
    asked: pd.DataFrame, runs: pd.DataFrame, ptq: pd.DataFrame, fitter: Fitter
) -> list[Spoken]:
    """The laws of training and rounding together, where runs of both are fitted."""
    rounded = trained_and_rounded(ptq, POST_BITS)
    if not (rounded["part"] != "none").any():
        return []
    wide = _rounded(asked, POST_BITS, "gptq")
    low = Spoken(fitter.fit(rounded, TRAINED_LOW), "delta", rounded, wide)
    rows = unified_rows(runs, trained_and_rounded(ptq, UNIFIED_BITS))
    law = fitter.fit(rows, UNIFIED)
    whole = asked.assign(method="none", post_bits=HIGH_PRECISION_BITS)
    both = pd.concat([whole, _rounded(asked, UNIFIED_BITS, "gptq")], ignore_index=True)
    trained = rows[rows["post_bits"] == HIGH_PRECISION_BITS]
    return [
        low,
        Spoken(law, "loss", trained, whole),
        Spoken(law, "excess", rows.dropna(subset="excess"), both),
    ]


def _rounded(runs: pd.DataFrame, bits: tuple[int, int], method: str) -> pd.DataFrame:
    """The runs at each width below all that they were trained in."""
    widths = pd.DataFrame({"post_bits": range(bits[0], bits[1] + 1)})
    wide = runs.drop(columns="post_bits").merge(widths, how="cross")
    lower = with_part(wide)["bits"] > wide["post_bits"]
    return wide[lower].assign(method=method).reset_index(drop=True)


def _known(runs: pd.DataFrame, law: Fit) -> pd.DataFrame:
    """Runs in formats that a law with a number for each has seen."""
    keep = pd.Series(True, index=runs.index)
    for name, levels in law.levels.items():
        keep &= runs[name].isin(levels)
    return runs[keep].reset_index(drop=True)
