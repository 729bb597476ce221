"""The command line: ``python -m precision_lib --help``."""

from __future__ import annotations

from precision_lib import cli, cli_laws, cli_own_runs, cli_runs

if __name__ == "__main__":
    registers = [cli_laws.register, cli_own_runs.register, cli_runs.register]
    cli.run(cli.make_app(registers))
