# Every target sets up what it needs, with nothing but Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench
OLDEST := .venv-oldest
OLDEST_READY := $(OLDEST)/.ready
PIP_FLAGS := --quiet --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest -n auto
# of the long property tests; `make test-slow SEED=1` repeats a run
SEED ?= $(shell date +%s)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-oldest lint docs bench clean

help:  ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup: $(READY)  ## Set up .venv

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit('Python >= 3.11 is needed, this is ' + sys.version if sys.version_info < (3, 11) else 0)"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[dev,docs,plot]'
	@touch $@

$(BENCH_READY): $(READY)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt -e '.[bench]'
	@touch $@

demo: $(READY)  ## Fit the forum's cubic, print its table, write its picture
	mkdir -p output
	MPLBACKEND=Agg $(BIN)/python examples/plot_forum_cubic.py output/forum_cubic.png

test: $(READY)  ## Run all tests but the long ones, with branch coverage
	$(PYTEST) -m "not slow" --cov --cov-report=term

test-slow: $(READY)  ## Run the long property tests
	$(PYTEST) -m slow --hypothesis-seed=$(SEED)

$(OLDEST_READY): pyproject.toml constraints-oldest.txt
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install $(PIP_FLAGS) -c constraints-oldest.txt -e '.[dev]'
	@touch $@

test-oldest: $(OLDEST_READY)  ## Test the lowest versions admitted (some GB to download)
	$(OLDEST)/bin/python -m pytest -n auto -m "not slow and not newest" -W default

lint: $(READY)  ## Check style, format, spelling and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

docs: $(READY)  ## Build the documentation; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html
	@echo "The documentation is in docs/_build/html/index.html"

bench: $(BENCH_READY)  ## Compare speed and accuracy with other ways
	$(BIN)/python benchmarks/exactness.py
	$(BIN)/python benchmarks/conversions.py
	$(BIN)/python benchmarks/pipelines.py
	$(BIN)/python benchmarks/engines.py
	$(BIN)/python benchmarks/solvers.py
	$(BIN)/python benchmarks/solver_crossover.py
	$(BIN)/python benchmarks/intervals.py
	$(BIN)/python benchmarks/fit_time.py
	$(BIN)/python benchmarks/large.py
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/derivative_labels.py
	$(BIN)/python benchmarks/label_search.py
	$(BIN)/python benchmarks/inspection.py
	$(BIN)/python benchmarks/label_cost.py

clean:  ## Remove everything that the other targets made
	rm -rf $(VENV) $(OLDEST) output docs/_build docs/api docs/auto_examples docs/sg_execution_times.rst
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
