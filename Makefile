# make demo                  every app on http://127.0.0.1:7860
# make demo APP=translator   one app;  ARGS="--port 8000 --device cpu" passes options on
# make test                  the tests, but for slow ones;  ARGS="-k beam" passes options on
# make test-all              all tests
# make lint                  ruff and mypy
# make docs                  API pages, from the docstrings, into build/docs
# make check-pythons         all tests on every Python that is supported, each in an environment of its own
# make check-newest          the tests with the newest versions of everything that pyproject.toml allows
# make check-lowest          and with the lowest
# make check-install         installs into a fresh clone, interrupts that, takes the network away
# make check-container       runs what the Dockerfile says in a fresh folder, as a user without rights
# make check-wheel           trains from the wheel alone, in an empty environment
# make constraints           writes constraints.txt anew: the newest versions, to be tested together
#
# Each installs what is missing into .venv first, in the versions of constraints.txt; the second time takes seconds.
#
# PYTHON=python3.12          makes .venv with that Python
# TORCH=cpu TORCH_INDEX=...  takes torch and torchvision from an index of wheels without CUDA

PYTHON ?= python3
APP ?=
ARGS ?=
TORCH ?=
TORCH_INDEX ?=

# What API pages are made of.
ROOMS := seqcore seqcore.checkpoint seqcore.data seqcore.errors \
	$(subst /,.,$(patsubst %/__init__.py,%,$(wildcard seqcore/*/__init__.py seqcore/tasks/*/__init__.py)))
APPS := captioner sentiment translator video inside
# Handed to programs by the environment: there, no character of theirs is one of the shell's.
export APP TORCH TORCH_INDEX
export WANTED_PYTHON := $(if $(filter file default,$(origin PYTHON)),,$(PYTHON))
# The environment's own Python, where there is one that works.
export RUNNER := $(shell .venv/bin/python -c '' 2>/dev/null && echo .venv/bin/python || echo "$(or $(PYTHON),python3)")
INSTALL := @"$$RUNNER" tools/install.py .venv --python "$$WANTED_PYTHON" --torch "$$TORCH" --torch-index "$$TORCH_INDEX"
PYTEST := .venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

.PHONY: demo test test-all lint format docs check-pythons check-newest check-lowest check-install check-container \
	check-wheel constraints clean
.PHONY: environment environment-dev python app

demo: app environment
	@exec .venv/bin/python -m apps$(if $(APP),.$(APP)) $(ARGS)

test: environment-dev
	$(PYTEST) -m 'not slow' $(ARGS)

test-all: environment-dev
	$(PYTEST) $(ARGS)

lint: environment-dev
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy

format: environment-dev
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

check-pythons check-newest check-lowest: python
	@"$$RUNNER" tools/check_environments.py $(@:check-%=%) $(ARGS)

check-install: python
	@"$$RUNNER" tools/check_install.py $(ARGS)

check-container: python
	@"$$RUNNER" tools/check_container.py

check-wheel: environment-dev
	@"$$RUNNER" tools/check_wheel.py

constraints: environment-dev
	.venv/bin/uv pip compile pyproject.toml --universal --python-version 3.10 --all-extras --upgrade \
		--no-annotate --custom-compile-command 'make constraints' --quiet --output-file constraints.txt

docs: environment-dev
	.venv/bin/python -m pdoc --docformat google --output-directory build/docs $(ROOMS)
	@echo "build/docs/index.html"

clean:
	rm -rf .venv .venv.lock .environments build dist *.egg-info

environment: python
	$(INSTALL) --extras all

environment-dev: python
	$(INSTALL) --extras all,ray,dev

python:
	@command -v "$$RUNNER" >/dev/null || { echo "error: $$RUNNER was not found: install Python 3.10 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@"$$RUNNER" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $$RUNNER is older than Python 3.10: install a newer one, or name it with PYTHON=... (after make clean, where .venv is there)" >&2; exit 1; }

app:
	@for app in '' $(APPS); do test "$$APP" != "$$app" || exit 0; done; \
		echo "error: there is no app $$APP: $(APPS), or nothing for all" >&2; exit 1
