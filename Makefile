# Everything from a fresh clone with nothing but python3 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

.PHONY: year week jobs faults folds model mutants run test long check format chaos machines bench demo lock catalogues screenshots

run: $(VENV)/.run
	@$(BIN)/loopos serve

demo: $(VENV)/.run
	@$(BIN)/loopos demo

test: check
	$(BIN)/pytest -n 4 -m "not long"

long: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m long

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.circles

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

chaos: $(VENV)/.dev
	$(BIN)/python -m tests.chaos.run --kills 200 --messages 500

faults: $(VENV)/.dev
	for platform in slack slack-socket telegram telegram-polling line; do $(BIN)/python -m tests.faults.run --platform $$platform --messages 300 || exit 1; done

model: $(VENV)/.dev
	$(BIN)/python -m tools.train

folds: $(VENV)/.dev
	$(BIN)/python -m tools.folds

mutants: $(VENV)/.dev
	$(BIN)/python -m tools.mutants

machines: $(VENV)/.dev
	LOOPOS_EXAMPLES=70 $(BIN)/pytest -n 2 tests/core/test_machines.py

year: $(VENV)/.dev
	$(BIN)/python -m bench year

jobs: $(VENV)/.dev
	$(BIN)/python -m bench jobs

week: $(VENV)/.dev
	$(BIN)/python -m bench week

bench: $(VENV)/.dev
	$(BIN)/python -m bench

screenshots: $(VENV)/.dev
	LOOPOS_SCREENSHOTS=docs/pictures $(BIN)/pytest tests/test_browser.py tests/test_dashboard.py

catalogues: $(VENV)/.dev
	$(BIN)/python -m tools.catalogues

# Needs uv (any recent one); the lock files carry versions and hashes, no addresses.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --generate-hashes \
		--no-header --no-annotate --quiet -o requirements.lock pyproject.toml requirements.in
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links --generate-hashes \
		--no-header --no-annotate --quiet --extra dev --extra train -c requirements.lock -o requirements-dev.lock pyproject.toml requirements.in

$(VENV)/.base: requirements.lock pyproject.toml
	@echo "Setting up (once, about a minute) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.run: $(VENV)/.base
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.lock
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
