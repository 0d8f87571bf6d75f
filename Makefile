# Two commands do all the set-up: `make run` (see it work) and `make test` (prove it works).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --no-input --disable-pip-version-check -q
CACHE := .cache
# Programs that the rig had to unpack (bubblewrap) come last: the machine's own are preferred.
RIG_PATH := $$PATH:$(CURDIR)/$(CACHE)/rig/bin
PYTEST := PATH="$(RIG_PATH)" $(BIN)/python -m pytest
TREE := devsecops_eda events tests
# So many tests at a time; each has a RabbitMQ node and a PostgreSQL of its own.
JOBS ?= 2

# Of the two ways to take the network away, the first works for root, the second for many others.
define WITHOUT_NETWORK
if unshare --net true 2>/dev/null; then way=(unshare --net); \
elif unshare --map-current-user --net true 2>/dev/null; then way=(unshare --map-current-user --net); \
else way=(); echo 'note: this machine does not let the unit tests give up their network'; fi; "$${way[@]}"
endef

.PHONY: help
help: ## say what there is
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20

# Where `make install` puts things. What is installed below DESTDIR does not know it.
DESTDIR ?=
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system

.PHONY: run
run: $(VENV)/.run ## install what is needed and scan the sample application
	@$(BIN)/devsecops-eda scanners install
	@$(BIN)/devsecops-eda demo

.PHONY: test
test: lint rig unit integration ## lint and test everything, on a RabbitMQ of its own

.PHONY: lint
lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(TREE)

.PHONY: unit
unit: $(VENV)/.dev ## the unit tests, without a network
	@$(WITHOUT_NETWORK) $(BIN)/python -m pytest -q -n $(JOBS) tests/unit

.PHONY: integration
integration: rig ## real commands on a real RabbitMQ, faults in their short form
	@$(BIN)/devsecops-eda scanners install
	@$(PYTEST) -q -n $(JOBS) --dist loadfile tests --ignore tests/unit

.PHONY: faults
faults: rig ## the faults in full; takes minutes
	@$(BIN)/devsecops-eda scanners install
	@$(PYTEST) -q tests -m 'faults or faults_full'

.PHONY: systemd
systemd: rig ## the units under a real systemd, started for the test; as root, takes minutes
	@$(PYTEST) -q tests -m systemd

.PHONY: deploy
deploy: rig ## the Dockerfile without an engine, a cluster of three nodes, linters from npm; as root, minutes
	@$(PYTEST) -q tests -m deploy

# Other series than 4 (4.0, of Debian 13): RABBITMQ=4.3 (of the Debian after it).
RABBITMQ ?= 4

.PHONY: rabbitmq4
rabbitmq4: export DEVSECOPS_EDA_RIG_RABBITMQ = $(RABBITMQ)
rabbitmq4: rig ## all but the unit tests on RabbitMQ 4, the shipped files, the move from 3.x; a quarter of an hour
	@$(BIN)/python -m tests.rig.newer 4 $(RABBITMQ)
	@$(BIN)/devsecops-eda scanners install
	@$(PYTEST) -q -n $(JOBS) --dist loadfile tests --ignore tests/unit \
	    -m 'not faults_full and not bench and not systemd and not deploy and not monitoring and not installation'
	@$(PYTEST) -q -m deploy tests/integration/test_deploy_rabbitmq.py tests/integration/test_deploy_cluster.py

.PHONY: monitoring
monitoring: rig ## a real Prometheus on faults and on ten quiet minutes; takes a quarter of an hour
	@$(BIN)/devsecops-eda scanners install
	@$(PYTEST) -q -s tests -m monitoring

.PHONY: installation
installation: rig ## docs/installation.md carried out on one host and on three; as root, takes minutes
	@$(PYTEST) -q tests -m installation

.PHONY: bench
bench: rig ## measure and print
	@$(BIN)/devsecops-eda scanners install
	@$(PYTEST) -q -s tests -m bench

.PHONY: rig
rig: $(VENV)/.dev ## get RabbitMQ, PostgreSQL, Prometheus and bubblewrap for the tests
	@$(BIN)/python -m tests.rig.provide

.PHONY: definitions
definitions: $(VENV)/.dev ## write deploy/rabbitmq/definitions.json from the topology
	@DEVSECOPS_EDA_CONFIG=deploy/compose.toml $(BIN)/devsecops-eda topology export --users \
	    --vhost devsecops --ci ci-acme=acme/app --builder build-acme=acme/app \
	    --approver ada=acme/app > deploy/rabbitmq/definitions.json

.PHONY: site
site: $(VENV)/.dev ## build the documentation as pages into .cache/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.PHONY: lock
lock: here ## look for newer versions of all dependencies and write the lock files
	@$(PYTHON) -m venv $(CACHE)/lock
	@$(CACHE)/lock/bin/python -m pip --no-input --disable-pip-version-check -q install uv
	@compile=($(CACHE)/lock/bin/uv pip compile -q --no-config --upgrade --universal \
	    --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links); \
	"$${compile[@]}" setup.cfg requirements/run.in --extra worker --extra postgres -o requirements/run.txt; \
	"$${compile[@]}" requirements/dev.in -o requirements/dev.txt; \
	"$${compile[@]}" setup.cfg requirements/run.in --extra all -o requirements/all.txt; \
	for scanner in safety semgrep; do \
	  "$${compile[@]}" devsecops_eda/scanners/$$scanner.in -o devsecops_eda/scanners/$$scanner.txt; \
	done

.PHONY: install
install: here ## install program and systemd units (DESTDIR, PREFIX, SYSCONFDIR, UNITDIR, PYTHON)
	@PYTHON='$(PYTHON)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' \
	  UNITDIR='$(UNITDIR)' bash deploy/install

.PHONY: clean
clean: ## remove everything that was made here
	rm -rf $(VENV) $(CACHE) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# What is made once.

.PHONY: here
here:
	@for program in git $(PYTHON); do command -v "$$program" >/dev/null || \
	  { echo "error: $$program is missing: install it (Debian, Ubuntu: apt-get install git python3 python3-venv)" >&2; exit 1; }; done
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "error: $(PYTHON) cannot make environments: install python3-venv (apt-get install python3-venv)" >&2; exit 1; }

$(VENV)/.run: requirements/run.txt setup.cfg pyproject.toml | here
	@echo 'installing into $(VENV)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	@echo 'installing what the tests need'
	@$(PIP) install --require-hashes -r requirements/run.txt -r requirements/dev.txt
	@touch $@
