# Targets are described by the words after their two number signs; `make help` lists them.

PYTHON ?= python3
TORCH_INDEX ?=
DATASET ?=
LONG ?=
BUNDLE ?=

export PIP_DISABLE_PIP_VERSION_CHECK = 1

FIGMENT := .venv/bin/figment
# Two processes halve the time on two cores. One thread each: on a busy machine, threads that wait for each other made a
# tiny training take four times as long.
PYTEST := OMP_NUM_THREADS=1 .venv/bin/pytest -n 2
# Each process has its half in the order of the files, so that a file's fixtures are built once, and who is done takes
# over half of what the other has left, so that both end together.
SHARED_OUT := --dist worksteal
# A page's commands build on each other: a file's tests stay together.
FILE_BY_FILE := --dist loadfile
INSTALLED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: help install demo serve test test-long check lint types layers format bench-serving bench-index clean

help: ## lists these targets
	@echo "Figment needs Python 3.11 or newer and make; each target but this one and clean sets up .venv where it is missing."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Variables: DATASET=DIR (demo, bench-serving), BUNDLE=DIR (bench-serving), FIGMENT_PORT=N (demo, serve), PYTHON=python3.12, TORCH_INDEX=URL (where to get torch)"

install: $(INSTALLED) ## sets up .venv, for `.venv/bin/figment` on your own data

demo: $(INSTALLED) ## trains on the demo data (or DATASET=DIR), serves, asks over HTTP, prints the answers
	$(FIGMENT) demo $(if $(DATASET),--dataset "$(DATASET)")

serve: $(INSTALLED) ## serves the newest bundle until Ctrl-C; trains the demo's where there is none
	@if [ -z "$$FIGMENT_BUNDLE" ] && ! ls "$${FIGMENT_BUNDLES:-var/bundles}"/*/manifest.json >/dev/null 2>&1; then \
		$(FIGMENT) demo $(if $(DATASET),--dataset "$(DATASET)"); \
	fi
	@exec $(FIGMENT) serve

test: $(INSTALLED) ## runs the test suite
	$(PYTEST) $(SHARED_OUT)

test-long: $(INSTALLED) ## runs the slower proofs: README commands in a clean clone, whole trainings (LONG=tests/docs: only those)
	$(PYTEST) $(FILE_BY_FILE) -m long $(LONG)

check: lint types layers test ## everything that must be right before a commit

lint: $(INSTALLED) ## ruff: lint and format
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: $(INSTALLED) ## mypy, strict
	.venv/bin/mypy

layers: $(INSTALLED) ## import-linter: who may import whom
	.venv/bin/lint-imports --no-logo

format: $(INSTALLED) ## rewrites the code as ruff wants it
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench-serving: $(INSTALLED) ## measures whole answers over HTTP beside what others would cost (needs wrk)
	@# without BUNDLE, the demo's data and bundle
	@if [ -z "$(BUNDLE)" ]; then $(FIGMENT) demo $(if $(DATASET),--dataset "$(DATASET)"); fi
	PYTHONPATH=. .venv/bin/python benchmarks/serving.py \
		--dataset "$(or $(DATASET),var/datasets/complete-journey)" \
		--bundle "$(or $(BUNDLE),$$(ls -dt var/bundles/*-quick-* | head -1))" --json $(or $(JSON),var/bench-serving/serving.json)

bench-index: $(INSTALLED) ## measures every kind of index on a bundle's items, to a million (minutes; BUNDLE=DIR)
	@# without BUNDLE, the demo's
	@if [ -z "$(BUNDLE)" ]; then $(FIGMENT) demo $(if $(DATASET),--dataset "$(DATASET)"); fi
	PYTHONPATH=. .venv/bin/python benchmarks/index.py \
		--bundle "$(or $(BUNDLE),$$(ls -dt var/bundles/*-quick-* | head -1))" --json $(or $(JSON),var/bench-index/index.json)

clean: ## removes caches and build leftovers; .venv and var stay
	rm -rf build dist figment.egg-info clients/python/build clients/python/src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .schemathesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +

# The stamp is newer than all three files as long as what they ask for is installed.
$(INSTALLED): pyproject.toml constraints.txt clients/python/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Figment needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)." >&2; \
		echo "Name another one, as in: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Setting up .venv with $$($(PYTHON) --version) ..."
	@$(PYTHON) -m venv .venv || { \
		echo "The venv module does not work here; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing pinned packages$(if $(TORCH_INDEX), (torch from $(TORCH_INDEX))) ..."
	@echo "(the first time this downloads hundreds of megabytes; with CUDA, several gigabytes: see TORCH_INDEX in README.md)"
	@.venv/bin/python -m pip install --quiet -c constraints.txt \
		$(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") -e '.[train,demo,otel,bench,dev]' -e clients/python
	@touch $(INSTALLED)
	@echo "Installed."
