"""What the test run says first: the versions and tools that it depends on."""

import importlib.metadata
import os

from hypothesis import settings

from tools.pdf import chromium

# A rare example should fail on a desk, where it can be looked into, not in CI.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_report_header() -> list[str]:
    """Say whether the pages are opened in a browser, and where outside tables are."""
    browser = chromium() or (
        "NOT INSTALLED: tests/book/test_browser.py is skipped "
        "(on Debian: apt-get install chromium)"
    )
    tables = os.environ.get("PRECISION_LIB_EXTERNAL", "fetched where a test needs them")
    return [
        f"torch: {importlib.metadata.version('torch')}",
        f"browser: {browser}",
        f"tables of other people's runs: {tables}",
    ]
