# The two commands: make book, make test. Everything else is on `make help`.
# Works with GNU make 3.81 and newer, and in a folder with spaces in its path.

PYTHON ?= python3
IN_VENV = .venv/bin/python
ONLY ?=
PARAMETERS ?=
export TORCH_INDEX

.DEFAULT_GOAL := help
.PHONY: help book pdf launch check newest test lint notebooks lab environment test-environment clean

help:  ## this list
	@echo "make book                 execute the notebooks, build the book, say which page to open"
	@echo "make test                 every check: ruff, mypy, tests of library, notebooks and pages"
	@echo "make check                between two edits: ruff, mypy, tests without a browser,"
	@echo "                          training or process kills"
	@echo "make newest               the tests of the library with the newest packages that"
	@echo "                          pyproject.toml allows, in an environment of their own"
	@echo "make notebooks ONLY=05    execute one notebook (all without ONLY);"
	@echo "                          with other parameters: PARAMETERS=\"-p runs retrain -p seed 1\""
	@echo "make environment          install into .venv, nothing else"
	@echo "make lab                  open JupyterLab on the notebooks"
	@echo "make pdf                  the whole book as one PDF; needs Chromium"
	@echo "make launch               copies of the notebooks that install the library on Colab"
	@echo "make lint                 ruff and mypy only"
	@echo "make clean                remove what was built; the environment .venv stays"
	@echo "Variables: PYTHON=python3.12 (the Python to start from),"
	@echo "           TORCH_INDEX=<url> (a package index to take torch from, see README.md)"

environment:
	@$(PYTHON) -m tools.environment requirements.txt

test-environment:
	@$(PYTHON) -m tools.environment requirements.txt tests/requirements-oracles.txt

book: environment
	@$(IN_VENV) -m tools.book

pdf: book
	@$(IN_VENV) -m tools.pdf

launch: environment
	@$(IN_VENV) -m tools.launch

notebooks: environment
	@$(IN_VENV) -m tools.notebooks --only "$(ONLY)" $(PARAMETERS)

lint: test-environment
	@$(IN_VENV) -m tools.checks ruff mypy

check: test-environment
	@$(IN_VENV) -m tools.checks ruff mypy quick

newest:
	@$(PYTHON) -m tools.newest

test: test-environment
	@$(IN_VENV) -m tools.checks book ruff mypy pytest

lab: environment
	@JUPYTER_PREFER_ENV_PATH=1 $(IN_VENV) -m jupyterlab notebooks

clean:
	rm -rf _build .venv-newest .mypy_cache .pytest_cache .ruff_cache
