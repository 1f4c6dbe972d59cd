# `make help` lists what there is.  The first run makes a virtualenv in .venv and needs the network; later runs do not,
# until pyproject.toml changes.

PYTHON ?= python3
PORT ?= 2121
DIR ?= .
# How much work the random tests do; 1 is a full run.
FTPCORE_SCALE ?= 0.1
# More for pytest or for the benchmarks, as in  make test ARGS='-k abor -x'
ARGS ?=

# Four processes, for tests wait more than they compute, each with the tests of one file at a time.  The tens of
# thousands of contract tests have processes of their own, for tests of adapters search theirs for what is left over.
PARALLEL := -n 4 --dist loadfile
# Two, for those that compute.
PAIR := -n 2 --dist loadfile

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What is installed, each newer than the pyproject.toml it was installed by.
RUN_STAMP := .venv/.installed-run
DEV_STAMP := .venv/.installed-dev
BENCH_STAMP := .venv/.installed-bench
# What a stranger's environment is installed from, with no network.
WHEELS := .venv/wheels

.DEFAULT_GOAL := help
.PHONY: help serve test test-all lint type format contract soak bench diagrams semantics migrating dist clean
.DELETE_ON_ERROR:

help: ## list the targets
	@echo 'usage: make TARGET [VARIABLE=value ...]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14
	@echo 'variables: PORT=$(PORT) DIR=$(DIR) PYTHON=$(PYTHON) FTPCORE_SCALE=$(FTPCORE_SCALE) ARGS=$(ARGS)'

serve: $(RUN_STAMP) ## serve DIR read-only to anonymous users on 127.0.0.1:PORT
	$(BIN)/ftpcore -i 127.0.0.1 -p $(PORT) -d '$(DIR)' $(ARGS)

# Tracing branches makes tests several times slower, and the core's own tests alone must reach all of them.
CORE_TESTS := tests/core tests/property ftpcore

test: lint type ## lint, type, then all tests, the contract suites among them; the core's reach all of its branches
	@echo '== contract suites (scale $(FTPCORE_SCALE))'
	FTPCORE_SCALE=$(FTPCORE_SCALE) $(BIN)/python -m pytest $(PARALLEL) contract_tests $(ARGS)
	@echo '== tests of adapters, and doctests (scale $(FTPCORE_SCALE))'
	FTPCORE_SCALE=$(FTPCORE_SCALE) $(BIN)/python -m pytest $(PARALLEL) tests ftpcore_adapters \
	    $(addprefix --ignore=,$(CORE_TESTS)) $(ARGS)
	@echo '== tests of the core (scale $(FTPCORE_SCALE)), branch coverage of ftpcore'
	FTPCORE_SCALE=$(FTPCORE_SCALE) $(BIN)/python -m pytest $(PAIR) $(CORE_TESTS) --cov --cov-report=term $(ARGS)

# On PATH, where pyenv has commands that start nothing, or else among the versions of pyenv.
VERSIONS ?= 3.11 3.12 3.13
PYENV_ROOT ?= $(HOME)/.pyenv
starts = $(shell $(1) -c 'print("yes")' 2>/dev/null)
found = $(firstword $(foreach python,python$(1) $(wildcard $(PYENV_ROOT)/versions/$(1).*/bin/python),\
    $(if $(call starts,$(python)),$(python))))
TESTS_ON := $(VERSIONS:%=test-on-%)
.PHONY: $(TESTS_ON)

test-all: ## the tests on every installed Python of VERSIONS, each in a virtualenv of its own
	@$(MAKE) --no-print-directory --keep-going $(TESTS_ON)

$(TESTS_ON): test-on-%:
	@python='$(call found,$*)'; \
	if test -z "$$python"; then echo '== skipped: Python $* is not installed'; exit; fi; \
	$(MAKE) --no-print-directory .venv-$*/.installed-dev PYTHON="$$python" && \
	echo '== tests on Python $* (scale $(FTPCORE_SCALE))' && \
	FTPCORE_SCALE=$(FTPCORE_SCALE) .venv-$*/bin/python -m pytest $(PARALLEL) $(ARGS)

.venv-%/.installed-dev: pyproject.toml
	@echo '== installing ftpcore and the tools for tests into .venv-$*'
	@test -f .venv-$*/pyvenv.cfg || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[dev]'
	.venv-$*/bin/python -m tests.wheels .venv-$*/wheels
	@touch $@

lint: $(DEV_STAMP) ## ruff: rules and layout
	@echo '== lint'
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(DEV_STAMP) ## mypy --strict on everything
	@echo '== type'
	$(BIN)/mypy

format: $(DEV_STAMP) ## let ruff lay out the code and repair what it can
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

contract: $(DEV_STAMP) ## the contract suites alone
	@echo '== contract suites (scale $(FTPCORE_SCALE))'
	@if ls contract_tests/test_*.py >/dev/null 2>&1; then set -x; \
	    FTPCORE_SCALE=$(FTPCORE_SCALE) $(BIN)/python -m pytest $(PARALLEL) contract_tests $(ARGS); \
	else echo 'skipped: contract_tests holds no tests'; fi

soak: $(DEV_STAMP) ## all tests at full scale
	@echo '== tests at full scale'
	FTPCORE_SCALE=1 $(BIN)/python -m pytest --timeout=3600 $(PARALLEL) contract_tests $(ARGS)
	FTPCORE_SCALE=1 $(BIN)/python -m pytest --timeout=3600 $(PAIR) tests ftpcore ftpcore_adapters $(ARGS)

bench: $(BENCH_STAMP) ## the benchmarks, pyftpdlib beside ours
	@echo '== benchmarks'
	@if test -f benchmarks/__main__.py; then set -x; $(BIN)/python -m benchmarks $(ARGS); \
	else echo 'skipped: there is no benchmarks/__main__.py'; fi

diagrams: $(DEV_STAMP) ## write what docs/ shows of tables: of states, and of the faults that the contracts find
	$(BIN)/python -m docs.make_diagrams
	$(BIN)/python -m docs.make_mutant_table

semantics: $(DEV_STAMP) ## list the rules of the contracts in docs/port-semantics.md
	PYTHONPATH=contract_tests $(BIN)/python -m docs.make_port_semantics

migrating: $(DEV_STAMP) ## list the names of the pyftpdlib API in docs/migrating.md
	$(BIN)/python -m docs.make_migrating

dist: $(DEV_STAMP) ## build the sdist and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation
	@$(BIN)/python -m zipfile --list dist/*.whl

clean: ## remove caches and built files (the virtualenv stays: rm -r .venv)
	rm -rf build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -path './.venv*' -prune -o -name __pycache__ -type d -exec rm -rf {} +

# A virtualenv that is there is used as it is, whoever made it.
.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo 'ftpcore needs Python 3.11 or later; "$(PYTHON)" is not.  Name one that is: make PYTHON=python3.12 ...' >&2; \
	    exit 1; }
	@echo '== making a virtualenv in .venv'
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	    echo 'Python could not make a virtualenv.  On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }

$(RUN_STAMP): pyproject.toml | .venv/pyvenv.cfg
	@echo '== installing ftpcore into .venv'
	$(PIP) install --editable .
	@touch $@

$(DEV_STAMP): pyproject.toml | .venv/pyvenv.cfg
	@echo '== installing ftpcore and the tools for tests into .venv'
	$(PIP) install --editable '.[dev]'
	$(BIN)/python -m tests.wheels $(WHEELS)
	@touch $(RUN_STAMP) $@

$(BENCH_STAMP): pyproject.toml | .venv/pyvenv.cfg
	@echo '== installing ftpcore and what it is compared with into .venv'
	$(PIP) install --editable '.[bench]'
	@touch $(RUN_STAMP) $@
