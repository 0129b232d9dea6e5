# make demo                  every app on http://127.0.0.1:7860
# make demo APP=translator   one app;  ARGS="--port 8000 --device cpu" passes options on
# make test                  the tests, but for slow ones;  ARGS="-k beam" passes options on
# make test-all              all tests
# make lint                  ruff and mypy
# make check-pythons         all tests on every Python that is supported, each in an environment of its own
# make check-newest          the tests with the newest versions of everything that pyproject.toml allows
# make check-lowest          and with the lowest
# make check-install         installs into a fresh clone, interrupts that, takes the network away
# make constraints           writes constraints.txt anew: the newest versions, to be tested together
#
# Each installs what is missing into .venv first, in the versions of constraints.txt. Stamp files in .venv remember
# what is installed, so that the second time takes seconds.
#
# PYTHON=python3.12          makes .venv with that Python
# TORCH=cpu TORCH_INDEX=...  takes torch and torchvision from an index of wheels without CUDA

PYTHON ?= python3
APP ?=
ARGS ?=
TORCH ?=
TORCH_INDEX ?=

PYTEST := .venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal
# The environment's own Python, where there is one that works.
RUNNER := $(shell .venv/bin/python -c '' 2>/dev/null && echo .venv/bin/python || echo '$(PYTHON)')
INSTALL = $(RUNNER) tools/install.py .venv $(if $(filter cpu,$(TORCH)),--torch-index '$(TORCH_INDEX)')
INSTALLER := pyproject.toml constraints.txt tools/install.py

.PHONY: demo test test-all lint format check-pythons check-newest check-lowest check-install constraints clean options

demo: .venv/installed-all
	@exec .venv/bin/python -m apps$(if $(APP),.$(APP)) $(ARGS)

test: .venv/installed-dev
	$(PYTEST) -m 'not slow' $(ARGS)

test-all: .venv/installed-dev
	$(PYTEST) $(ARGS)

lint: .venv/installed-dev
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy

format: .venv/installed-dev
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

check-pythons check-newest check-lowest: options
	@$(PYTHON) tools/check_environments.py $(@:check-%=%) $(ARGS)

check-install: options
	@$(PYTHON) tools/check_install.py $(ARGS)

constraints: .venv/installed-dev
	echo uv | .venv/bin/uv pip compile - pyproject.toml --universal --python-version 3.10 --all-extras --upgrade \
		--no-annotate --custom-compile-command 'make constraints' --quiet --output-file constraints.txt

clean:
	rm -rf .venv .environments build dist *.egg-info

.venv/installed-all: $(INSTALLER) | options
	@$(INSTALL) --extras all
	@touch $@

# What tests need includes what demos need, so this answers for both.
.venv/installed-dev: $(INSTALLER) | options
	@$(INSTALL) --extras all,dev
	@touch .venv/installed-all $@

# Everything that can be seen to be wrong before something is installed.
options:
	@command -v $(RUNNER) >/dev/null || { echo "error: $(RUNNER) was not found: install Python 3.10 or newer, or name one with PYTHON=..." >&2; exit 1; }
	@$(RUNNER) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(RUNNER) is older than Python 3.10: name a newer one with PYTHON=... (after make clean, where .venv is there)" >&2; exit 1; }
ifneq ($(origin PYTHON),file)
	@version='import sys; print(sys.version.split()[0])'; test "$$($(RUNNER) -c "$$version")" = "$$($(PYTHON) -c "$$version")" || { echo "error: .venv was made with another Python than $(PYTHON): make clean removes it, then run this again" >&2; exit 1; }
endif
ifeq ($(TORCH),cpu)
	@test -n '$(TORCH_INDEX)' || { echo "error: TORCH=cpu needs TORCH_INDEX=..., the address of an index with CPU wheels of torch and torchvision: pytorch.org names its own (Get started, pip, CPU)" >&2; exit 1; }
else ifneq ($(TORCH),)
	@echo "error: TORCH=$(TORCH) is not known: cpu, or nothing for what the registry has" >&2; exit 1
endif
