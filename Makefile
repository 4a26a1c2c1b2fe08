# `make demo` opens the app on the classroom suite, `make test` passes the tests; both set up .venv first.
PYTHON ?= python3
BIN = .venv/bin

.PHONY: demo test check

.venv/ready: requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements.txt
	$(BIN)/pip install --quiet -e .
	touch $@

.venv/ready-test: .venv/ready
	$(BIN)/pip install --quiet -e .[test]
	touch $@

demo: .venv/ready
	$(BIN)/python app.py

check: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

test: check
	$(BIN)/python -m pytest
