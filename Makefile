# Everything here needs only Python 3.11+ with pip, and make. The virtual environment is .venv/.
PYTHON ?= python3
BIN := .venv/bin
COMPILE := $(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header

.PHONY: demo dev test test-more test-whole test-long explore chaos mutants check bench format lock clean

demo: .venv/ready ## every journey on the embedded Temporal server, time moved along
	$(BIN)/python -m sojourn demo

dev: .venv/ready ## everything running: Temporal with its UI, and a worker; Ctrl-C stops it
	$(BIN)/python -m sojourn dev

# tests start many processes, for which compiled modules are worth keeping
TEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

test: .venv/ready ## the unit tests, and of each file on real parts the first one
	$(TEST) -n 3 --maxschedchunk 2 -m "not long and not more" --ignore tests/long

test-more: .venv/ready ## the other tests on real parts; a quarter of an hour
	$(TEST) -n 3 --maxschedchunk 2 -m more --ignore tests/long

WHOLE := $(addprefix tests/long/test_,$(addsuffix .py, \
	chaos kill restore trusted_cancel walk worker same_in_memory same_on_both))

test-whole: .venv/ready ## whole installations, killed and restored; both engines; journeys on Temporal
	$(TEST) -n 2 --maxschedchunk 1 $(WHOLE)
	$(TEST) -n 3 --maxschedchunk 2 -m "not long" --engine temporal tests/integration/journeys

test-long: test-whole ## and all of tests/long, properties with 200 examples, each database; over an hour
	$(TEST) -n 2 --maxschedchunk 1 -m "long or property" $(addprefix --ignore ,$(WHOLE)) \
		--hypothesis-profile thorough

explore: .venv/ready ## properties with examples that nobody has tried; what it finds becomes a test
	$(TEST) -n 2 --maxschedchunk 1 -m property --hypothesis-profile explore

chaos: .venv/ready ## everything fails at once: 2,000 runs, what was truly delivered; SOJOURN_SEED=n for others
	SOJOURN_CHAOS=$${SOJOURN_CHAOS:-2000} $(BIN)/python -m pytest -s tests/long/test_chaos.py

mutants: .venv/ready ## do the tests of a file notice when it changes? FILE=sojourn/domain/policy.py
	$(BIN)/python -m tests.mutants $(FILE) $(TESTS)

check: .venv/ready ## format, lint, the direction of imports, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy .

bench: .venv/ready ## costs and speed, as ratios measured side by side
	$(BIN)/python -m benchmarks

format: .venv/ready ## rewrite the code as `make check` wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/ready ## pin the newest dependencies: all in requirements.lock, the image's in -runtime.lock
	$(BIN)/python -m pip install --quiet pip-tools
	$(COMPILE) --upgrade --extra dev --extra alerts --output-file requirements.lock pyproject.toml
	cp requirements.lock requirements-runtime.lock # pip-compile keeps the versions that it finds there
	$(COMPILE) --extra alerts --output-file requirements-runtime.lock pyproject.toml

.venv/ready: requirements.lock pyproject.toml
	@echo "Making the virtual environment .venv/ ..."
	@$(PYTHON) -m venv .venv
	@echo "Installing what requirements.lock pins. The first time, this takes some minutes ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "Installed."

clean: ## remove the virtual environment and local state
	rm -rf .venv .sojourn build dist
