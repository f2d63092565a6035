# `make report` and `make test` are all that a fresh machine with python3 (3.11 or newer) and make needs.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help report test lab desk check lint benchmark sample lock clean

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 report"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m compileall -q sop_helpers
	@touch $(READY)

report: $(READY) ## Set up, run the sample month and say where its report is
	$(BIN)/sop run

test: $(READY) ## Set up and run all tests
	$(BIN)/python -m pytest

lab: $(READY) ## Open JupyterLab on the notebooks
	$(BIN)/sop lab

desk: $(READY) ## Open the desk on which planners change the plan, as a page in the browser
	$(BIN)/sop desk

check: $(READY) ## Check the sample company's inputs without running
	$(BIN)/sop check

lint: $(READY) ## Look for slips in the package and the notebooks
	$(BIN)/ruff check .

benchmark: $(READY) ## Measure everything that benchmarks/README.md shows (takes a while)
	$(BIN)/python benchmarks/run.py

sample: $(READY) ## Make the sample company anew from its seed, closed months included
	$(BIN)/python data/generate.py --out data/sample
	$(BIN)/python data/close_history.py

lock: ## Pin anew what pyproject.toml asks for
	rm -rf .lock-venv
	$(PYTHON) -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet --disable-pip-version-check ".[test]"
	.lock-venv/bin/python -m pip freeze --exclude sop-workbook > requirements.lock
	rm -rf .lock-venv build

clean: ## Remove the environment and all months that were run
	rm -rf $(VENV) output
