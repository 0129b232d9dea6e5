# make demo                  every app on http://127.0.0.1:7860
# make demo APP=translator   one app;  ARGS="--port 8000 --device cpu" passes options on
# make test                  the tests;  ARGS="-k beam" passes options on
# make lint                  ruff and mypy
#
# Each installs what is missing into .venv first. Stamp files in .venv remember what is installed, so that the second
# time takes seconds; a changed pyproject.toml installs again.

PYTHON ?= python3
APP ?=
ARGS ?=

BIN := .venv/bin
# Compiled as it is installed: else the first start compiles, and where Python may not write, every start (seconds each).
INSTALL := $(BIN)/uv pip install --compile-bytecode --python $(BIN)/python --editable

.PHONY: demo test lint format clean

demo: .venv/installed-all
	@exec $(BIN)/python -m apps$(if $(APP),.$(APP)) $(ARGS)

test: .venv/installed-dev
	$(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal $(ARGS)

lint: .venv/installed-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: .venv/installed-dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:
	rm -rf .venv build dist *.egg-info

.venv/installed-all: pyproject.toml | $(BIN)/uv
	$(INSTALL) '.[all]'
	@touch $@

# What tests need includes what demos need, so this answers for both.
.venv/installed-dev: pyproject.toml | $(BIN)/uv
	$(INSTALL) '.[all,dev]'
	@touch .venv/installed-all $@

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) was not found: install Python 3.10 or newer, or name one with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$(PYTHON) is older than Python 3.10: install a newer one, or name it with PYTHON=..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make a virtual environment: install its venv module (Debian and Ubuntu: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
