# Every target installs what it needs first; all it asks for is Python 3.11 or newer.

PYTHON ?= python3
# A folder with one subfolder of reference tensors per system, and the tiny models in models/.
REFERENCE ?= ../shared/reference
# The systems that tests/reference can check.
SYSTEMS ?= fatezero i2vedit text2video_zero tokenflow
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check reference

help:
	@echo "make demo       edit a clip that comes with rescene"
	@echo "make test       run the tests"
	@echo "make check      check format, lint and types"
	@echo "make reference  compare with the outputs of the original systems in REFERENCE=$(REFERENCE)"

demo: $(VENV)/.installed
	$(BIN)/rescene demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

check: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright

FOUND = $(patsubst $(REFERENCE)/%/manifest.json,%,$(wildcard $(SYSTEMS:%=$(REFERENCE)/%/manifest.json)))

reference: $(VENV)/.installed-dev
	@test -n "$(FOUND)" || { echo "none of $(SYSTEMS) is in $(REFERENCE); set REFERENCE to the folder that holds them"; exit 2; }
	@failed=; for system in $(FOUND); do \
		$(BIN)/python -m tests.reference $$system --root $(REFERENCE)/$$system --models $(REFERENCE)/models \
			|| failed="$$failed $$system"; \
	done; test -z "$$failed" || { echo "differs from the original:$$failed"; exit 1; }

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "rescene needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed
