"""The command line: ``python -m precision_lib --help``."""

from __future__ import annotations

from precision_lib import cli, cli_laws, cli_runs

if __name__ == "__main__":
    cli.run(cli.make_app([cli_laws.register, cli_runs.register]))
