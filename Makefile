# The one definition of what people, hooks and CI call.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.PHONY: help demo test test-cluster check format bench docs lock clean

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/'

# The virtual environments are made once and again when a pin changes. `run` is all that jx itself needs.
$(VENV)/.run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "jx needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; set PYTHON=/path/to/python3.11")'
	@command -v git >/dev/null || { echo "jx needs git; install it with your package manager"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what jx needs into $(VENV) (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/run.txt
	@$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "jx-src.pth").write_text("$(CURDIR)/src\n")'
	@printf '#!%s\nfrom jx.cli.main import main\nraise SystemExit(main())\n' "$(CURDIR)/$(BIN)/python" > $(BIN)/jx && chmod +x $(BIN)/jx
	@$(BIN)/python -m compileall -q src || true
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo "Installing the tools of development into $(VENV) (once) ..."
	@$(BIN)/python -m pip install -q --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.run ## the whole story on an embedded platform: install, change, upgrade, break, rescue
	@$(BIN)/python -m demo

# What fails among five thousand tests that share the cores is named, and played again alone: what fails alone too, fails.
test: $(VENV)/.dev ## all tests, on all cores
	@$(BIN)/python -m pytest -q -n auto --dist loadgroup || { test $$? -eq 1 && echo "Once more, alone:" && $(BIN)/python -m pytest -q -n 0 $(AGAIN); }

# Two clusters: with the controllers of workloads, answers of the API would change while they are compared.
CONTRACTS := $(patsubst %,tests/contracts/test_%.py,cluster anchors locks signals activities promotions secret_log snapshots watchdogs)
# Applies onto a cluster that was there before: kubeconfigs, refusals, crashes.
APPLIES := $(addprefix tests/,journeys/test_foreign_clusters.py journeys/test_kubeconfigs.py usecases/test_apply_refusals.py usecases/test_crashes_on_the_api.py usecases/test_apply_without_store_on_the_api.py usecases/test_watchdog_on_the_api.py)
# Tekton judges the PipelineRuns of the tests before its own.
JUDGED := $(addprefix tests/,domain/test_compiled_pipelines.py adapters/runner/test_runs.py adapters/runner/test_compiled_pipelines.py contracts/test_pipelines.py contracts/test_tekton.py)
# Tekton itself, with its controller, on both: each on a cluster of its own, where nobody holds its leases.
LIVE := contracts/test_live_tekton.py journeys/test_live_tekton.py
PLAY := $(BIN)/python -m pytest -q -n 0 -p tests.support.side_by_side
# Two clusters are never at the very same point, and the real one draws lots here and there (the order of what a client prunes, which
# Events are merged). So what differs is played again, twice at most: what differs each time, differs.
AGAIN := --last-failed --last-failed-no-failures none
test-cluster: $(VENV)/.dev ## the API and its clients, on the embedded cluster and on a real one side by side (RECORD=1 renews the record)
	@failed=0; export JX_PARITY_RECORD=$(RECORD); \
	once() { $(BIN)/python scripts/test_cluster.py "$$@"; }; \
	play() { once "$$@" || once "$$@" $(AGAIN) || once "$$@" $(AGAIN) || failed=1; }; \
	play $(PLAY) tests/parity $(CONTRACTS); \
	play --workloads $(PLAY) tests/clients; \
	$(BIN)/python -m tests.support.tekton || failed=1; \
	play $(PLAY) $(JUDGED); \
	for alone in $(LIVE); do play --workloads $(PLAY) tests/$$alone; done; \
	play $(BIN)/python -m pytest -q -n 0 $(APPLIES); \
	for alone in rescue_from_ledger cluster_backup; do play $(BIN)/python -m pytest -q -n 0 tests/journeys/test_$$alone.py; done; \
	exit $$failed

check: $(VENV)/.dev ## format, lint, types, import contracts
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy
	@PYTHONPATH=src $(BIN)/lint-imports

format: $(VENV)/.dev ## let the tools write what they can
	@$(BIN)/ruff format -q .
	@$(BIN)/ruff check -q --fix . || true
	@$(BIN)/ruff format -q .

bench: $(VENV)/.dev ## speed and memory, beside their peers
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.run ## write the reference pages that are made from code
	@$(BIN)/python scripts/make_reference.py

lock: ## renew the pins (needs uv)
	@cd requirements && for f in run dev; do uv pip compile -q --generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 $$f.in -o $$f.txt; done

clean: ## remove what make made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
