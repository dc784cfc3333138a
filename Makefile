# `make help` lists the targets. They run in .venv, which is created on first use.

PYTHON ?=
HOST ?= 127.0.0.1
PORT ?= 8000
DATA ?= ../shared/data
PYTEST_ARGS ?=
IMAGE ?= sepsis-detect
IMAGE_ARGS ?=
BENCH_ARGS ?=
LOCK_ARGS ?=
CDK_ARGS ?=
FUZZ_ARGS ?=
SOAK_ARGS ?=
OVERLOAD_ARGS ?=

BIN := .venv/bin
VENV := .venv/.complete
CDK := node_modules/.package-lock.json

# Hospitals for external validation; the model is never trained on them.
EICU := $(DATA)/eicu_demo
EICU_ABOUT := eICU Collaborative Research Database demo (Pollard et al., Sci Data 2018;5:180178; ODbL 1.0): \
	adult ICU stays of hospitals in the United States up to 7 days, not cut; half of the hospitals. \
	The label approximates the challenge's: antibiotics for 72 h as suspicion of infection, a SOFA rise \
	of 2 without the Glasgow scale, onset 4 h after admission or later; rows end 3 h after onset.

# Turns off the telemetry of ONNX Runtime; it must be set before the import.
export ORT_DISABLE_TELEMETRY := 1
# Turns off the telemetry of CDK's command line.
export CDK_DISABLE_CLI_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help venv serve image browser java screenshots test lint format types model validate-outside cdk synth deploy bench bench-swap bench-shadow bench-roll bench-fhir bench-contributions bench-spark fuzz-api fuzz-bodies soak overload docs lock audit sbom licences clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

venv: $(VENV) ## Create .venv with all dependencies (PYTHON=python3.12 selects the Python)

$(VENV): requirements/dev.txt pyproject.toml tools/make_venv.sh
	@PYTHON="$(PYTHON)" sh tools/make_venv.sh
	@touch $@

serve: $(VENV) ## Start the service (HOST=127.0.0.1 PORT=8000)
	$(BIN)/sepsis-detect serve --host $(HOST) --port $(PORT)

image: ## Build the container image (IMAGE=sepsis-detect IMAGE_ARGS='--platform linux/arm64')
	@IMAGE="$(IMAGE)" IMAGE_ARGS="$(IMAGE_ARGS)" sh tools/build_image.sh

bench-roll: $(VENV) ## Replace and kill containers under requests (needs haproxy and make image)
	$(BIN)/python -m benchmarks.rolling_replacement --image $(IMAGE) $(BENCH_ARGS)

cdk: $(CDK) ## Set up AWS CDK's command line: npx cdk, with .venv/bin in the PATH

# Node is in .venv; the lock file contains hashes and no registry address.
$(CDK): package.json package-lock.json $(VENV)
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --no-audit --no-fund --omit-lockfile-registry-resolved || \
		{ echo "make cdk: npm could not install aws-cdk; targets and tests that need it will report that" >&2; exit 1; }

synth: $(CDK) ## Write the CloudFormation template (CDK_ARGS='-c env=prod -c certificate_arn=...')
	@PATH="$(CURDIR)/$(BIN):$$PATH" npx --no-install cdk synth --quiet $(CDK_ARGS)

deploy: $(CDK) ## Deploy to AWS; read docs/operations.md first (CDK_ARGS='-c env=prod ...')
	@PATH="$(CURDIR)/$(BIN):$$PATH" npx --no-install cdk deploy $(CDK_ARGS)

browser: # Install Chromium for the tests of the page and its screenshots
	@sh tools/get_browser.sh

java: # Install Java for the tests of Spark
	@sh tools/get_java.sh

screenshots: $(VENV) browser ## Take the screenshots of the page, into docs/screenshots
	$(BIN)/python -m tools.take_screenshots

test: lint types browser java ## Run all checks and tests, as CI does (PYTEST_ARGS='-k units' selects tests)
	$(BIN)/python -m tools.fhir_schema
	@$(MAKE) --no-print-directory cdk || true
ifeq ($(PYTEST_ARGS),)
	$(BIN)/pytest --cov --cov-report= --cov-fail-under=0 --numprocesses 2 --dist loadfile -m 'not alone'
	$(BIN)/pytest --cov --cov-append -m alone
else
	$(BIN)/pytest --cov --cov-fail-under=0 $(PYTEST_ARGS)
endif

lint: $(VENV) ## Check style, formatting, spelling and plain words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/python -m tools.check_prose

format: $(VENV) ## Format the code and apply fixes of ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(VENV) ## Check types with mypy
	$(BIN)/mypy

model: $(VENV) ## Train, compare, evaluate and report the model (DATA=../shared/data)
	$(BIN)/python -m model_build train --data $(DATA)
	$(BIN)/python -m model_build compare --data $(DATA)
	$(BIN)/python -m model_build familiarity --data $(DATA)
	@$(MAKE) --no-print-directory validate-outside
	$(BIN)/python -m model_build evaluate --data $(DATA)

# Exit code 3 means that a limit is missed; the report shows it and the build continues.
validate-outside:
ifeq ($(wildcard $(EICU)/labelled.parquet),)
	@echo "make model: external validation skipped, there is no $(EICU)/labelled.parquet" >&2
else
	$(BIN)/python -m model_build validate --data $(EICU)/labelled.parquet \
		--unlabelled $(EICU)/unlabelled.parquet --out docs/model/external --about "$(EICU_ABOUT)" \
		--record --min auroc=.75 --min utility=0 --max alerts_per_patient_day=2.5 || [ $$? -eq 3 ]
endif

bench-swap: $(VENV) ## Swap models fifty times under requests and faults (ten minutes)
	$(BIN)/python -m benchmarks.model_swaps $(BENCH_ARGS)

bench-shadow: $(VENV) ## Cost of a shadow model, then swaps and faults of it under requests (ten minutes)
	$(BIN)/python -m benchmarks.shadow_cost
	$(BIN)/python -m benchmarks.shadow_swaps $(BENCH_ARGS)

bench: $(VENV) ## Measure speed beside the same server answering a constant (needs wrk)
	$(BIN)/python -m benchmarks.serving $(BENCH_ARGS)

bench-fhir: $(VENV) ## Measure the processor time of a Bundle of 1,000 Observations
	$(BIN)/python -m benchmarks.fhir_bundle $(BENCH_ARGS)

bench-contributions: $(VENV) ## Measure the processor time of the contributions of a stay
	$(BIN)/python -m benchmarks.contributions $(BENCH_ARGS)

bench-spark: $(VENV) java ## Measure hours a second of `score` and of Spark with one and two executors
	$(BIN)/python -m benchmarks.spark_scoring $(BENCH_ARGS)

fuzz-api: $(VENV) ## Check the service against its OpenAPI document (FUZZ_ARGS='--examples 50')
	$(BIN)/python -m benchmarks.fuzz_api $(FUZZ_ARGS)

fuzz-bodies: $(VENV) ## Send 100,000 hostile requests (FUZZ_ARGS='--requests 5000 --seed 7')
	$(BIN)/python -m benchmarks.fuzz_bodies $(FUZZ_ARGS)

soak: $(VENV) ## Send requests at 70 % of the peak for ten minutes (SOAK_ARGS='--minutes 2'; needs wrk)
	$(BIN)/python -m benchmarks.soak $(SOAK_ARGS)

overload: $(VENV) ## Send three times more requests than can be answered (a minute; needs wrk)
	$(BIN)/python -m benchmarks.overload $(OVERLOAD_ARGS)

docs: $(VENV) ## Write the documents that are generated from the code
	$(BIN)/python -m tools.write_docs

# dev.txt is resolved first and constrains serve.txt: the shipped versions are the tested ones.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--fork-strategy fewest --generate-hashes --no-strip-extras --no-header --no-annotate --no-emit-index-url

lock: $(VENV) ## Pin the dependencies of pyproject.toml (LOCK_ARGS=--upgrade for newer versions)
	$(LOCK) $(LOCK_ARGS) --extra dev -o requirements/dev.txt
	$(LOCK) $(LOCK_ARGS) -c requirements/dev.txt -o requirements/serve.txt
	echo hatchling | $(subst pyproject.toml,-,$(LOCK)) $(LOCK_ARGS) -c requirements/dev.txt -o requirements/build.txt

audit: $(VENV) ## List known vulnerabilities of the shipped packages
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/serve.txt

sbom: $(VENV) ## Write build/sbom.json (CycloneDX) of the shipped packages
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements/serve.txt --pyproject pyproject.toml \
		--mc-type application --output-reproducible --output-file build/sbom.json

licences: $(VENV) ## Print the licence of every shipped package
	@$(BIN)/python -m tools.licences

clean: ## Remove .venv and all generated files
	rm -rf .venv node_modules build dist cdk.out htmlcov .coverage .coverage.* .hypothesis .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
