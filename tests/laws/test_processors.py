"""The fits of the chapters are the same on another processor, as far as one can tell.

`python -m tools.processors` tries every setting and more replicates.
"""

import pytest

from tools.processors import chapter_fits, differences, elsewhere, settings

pytestmark = pytest.mark.slow
SETTINGS = list(settings())
TRIED = [SETTINGS[0], SETTINGS[-1]]  # the oldest kernels; the plainest exp and log


@pytest.fixture(scope="module")
def known():
    return elsewhere({}, replicates=20)


@pytest.mark.parametrize("setting", TRIED, ids=lambda setting: next(iter(setting)))
def test_chapters_have_the_same_fits_on_another_processor(known, setting):
    assert len(known) == len(list(chapter_fits()))
    assert differences(known, elsewhere(setting, replicates=20)) == []
