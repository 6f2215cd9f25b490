# Outrider: set up, run, test. `make help` lists the targets.
# Needs Python 3.11+ and make; Node is used when the machine has 20.19 or later, else a wheel brings it.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Stamps: each says that its step was done after the files that it depends on were last changed.
INSTALLED := $(VENV)/.installed
EDITABLE := $(VENV)/.editable
NODE_MODULES := web/node_modules/.installed
WEB_BUILT := build/web-built

WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' \
	-not -path 'web/tests/*' 2>/dev/null)
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: help setup up parts test test-quick check check-web format bench lock clean

help: ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' Makefile

setup: $(EDITABLE) $(WEB_BUILT) ## make .venv and build the web app; starts nothing
	@:

up: setup ## run everything with simulated vans, and print the address to open (ARGS="--http-port 8080")
	@exec $(BIN)/outrider up --demo $(ARGS)

parts: $(EDITABLE)
	@$(BIN)/python -m tests.realparts

test: setup parts ## run all the tests, against real parts (ARGS="tests/unit -k fence")
	$(if $(ARGS),,scripts/npm test)
	$(BIN)/pytest $(ARGS)

test-quick: $(EDITABLE) ## run the tests that take no more than moments
	$(BIN)/pytest -m "not slow and not browser" $(ARGS)

check: $(EDITABLE) check-web ## format, lint, types, imports, and what no file may hold
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_tree.py

check-web: $(NODE_MODULES)
	scripts/npm run check

format: $(EDITABLE) $(NODE_MODULES) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only .
	scripts/npm run format

bench: setup ## run the benchmarks (one: ARGS=ingest)
	@for name in $(or $(ARGS),ingest geofence arrivals live eta); do $(BIN)/outrider bench $$name --json || exit 1; done

lock: $(EDITABLE) ## bring the locks up to date with pyproject.toml and web/package.json
	$(BIN)/uv pip compile pyproject.toml $(UV_LOCK) --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --group fuzz $(UV_LOCK) --constraints requirements.lock \
		--output-file requirements-dev.lock
	scripts/npm install --package-lock-only
	$(BIN)/python scripts/complete_npm_lock.py
	$(BIN)/python scripts/check_tree.py
UV_LOCK := --quiet --universal --generate-hashes --no-emit-index-url --no-header --no-annotate

clean: ## remove what was made: .venv, builds, caches (not the data in .outrider)
	rm -rf $(VENV) build web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The dev lock holds everything of requirements.lock as well, in the same versions.
$(INSTALLED): requirements-dev.lock scripts/make-venv
	@scripts/make-venv $(PYTHON)
	@echo "installing the locked dependencies into $(VENV)"
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

$(EDITABLE): $(INSTALLED) pyproject.toml
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_MODULES): web/package-lock.json web/package.json | $(INSTALLED)
	@echo "installing the locked dependencies of web/"
	@scripts/npm ci --include=dev --no-progress --loglevel=error
	@touch $@

$(WEB_BUILT): $(NODE_MODULES) $(WEB_SOURCES)
	@echo "building web/dist"
	@scripts/npm run --silent build
	@mkdir -p $(@D)
	@touch $@
