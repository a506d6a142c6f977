# Each target installs what it needs: `make demo` and `make test` work on a fresh clone.

PYTHON ?= python3
BIN := .venv/bin
TEST_PROCESSES ?= 4
PYTHON_FOLDERS := bench deploy examples handoff podconfig reporter runtime testfleet tests worker
MAX_LINES := 300
PYTEST := $(BIN)/pytest -n $(TEST_PROCESSES)

.PHONY: help setup demo test unit fuzz mutants test-images test-cluster kind-up kind-down sign format lint check bench bench-detectors docs-examples clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST)

setup: .venv/.synced node_modules/.installed .venv/.browser ## Install all dependencies into .venv and node_modules

demo: setup ## Run four sample suites against a small web shop, on a fleet on this machine
	$(BIN)/testfleet demo

test: setup .venv/.pooler ## Run all tests, or the folders in TESTS="…"
	$(PYTEST) $(TESTS)

unit: .venv/.synced ## Run the tests that need no server and no program of testfleet; takes seconds
	$(BIN)/pytest -n 2 tests/unit

fuzz: .venv/.synced ## Test many more generated reports and interleavings of shards than make test; takes minutes
	FUZZ_REPORTS=17000 FUZZ_INTERLEAVINGS=214 FUZZ_RUNS=1000 $(BIN)/pytest -n $(TEST_PROCESSES) \
	  tests/unit/reporter/test_fuzz.py tests/integration/reporter/results/test_final_names.py \
	  tests/integration/reporter/results/test_summaries.py

mutants: .venv/.synced ## Break one guard at a time in a copy of the last commit, and show the test that fails; takes minutes
	$(BIN)/python -m tests.mutants

test-cluster: .venv/.synced ## Test the cluster that KUBECONFIG names; it needs KEDA and the images testfleet, embedded and all
	$(BIN)/pytest tests/cluster

test-images: .venv/.synced ## Test the images of this machine in podman's containers; without images, the tests are skipped
	$(BIN)/pytest tests/images

kind-up: ## Create a kind cluster with KEDA and the images; needs Docker
	tests/cluster/kind-up

kind-down: ## Remove that cluster
	kind delete cluster --name testfleet

sign: ## Sign a pushed image with Sigstore as the current identity: IMAGE=registry/name DIGEST=sha256:…
	cosign sign --yes "$(IMAGE)@$(DIGEST)"

format: .venv/.synced ## Format the code, and apply ruff's safe fixes
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lint: .venv/.synced ## Check style, types and import rules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@find $(PYTHON_FOLDERS) -name '*.py' ! -path '*/node_modules/*' -exec awk 'FNR == $(MAX_LINES) + 1 { \
	  print FILENAME ": must have at most $(MAX_LINES) lines; split it"; found = 1 } END { exit found }' {} +
	$(BIN)/cfn-lint --include-checks I -- deploy/aws/*.yaml
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/feature.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.renovate renovate.json

check: lint test ## Run what CI runs

bench: .venv/.synced ## Measure each figure beside a peer or a limit in the same run
	@for bench in bench/*.py; do echo "== $$bench"; $(BIN)/python $$bench || exit 1; done

bench-detectors: .venv/.synced ## Score every detector on generated histories whose faults are known: SEEDS=first-last
	$(BIN)/python -m bench.detectors --seeds $(or $(SEEDS),1-20)

docs-examples: .venv/.synced ## Run the examples of docs/commands.md against a generated history, and replace their output
	$(BIN)/python -m tests.support.command_examples docs/commands.md

clean: ## Remove everything that set-up and runs created
	rm -rf .venv node_modules .testfleet test-results .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/.uv: docker/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "testfleet needs Python 3.11 or newer: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement docker/uv.txt
	@touch $@

.venv/.synced: .venv/.uv uv.lock pyproject.toml
	$(BIN)/uv sync --frozen --all-extras --quiet
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "testfleet needs Node 20 or newer, with npm"; exit 1; }
	npm ci --no-audit --no-fund
	@touch $@

.venv/.pooler: .venv/.synced
	$(BIN)/python -m tests.support.pgbouncer
	@touch $@

.venv/.browser: .venv/.synced node_modules/.installed
	$(BIN)/python -m testfleet.local.samples.browser
	@touch $@
