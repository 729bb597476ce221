"""The drawings keep what they say inside, and say it without overlap."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import pytest

from precision_lib.figures import schematics
from precision_lib.figures.style import use_style

DRAWINGS = (
    schematics.quantized_block,
    schematics.before_and_after,
    schematics.twins_and_equal_loss,
    schematics.shift_along_a_curve,
)


@pytest.mark.parametrize("draw", DRAWINGS, ids=lambda draw: draw.__name__)
def test_no_text_is_clipped_or_lies_on_another(draw) -> None:
    use_style()
    figure = draw()
    figure.canvas.draw()
    page = figure.bbox
    texts = [text for text in figure.findobj(plt.Text) if text.get_visible()]
    boxes = [text.get_window_extent() for text in texts if text.get_text().strip()]
    for box in boxes:
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1
    for one, two in itertools.combinations(boxes, 2):
        assert not one.padded(-0.5).overlaps(two.padded(-0.5))
    plt.close(figure)
