# Thin: each target a line or two. Python 3.11+ and make are enough; the rest is installed.
PYTHON ?= python3
# Three processes for two cores run all tests, because many wait for a browser or a server. Each
# spends seconds on importing the tests, so that fewer are better for the fast ones.
CORES := $(shell $(PYTHON) -c "import os; print(os.cpu_count())")
WORKERS ?= $(shell expr 3 \* $(CORES) / 2)
FAST_WORKERS ?= $(CORES)
export OMP_WAIT_POLICY ?= PASSIVE
unexport PYTHONDONTWRITEBYTECODE# compiled modules start faster, and tests start many commands

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable
PYTEST := $(BIN)/python -m pytest
BY_FILE := --dist loadfile --no-loadscope-reorder

.PHONY: install install-dev demo test test-fast check style fix words docs bench serve clean

install: .venv/installed-demo

install-dev: .venv/installed-dev

.venv/installed-demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP) ".[demo]"
	touch $@

.venv/installed-dev: .venv/installed-demo
	$(PIP) ".[demo,dev]"
	touch $@

demo: install  ## stimuli, a study to click through, simulated answers, a report
	$(BIN)/python -m demo

test: style  ## everything, types too; last, and in one process, what measures time
	$(BIN)/python -m tests.browser.chromium
	$(PYTEST) -m "not alone" -n $(WORKERS) $(BY_FILE)
	$(PYTEST) -m alone $$(grep -rl --include=*.py mark.alone tests)

test-fast: install-dev  ## without a browser, PostgreSQL, what measures time and what is slow
	$(PYTEST) -m "not browser and not postgres and not alone and not slow" -n $(FAST_WORKERS) $(BY_FILE)

check: style
	$(BIN)/mypy

style: install-dev
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

fix: install-dev
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

words: install-dev  ## new texts into the catalogues, to be translated there
	mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --sort-by-file --no-location --no-wrap -o build/words.pot study_server templates
	$(BIN)/pybabel -q update -i build/words.pot -d study_server/translations --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

docs: install-dev  ## this documentation as a website; warnings are errors
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --builder html docs build/docs

bench: install-dev
	$(BIN)/python -m benchmarks

serve: install
	$(BIN)/study serve

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
