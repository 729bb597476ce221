"""The command line: ``python -m precision_lib --help``."""

from __future__ import annotations

from precision_lib import cli, cli_laws, cli_own_runs, cli_pretrained, cli_runs

if __name__ == "__main__":
    groups = [cli_laws, cli_own_runs, cli_runs, cli_pretrained]
    cli.run(cli.make_app([group.register for group in groups]))
