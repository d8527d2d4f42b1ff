# clausebot: `make demo` to talk to it, `make test` to check it. `make help` lists the rest.
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test check chat train bench bench-channels lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# The newest of Python 3.11 to 3.13 that really runs (a version manager's shim may not).
define FIND_PYTHON
for name in $(or $(PYTHON),python3.13 python3.12 python3.11 python3); do \
  if command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1; then found=$$name; break; fi; done; \
if [ -z "$$found" ]; then echo "clausebot needs Python 3.11, 3.12 or 3.13 and found none$(if $(PYTHON), in $(PYTHON))." >&2; \
  echo "  Debian, Ubuntu: apt-get install python3 python3-venv    macOS: brew install python@3.13" >&2; \
  echo "  Or name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 2; fi; \
if ! $$found -c 'import ensurepip, venv' >/dev/null 2>&1; then \
  echo "$$found can't make virtual environments (ensurepip is missing)." >&2; \
  echo "  Debian, Ubuntu: apt-get install $$($$found -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" >&2; exit 2; fi
endef

$(BIN)/python:
	@$(FIND_PYTHON); echo "Making $(VENV) with $$($$found --version)"; $$found -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what clausebot runs on (once; about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what clausebot runs on and is tested with (once; about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime

setup: $(VENV)/.runtime ## the environment in .venv, from the lock file
setup-dev: $(VENV)/.dev ## the same, with everything the tests need

demo: setup ## start everything on this machine and print the address of the web chat
	@$(BIN)/clausebot demo

chat: setup ## talk to it in the terminal
	@$(BIN)/clausebot chat

test: setup-dev ## all tests
	@$(BIN)/python -m pytest -n auto --dist loadfile
	@$(BIN)/python -m pytest -p no:asyncio -n auto --dist loadfile -m browser tests/browser

check: setup-dev ## style, types, import contracts, wording gaps
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m intents check
	@$(BIN)/python -m knowledge check

train: setup-dev ## train the matcher and the topics from the phrasings
	@$(BIN)/python -m intents train
	@$(BIN)/python -m knowledge.topic_training

bench: setup-dev ## speed of understanding and of whole turns
	@$(BIN)/python -m tests.bench

lock: ## renew both lock files (needs uv)
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --group build pyproject.toml -o requirements.lock --custom-compile-command "make lock"
	uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --group build --group dev --all-extras pyproject.toml -o requirements-dev.lock --custom-compile-command "make lock"

clean: ## remove the environment and caches; var/ with its data stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

bench-channels: setup-dev ## speed of sending
	@$(BIN)/python -m tests.bench.channels
