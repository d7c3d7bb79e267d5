# Needs Python 3.11, make and a package index; everything else goes into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Test processes; `make test PROCESSES=0` runs all in one.
PROCESSES ?= auto
CODE := callward data_checks deployments flows tasks tests
UV := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate

export DO_NOT_TRACK := 1
export GX_ANALYTICS_ENABLED := false
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS := 180

.PHONY: demo test check fix bench lock clean

demo: .venv/run.stamp ## a night on made-up calls, from nothing to a signed pack
	$(BIN)/python -m deployments.demo

test: .venv/test.stamp ## everything that is tested
	$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal

check: .venv/test.stamp ## style, types, import rules
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_import_rules.py

fix: .venv/test.stamp ## mend what can be mended by machine
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: .venv/test.stamp ## figures as JSON; nothing is judged
	$(BIN)/python -m tests.benchmarks

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python requirements.lock pyproject.toml
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

.venv/test.stamp: .venv/run.stamp requirements-test.lock
	$(PIP) --require-hashes -r requirements-test.lock
	touch $@

lock: ## resolve again; needs `uv` on the path
	$(UV) --extra build pyproject.toml -o requirements.lock
	$(UV) --extra build --extra test -c requirements.lock pyproject.toml -o requirements-test.lock

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
