# Everything happens in .venv, which is made from the lock files in requirements/; nothing outside the checkout changes.

PYTHON ?= python3
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
ARGS ?=

VENV ?= .venv
BIN := $(VENV)/bin
RUN := $(VENV)/run.stamp
DEV := $(VENV)/dev.stamp
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install --require-hashes --no-build-isolation
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help bench test test-fast smoke check lint types floors docs docs-check fmt lock reference clean

help: ## List the targets.
	@echo "usage: make TARGET [PYTHON=python3.12] [JOBS=2] [ARGS='more arguments']"
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
		while IFS='|' read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done

bench: $(RUN) ## Run the bundled suite `quick` and print the leaderboards; no task is downloaded.
	@$(BIN)/bench run --suite quick --jobs $(JOBS) $(ARGS)

test: $(DEV) ## Run all tests.
	@$(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal $(ARGS)

test-fast: $(DEV) ## Run the tests that are not marked slow.
	@$(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal -m "not slow" $(ARGS)

smoke: $(DEV) ## Run one fold of a bundled table in a folder that is then gone, and two laws of every plug-in.
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/bench run --task bundled:iris --folds 1 --jobs $(JOBS) --results "$$folder"
	@$(ONE_THREAD) $(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal -k "lawful or same_bytes" tests/checks/test_laws.py $(ARGS)

check: lint types floors docs-check test ## Run everything that CI runs.

lint: $(DEV) ## Check style and format with ruff, and that the lock files hold what pyproject.toml asks for.
	@$(PIP) check
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEV) ## Check types with mypy.
	@$(BIN)/mypy

floors: $(DEV) ## Check with import-linter that modules import downwards only.
	@$(BIN)/lint-imports

docs: $(DEV) ## Write the generated parts of the pages in docs/.
	@$(BIN)/python docs/build.py

docs-check: $(DEV) ## Fail if a generated part of the pages is not up to date.
	@$(BIN)/python docs/build.py --check

fmt: $(DEV) ## Format, and mend what ruff can mend.
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(DEV) ## Write the lock files anew; ARGS=--upgrade takes the newest versions.
	@export UV_CUSTOM_COMPILE_COMMAND="make lock"; \
	$(COMPILE) $(ARGS) --group dev pyproject.toml --output-file requirements/dev.txt && \
	$(COMPILE) --group build pyproject.toml --constraint requirements/dev.txt --output-file requirements/run.txt && \
	$(COMPILE) --group pyproject.toml:build --constraint requirements/run.txt --output-file requirements/build.txt && \
	$(COMPILE) --group pyproject.toml:gate --constraint requirements/run.txt --output-file requirements/gate.txt

reference: $(RUN) ## Make the published run in results/reference/ again, from an empty journal.
	@rm -rf results/reference/records results/reference/logs results/reference/leaderboards
	@$(BIN)/bench run --suite quick --jobs $(JOBS) --results results/reference --store results/store $(ARGS)

clean: ## Remove the environment and what tools left behind; results stay.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find bench tests docs benchmarks -name __pycache__ -prune -exec rm -rf {} +

# The environment: first what builds, then what runs, then this checkout; the tools for development on top.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit(f"bench needs Python 3.11 or newer, but \
	$(PYTHON) is {v[0]}.{v[1]}: call make with PYTHON=python3.11")'
	@echo "making $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)

$(RUN): requirements/build.txt requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "installing requirements/run.txt into $(VENV)"
	@$(INSTALL) -r requirements/build.txt
	@$(INSTALL) -r requirements/run.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUN)
	@echo "installing requirements/dev.txt into $(VENV)"
	@$(INSTALL) -r requirements/dev.txt
	@touch $@
