"""Figures of what parts cost together beside what they cost alone."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from scipy import stats

from precision_lib.figures.grammar import data_axis, size_styles
from precision_lib.figures.style import bits_label, bits_style
from precision_lib.findings.composition import RULES
from precision_lib.findings.ladder_share import LadderShare


def rules_against_measured(table: pd.DataFrame, scores: pd.DataFrame) -> Figure:
    """What each rule says of each combination against its measured cost, a column each.

    Below, how far it is off, with the 95% interval of that; hollow where one model
    alone has the combination.

    `table`: of `precision_lib.findings.composition.compositions`; `scores`: of
    ``explained`` there.

    >>> made = pd.DataFrame({"cost": [0.1, 0.2], "bits": [3, 4], "seeds": [1, 2]})
    >>> for rule in RULES:
    ...     made = made.assign(**{rule: 0.1, f"{rule}_low": -0.1, f"{rule}_high": 0.0})
    >>> scores = pd.DataFrame({"R²": 0.5}, index=list(RULES.values()))
    >>> rules_against_measured(made, scores).axes[0].get_title()
    'costs add:\\nR² 0.50'
    """
    figure, axes = plt.subplots(
        2, len(RULES), sharex=True, sharey="row", figsize=(6.6, 5.4),
        height_ratios=[3, 2],
    )  # fmt: skip
    ends = [0.0, 1.05 * float(table["cost"].max())]
    for (rule, name), above, below in zip(RULES.items(), *axes, strict=True):
        above.plot(ends, ends, color="0.4", lw=1)
        below.axhline(0, color="0.4", lw=1)
        for _, row in table.iterrows():
            style = bits_style(row["bits"]) | {"linestyle": "none", "markersize": 6}
            style |= {"markerfacecolor": "none"} if row["seeds"] == 1 else {}
            above.plot(row["cost"], row[rule], **style)
            below.plot(row["cost"], row[rule] - row["cost"], **style)
            reach = [row[f"{rule}_low"], row[f"{rule}_high"]]
            below.vlines(row["cost"], *reach, color=style["color"], lw=1.3)
        r2 = f"{scores.loc[name, 'R²']:.2f}"
        above.set_title(f"{name}:\nR² {r2}", fontsize="medium")
        below.xaxis.set_major_locator(MaxNLocator(3))
    axes[0][0].set_ylabel("by the rule (nats)")
    axes[1][0].set_ylabel("less measured (nats)")
    figure.supxlabel("measured cost of the combination (nats per token)", size="medium")
    widths = sorted(set(table["bits"]))
    handles = [Line2D([], [], ls="none", label=bits_label(b), **bits_style(b))
               for b in widths]  # fmt: skip
    figure.legend(
        handles=handles, title="fewest bits of a part", loc="outside upper center",
        ncols=len(widths),
    )  # fmt: skip
    return figure


def share_against_data(found: LadderShare) -> Figure:
    """Cost of all parts as a share of the sum of three parts alone, against D.

    Bars are 95% intervals of one model by the scatter around the fitted lines.

    >>> from precision_lib.findings.ladder_share import ladder_share
    >>> from precision_lib.findings.measured import load_measured
    >>> short = load_measured(["base", "parts", "joint"], "short")
    >>> share_against_data(ladder_share(short)).axes[0].get_xscale()
    'log'
    """
    figure, axis = plt.subplots(figsize=(6.6, 4.0))
    lengths = np.array(sorted(set(found.rows["tokens"])), float)
    reach = np.exp(stats.t.ppf(0.975, found.freedom) * found.scatter)
    styles = size_styles(found.rows["N"])
    for place, (size, style) in enumerate(styles.items()):
        rows = found.rows[found.rows["N"] == size]
        apart = 1.05 ** (place - (len(styles) - 1) / 2)
        share, x = rows["share"], rows["tokens"] * apart
        axis.errorbar(
            x, share, [share - share / reach, share * reach - share], ls="none",
            capsize=2, label=f"N = {size:,.0f}", **style,
        )  # fmt: skip
        axis.plot(lengths, found.at(size, lengths), color=style["color"], lw=1.2)
    axis.axhline(1, color="0.4", lw=1)
    axis.set(xlabel="training tokens D", ylabel="cost together over sum of three alone")
    data_axis(axis, lengths)
    figure.legend(loc="outside upper center", ncols=len(styles))
    return figure
