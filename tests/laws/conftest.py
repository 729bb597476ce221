"""Which tests of other people's tables can run here, said at the end."""

import os
from pathlib import Path

CHINCHILLA = "chinchilla_besiroglu_245.csv"
FOLDER = os.environ.get("PRECISION_LIB_EXTERNAL", "")
PRESENT = bool(FOLDER) and (Path(FOLDER) / CHINCHILLA).is_file()

collect_ignore = [] if PRESENT else ["test_published.py"]


def pytest_terminal_summary(terminalreporter):
    if not PRESENT:
        terminalreporter.write_line(
            f"tests/laws/test_published.py was left out: no {CHINCHILLA} in the folder "
            f"that PRECISION_LIB_EXTERNAL names ({FOLDER or 'it is not set'})."
        )
