PYTHON ?= python3
UV ?= uv
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PROOFS := $(addprefix tests/,hostile journeys kills processes properties races)
PYTEST := $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo up test proof aisvs lint types fix migrate lock python

help:  ## List these verbs
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r verb what; do \
		printf '  make %-8s %s\n' "$$verb" "$$what"; done

setup: $(STAMP)  ## Make .venv and install what requirements.lock pins; quick when nothing has changed

demo: $(STAMP)  ## Show the main job end to end, each step checked; under a minute once the parts are cached
	$(BIN)/interlock demo

up: $(STAMP)  ## Keep a dev stack, the retail shop and a fake Slack running, until Ctrl-C
	$(BIN)/interlock up

test: $(STAMP)  ## Every rule, attack and door, on real PostgreSQL and Temporal; for each change
	$(PYTEST) $(addprefix --ignore=,$(PROOFS))

proof: $(STAMP)  ## The long tests: races, kills, journeys, properties, mutations, hostile input; CI runs both
	$(PYTEST) $(PROOFS)

aisvs: $(STAMP)  ## Which tests show each requirement of OWASP AISVS C9; fails for one that none shows
	$(BIN)/python -m tests.aisvs

lint: $(STAMP)  ## ruff, its format, and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(STAMP)  ## mypy, strict, tests included
	$(BIN)/mypy

fix: $(STAMP)  ## What ruff can repair and format by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

migrate: $(STAMP)  ## Bring the database of INTERLOCK_DATABASE__URL (or INTERLOCK_DATA) to the newest schema
	$(BIN)/interlock migrate

lock:  ## Pin the newest versions that pyproject.toml allows, with hashes; needs uv
	@command -v $(UV) >/dev/null || { echo 'make lock needs uv: https://docs.astral.sh/uv/, or UV=/path/to/uv' >&2; exit 1; }
	$(UV) pip compile pyproject.toml --extra dev --upgrade --generate-hashes --no-emit-index-url --no-header \
		--universal --python-version 3.11 --quiet --output-file requirements.lock

python:
	@command -v $(PYTHON) >/dev/null || { echo '$(PYTHON) is not installed: install Python 3.11 or newer, or name one: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Interlock needs Python 3.11 or newer, this is {}.{}: make PYTHON=python3.12".format(*sys.version_info))'

$(STAMP): requirements.lock pyproject.toml | python
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
