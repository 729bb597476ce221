"""The command line, ``python -m precision_lib --help``: one file a command group."""
