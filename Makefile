# Thin: each target a line or two. Python 3.11+ and make are enough; the rest is installed.
PYTHON ?= python3
BIN := .venv/bin
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: install demo test check fix words docs bench serve clean

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[demo,dev]'
	touch $@

demo: install  ## stimuli, a study to click through, simulated answers, a report
	$(BIN)/python -m demo

test: check
	$(BIN)/python -m tests.browser.chromium
	$(BIN)/pytest

check: install
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

fix: install
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

words: install  ## new texts into the catalogues, to be translated there
	mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml --sort-by-file --no-location --no-wrap -o build/words.pot study_server templates
	$(BIN)/pybabel -q update -i build/words.pot -d study_server/translations --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

docs: install  ## this documentation as a website; warnings are errors
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --builder html docs build/docs

bench: install
	$(BIN)/python -m benchmarks

serve: install
	$(BIN)/study serve

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
