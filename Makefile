PYTHON ?= python3
BIN := .venv/bin

.PHONY: install test proof lint clean

install: .venv/installed

.venv/installed: requirements-dev.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet uv==0.13.9
	$(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python -r requirements-dev.lock
	touch $@

test: install
	$(BIN)/pytest -q

proof: install lint

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .

clean:
	rm -rf .venv var .pytest_cache .mypy_cache .ruff_cache
