# One file that a newcomer can read: every target says what it is for, `make` lists them.
SHELL := /bin/bash
VENV  := .venv
BIN   := $(VENV)/bin
# A distribution's Python is optimised for what it runs; one that was compiled at home often is not, and takes 1.7 times as long.
SYSTEM_PYTHON := /usr/bin/python3
PYTHON ?= $(shell $(SYSTEM_PYTHON) -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>&- && echo $(SYSTEM_PYTHON) || echo python3)
STATE ?= .netmon
FUZZ_SECONDS ?= 600
# Kept bytecode halves what a start costs; the tests start hundreds of daemons and commands.
unexport PYTHONDONTWRITEBYTECODE
FUZZERS := $(patsubst tests/fuzz/%.py,fuzz-%,$(wildcard tests/fuzz/*.py))

.DEFAULT_GOAL := help
.PHONY: help run setup test peers check proto lab live crash fuzz bench $(FUZZERS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: $(VENV)/installed ## install what is needed and show this machine: collector and agent, state in .netmon
	@exec $(BIN)/netmon up --state $(STATE)

setup: $(VENV)/installed-dev ## install everything that development needs into .venv

test: setup ## install the tests' peers where possible, then lint, types, import contracts and all tests
	@$(MAKE) --no-print-directory --jobs 2 peers check
	@$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

peers: ## install the real programs that the tests run against, where possible
	@tests/peers

check: $(VENV)/installed-dev ## lint, types and import contracts alone
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

proto: $(VENV)/installed-dev ## generate the message classes from proto/netmon/v1
	$(BIN)/python -m grpc_tools.protoc -Inetmon_proto/generated=proto/netmon/v1 --python_out=proto --pyi_out=proto \
	  $(patsubst proto/netmon/v1/%,netmon_proto/generated/%,$(wildcard proto/netmon/v1/*.proto))

lab: setup peers ## a network of routers, switches and hosts in namespaces (root), and what happens to it, some minutes
	NETMON_LAB=1 $(BIN)/pytest tests/lab

crash: setup ## the store under kills, cut files and flipped bits, for some minutes
	NETMON_CRASH_ROUNDS=1000 $(BIN)/pytest --timeout 3600 tests/crash

fuzz: $(FUZZERS) ## random input for whatever reads what others send, FUZZ_SECONDS each (600); fuzz-query is one of them

$(FUZZERS): fuzz-%: setup
	@echo "== tests/fuzz/$*.py"; PYTHONPATH=. $(BIN)/python tests/fuzz/$*.py $(FUZZ_SECONDS)

live: setup ## this machine with weeks of history behind it, and faults that are made for 15 minutes (root), 45 minutes
	NETMON_LIVE=1 $(BIN)/pytest -s tests/live

soak: setup ## the store's memory at a million series, then ten minutes at 100,000 samples a second
	PYTHONPATH=. $(BIN)/python tests/soak/memory.py
	PYTHONPATH=. $(BIN)/python tests/soak/soak.py

bench: setup peers ## run every benchmark; each prints one JSON object as its last line
	@for file in tests/bench/*.py; do echo "== $$file"; PYTHONPATH=. $(BIN)/python $$file || exit 1; done

$(BIN)/python:
	@packaging/venv $(PYTHON) $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml
	@packaging/install $(VENV) all
	@touch $@

$(VENV)/installed-dev: $(BIN)/python pyproject.toml
	@packaging/install $(VENV) all,dev
	@touch $@ $(VENV)/installed
