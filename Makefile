# Everything a person does with this repository. `make` alone lists it.

PYTHON ?= python3
PORT   ?= 8080
HOST   ?= 127.0.0.1
# Everything that running writes. The keys of the default place lie where the repository ignores them.
DATA   ?= .run

VENV   := .venv
BIN    := $(VENV)/bin
KEYS   := $(if $(filter .run,$(DATA)),keys/dev,$(DATA)/keys)

.DEFAULT_GOAL := help
.PHONY: help run test bench fuzz lint format lock docs clean

help:  ## list what can be done
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-8s %s\n", $$1, $$2}'

# A stamp a lock file: setting up again is a no-op until the lock changes.
$(VENV)/run.stamp: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or later is needed; name it, as in: make run PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up $(VENV), which takes a while the first time ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(VENV)/run.stamp  ## set up, publish the mitigations of this repository, serve them [PORT=8080 DATA=.run]
	@FEEDSRV_DATA='$(DATA)' FEEDSRV_DEVELOPMENT_KEYS='$(KEYS)' FEEDSRV_BIND='$(HOST):$(PORT)' \
	  FEEDSRV_PRIVATE_BIND="127.0.0.1:$$(($(PORT) + 1))" \
	  exec $(BIN)/feedsrv run --content mitigations

test: $(VENV)/dev.stamp  ## set up and run every test; what this machine cannot run is named at the end
	@$(BIN)/python -m pytest -n auto --dist worksteal $(TESTS)

bench: $(VENV)/dev.stamp  ## measure speed and memory; prints tables of ratios
	@$(BIN)/python -m tests.bench

fuzz: $(VENV)/dev.stamp  ## look for documents that should not be accepted or read [TARGET=feed RUNS=1000000]
	@$(BIN)/python -m tests.fuzz $(TARGET) --runs $(RUNS)

TARGET ?= feed
RUNS   ?= 1000000

lint: $(VENV)/dev.stamp  ## format check, ruff, types, walls (the tests run these, too)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(VENV)/dev.stamp  ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: $(VENV)/dev.stamp  ## resolve the ranges of pyproject.toml anew into the two lock files, with hashes
	@$(BIN)/uv pip compile pyproject.toml $(COMPILE) --extra server -o requirements.lock
	@$(BIN)/uv pip compile pyproject.toml $(COMPILE) --extra server --extra dev -o requirements-dev.lock

COMPILE := --quiet --universal --python-version 3.11 --generate-hashes --upgrade --no-config \
  --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

docs: $(VENV)/dev.stamp  ## write the reference pages in docs/ anew from the code
	@$(BIN)/python -m tests.documents

clean:  ## remove what setting up and running made (keys and data included)
	rm -rf $(VENV) .run keys/dev .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
