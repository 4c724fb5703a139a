# Everything starts here. `make help` lists the targets.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# SEED=n repeats a run; without it every run has a new one.
PYTEST := $(BIN)/python -m pytest $(if $(SEED),--seed $(SEED))

# Two workers; whoever is done takes tests from the other, so that none of the long ones is left to the end.
WORKERS := -n 2 --dist worksteal

# The tests run in two processes; one thread each keeps two cores busy and no more.
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo lint test test-full clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

venv: $(STAMP) ## create .venv and install vitaccel into it, editable (PYTHON=... picks the interpreter)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v >= (3, 11) or sys.exit("vitaccel needs Python 3.11 or newer, not " \
	    "%d.%d: name another one with make PYTHON=/path/to/python3.11" % v)'
	@echo "[venv] installing into $(VENV): the first time takes some minutes, most of them PyTorch's"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,report,evaluate,rtl,sim,synth,formal,dev]'
	@touch $@

demo: $(STAMP) ## export a LookupViT to ONNX and simulate it on 64 PEs
	@mkdir -p build
	@echo "[1/2] export lookupvit-tiny to build/lookupvit-tiny.onnx"
	@$(BIN)/vitaccel export lookupvit-tiny -o build/lookupvit-tiny.onnx
	@echo "[2/2] simulate it on 64 PEs"
	@$(BIN)/vitaccel simulate build/lookupvit-tiny.onnx --pe 64

lint: $(STAMP) ## ruff, mypy --strict on vitaccel/, import layers
	@echo "[1/4] ruff check"
	@$(BIN)/ruff check
	@echo "[2/4] ruff format"
	@$(BIN)/ruff format --check
	@echo "[3/4] mypy"
	@$(BIN)/mypy
	@echo "[4/4] import layers"
	@$(BIN)/lint-imports --no-logo

# What runs gateware: Amaranth's simulator, cocotb benches in Verilator and Icarus, proofs, mutation.
GATEWARE := tests/rtl tests/sim

test: $(STAMP) ## the whole regression, under 20 minutes on two cores
	@echo "[1/3] demo: the README's first command"
	@$(MAKE) --no-print-directory demo
	@echo "[2/3] the tool: unit tests, golden text, documents, the command line"
	@$(PYTEST) $(WORKERS) $(FULL) $(addprefix --ignore=,$(GATEWARE))
	@echo "[3/3] gateware: unit tests, cocotb benches in every simulator that is there, proofs, mutation"
	@$(PYTEST) $(WORKERS) $(FULL) $(GATEWARE)

test-full: FULL := --full
test-full: test ## make test, and the long campaigns: more seeds, all proofs, every mutant

clean: ## remove everything that is generated, .venv included
	rm -rf build dist $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find vitaccel rtl hls sim tests examples benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
