.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
STAMP := $(VENV)/.installed
# Most modules are never imported, so none is compiled before: half the time of an installation.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install lint docs dist test test-fast test-slurm benchmark benchmark-all reference clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[dev]'
	touch $(RUNTIME) $@

# What runs sweeps, without the tools and the references that tests need: half the time.
$(RUNTIME): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -e '.[train,import,cluster,track]'
	touch $@

install: $(STAMP) ## set up .venv with the pinned dependencies
	@echo "seada-bench is in $(BIN); '. $(BIN)/activate' puts it on this shell's path. First steps: docs/quickstart.md"

lint: $(STAMP) ## ruff, mypy --strict and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(STAMP) ## build the documentation site, build/site, without network
	OMP_NUM_THREADS=1 $(BIN)/python docs/_site/build.py

dist: $(STAMP) ## build sdist and wheel, build/dist, and try the wheel in an empty folder (PYTHON=python3.12: on that Python; EXTRAS=train: with a sweep)
	rm -rf build/dist
	$(BIN)/python -m build --no-isolation --outdir build/dist .
	$(BIN)/python tests/dist.py build/dist/*.whl --python '$(PYTHON)' --extras '$(EXTRAS)'

# A test process a core: libraries that take every core for each of them wait for each other most of the time.
test: $(STAMP) ## run the tests on all cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

test-fast: $(STAMP) ## run the tests that take no more than a few seconds each: two minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m 'not slow and not browser and not slurm'

test-slurm: $(STAMP) ## run a sweep on a real SLURM of two nodes on this machine (root, Debian)
	OMP_NUM_THREADS=1 $(BIN)/python tests/slurm/cluster.py $(BIN)/python -m pytest tests/slurm

benchmark: $(RUNTIME) ## compare SE-ADA with its baselines across the eight sites of the phantom
	$(BIN)/seada-bench sweep --config benchmark/configs/sweeps/quick.yaml
	$(BIN)/seada-bench tables results/quick

benchmark-all: $(RUNTIME) ## compare every shipped method on the same phantom, all sites in training
	$(BIN)/seada-bench sweep --config benchmark/configs/sweeps/all.yaml
	$(BIN)/seada-bench tables results/all

reference: $(RUNTIME) ## the sweep whose tables are committed under results/reference (long)
	$(BIN)/seada-bench sweep --config benchmark/configs/sweeps/reference.yaml

clean: ## remove the virtual environment and the caches (never data or results)
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
