"""What the test run says first: the versions and tools that it depends on."""

import importlib.metadata
import os

import pytest
from hypothesis import settings

from tools.pdf import chromium

# A rare example should fail on a desk, where it can be looked into, not in CI. No
# example has a deadline: on a busy machine any can take long.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the built book or a browser, which `make check` leaves out."""
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        if {"html", "browser", "pages"} & used:
            item.add_marker("book")
        if "predicted" in used:  # by all laws, each resampled
            item.add_marker("slow")
        if item.name.startswith("precision_lib.sweep.price"):  # examples that train
            item.add_marker("slow")


def pytest_report_header() -> list[str]:
    """Say whether the pages are opened in a browser, and where outside tables are."""
    browser = chromium() or (
        "NOT INSTALLED: tests that open pages are skipped "
        "(on Debian: apt-get install chromium)"
    )
    tables = os.environ.get("PRECISION_LIB_EXTERNAL", "fetched where a test needs them")
    return [
        f"torch: {importlib.metadata.version('torch')}",
        f"browser: {browser}",
        f"tables of other people's runs: {tables}",
    ]
