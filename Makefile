# `make help` lists what there is. Everything runs in .venv, which is made on first use.

PYTHON ?=
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= ../shared/data
PYTEST_ARGS ?=
LOCK_ARGS ?=

BIN := .venv/bin
VENV := .venv/.complete

# ONNX Runtime reports home unless this is set before its import.
export ORT_DISABLE_TELEMETRY := 1

.DEFAULT_GOAL := help
.PHONY: help venv serve test lint format types model docs lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

venv: $(VENV) ## Make .venv with everything (PYTHON=python3.12 chooses the Python)

$(VENV): requirements/dev.txt pyproject.toml tools/make_venv.sh
	@PYTHON="$(PYTHON)" sh tools/make_venv.sh
	@touch $@

serve: $(VENV) ## Start the service (HOST=127.0.0.1 PORT=8000)
	$(BIN)/sepsis-detect serve --host $(HOST) --port $(PORT)

test: lint types ## Check everything, as CI does (PYTEST_ARGS='-k units' for a part of the tests)
	$(BIN)/pytest --cov $(if $(PYTEST_ARGS),--cov-fail-under=0) $(PYTEST_ARGS)

lint: $(VENV) ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV) ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(VENV) ## Check types
	$(BIN)/mypy

model: $(VENV) ## Train and export the model (DATA=../shared/data)
	$(BIN)/python -m model_build train --data $(DATA)

docs: $(VENV) ## Write the documents that follow from the code
	$(BIN)/python -m tools.write_docs

# dev.txt comes first and binds serve.txt: what we ship is what we test.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-header --no-annotate --no-emit-index-url

lock: $(VENV) ## Pin the dependencies of pyproject.toml (LOCK_ARGS=--upgrade for newer ones)
	$(LOCK) $(LOCK_ARGS) --extra dev -o requirements/dev.txt
	$(LOCK) $(LOCK_ARGS) -c requirements/dev.txt -o requirements/serve.txt

clean: ## Remove .venv and whatever the tools left
	rm -rf .venv build dist cdk.out htmlcov .coverage .coverage.* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
