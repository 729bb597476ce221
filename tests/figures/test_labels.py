"""Labels of ticks do not touch each other, names of marks no bar beside."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from precision_lib.figures.floating_types import cost_by_bits_and_error
from precision_lib.figures.grammar import data_axis
from precision_lib.figures.other_runs import plot_profiles
from precision_lib.laws.profile import Profile


def touching(axis: Axes) -> list[tuple[str, str]]:
    """Neighbouring labels of the horizontal axis that overlap."""
    axis.figure.canvas.draw()
    labels = [*axis.get_xticklabels(), *axis.get_xticklabels(minor=True)]
    low, high = sorted(axis.get_xlim())
    shown = [x for x in labels if x.get_text() and low <= x.get_position()[0] <= high]
    boxes = [(x.get_window_extent(), x.get_text()) for x in shown]
    boxes.sort(key=lambda one: one[0].x0)
    return [
        (left[1], right[1])
        for left, right in zip(boxes, boxes[1:], strict=False)
        if left[0].x1 > right[0].x0
    ]


@pytest.mark.parametrize("ends", [(150, 4500), (1e-4, 6.0), (0.5, 2.0), (20, 9e4)])
def test_labels_of_a_profile_do_not_touch(ends: tuple[float, float]) -> None:
    values = np.geomspace(*ends, 17)
    rise = np.abs(np.linspace(-8, 8, 17))
    one = Profile("B", values, rise, rise, ends, (True, True), 0.95)
    figure = plot_profiles({"B": one, "n_w": one})
    assert [touching(axis) for axis in figure.axes] == [[], []]
    assert figure.axes[1].get_xlabel() == "$n_{w}$"
    plt.close(figure)


def test_lengths_are_named_as_in_the_tables() -> None:
    figure, axis = plt.subplots(figsize=(4, 3))
    data_axis(axis, [876_544, 1_748_992, 3_497_984, 7_000_064, 14_000_128, 28_000_256])
    names = [text.get_text() for text in axis.get_xticklabels()]
    assert names == ["875k", "1.75M", "3.5M", "7M", "14M", "28M"]
    assert not touching(axis)
    plt.close(figure)


def test_the_name_of_a_type_crosses_no_bar_beside() -> None:
    rows = {
        "e3m2": ("float", 6, 0.0023, 0.0128, 0.002, 0.0237),
        "e4m2": ("float", 7, 0.0023, 0.0217, 0.0109, 0.0325),
        "e5m2": ("float", 8, 0.0023, 0.0161, 0.0053, 0.0269),
        "int4": ("integer", 4, 0.0094, 0.0549, 0.0288, 0.0811),
        "int6": ("integer", 6, 0.0005, 0.0014, -0.0094, 0.0122),
    }
    columns = ["kind", "bits", "gmse", "cost", "low", "high"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    figure = cost_by_bits_and_error(table)
    figure.canvas.draw()
    axis = figure.axes[0]
    for text in axis.texts:
        box = text.get_window_extent().padded(1)
        for _, bits, _, _, low, high in rows.values():
            ends = axis.transData.transform([(bits, low), (bits, high)])
            inside = box.x0 < ends[0][0] < box.x1
            assert not (inside and ends[0][1] < box.y1 and box.y0 < ends[1][1]), text
    plt.close(figure)
