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
	$(BIN)/python app.py --open

check: .venv/ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Two at a time, file by file; those that watch a page as it moves have the processor to themselves.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore-glob='*/test_browser*'
	$(BIN)/python -m pytest tests/test_browser*.py
