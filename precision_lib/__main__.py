"""The command line: ``python -m precision_lib --help``."""

from __future__ import annotations

from precision_lib.cli import (
    app as cli,
    laws as cli_laws,
    pretrained as cli_pretrained,
    report as cli_own_runs,
    runs as cli_runs,
)

GROUPS = (cli_laws, cli_own_runs, cli_runs, cli_pretrained)
APP = cli.make_app([each for group in GROUPS for each in group.COMMANDS])

if __name__ == "__main__":
    cli.run(APP)
