# Every target works on a fresh machine with Python 3.11 or newer: it installs what it needs first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: help install demo test test-all check check-release fuzz bench docs locks clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: $(STAMP) ## the project and its tools into .venv, from the hashed locks

$(STAMP): pyproject.toml requirements/dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "mcpassport needs Python 3.11 or newer; name one with PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (a minute or two, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP) ## the main job on a real API: make demo [ARGS=--once]
	@$(BIN)/mcpassport demo $(ARGS)

test: $(STAMP) ## lint, types, unit, contracts, end to end
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m tests.suites stale
	@$(BIN)/python -m tests.mutants.choice
	@$(BIN)/python -m pytest -n auto --dist loadgroup -m "not slow" $(ARGS)

test-all: $(STAMP) ## everything, each suite with its result in docs/results
	@$(MAKE) --no-print-directory check
	@$(BIN)/python -m tests.suites run $(ARGS)

check-release: $(STAMP) ## fails while a result of test-all is missing, red or stale
	@$(BIN)/python -m tests.suites stale --fail

check: $(STAMP) ## lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy

fuzz: $(STAMP) ## a million inputs against every reader of outside bytes: make fuzz [ARGS="--target endpoint"]
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench: $(STAMP) ## compare the hot path's parts in one run
	@$(BIN)/python -m bench.run $(ARGS)

docs: $(STAMP) ## regenerate the generated pages of docs/
	@$(BIN)/python docs/generate.py

COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
  --no-emit-index-url --no-emit-find-links --no-emit-options

locks: ## renew every lock (hashes, no registry addresses)
	$(COMPILE) -o requirements/run.lock pyproject.toml requirements/build.in
	$(COMPILE) -o requirements/dev.lock --extra dev -c requirements/run.lock pyproject.toml requirements/build.in
	$(COMPILE) -o requirements/container.lock --extra postgres -c requirements/run.lock pyproject.toml requirements/build.in
	@for file in $(filter-out requirements/build.in,$(wildcard requirements/*.in)); do \
	  $(COMPILE) -o $${file%.in}.lock $$file || exit 1; \
	done
	$(BIN)/python -m tests.peers.npm

clean: ## remove the environment and every cache
	@rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis
