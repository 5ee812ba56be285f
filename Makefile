# The two commands of the README are `make demo` and `make test`; each works from a bare clone.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false

.PHONY: help demo test everyday real lint format faults bench docs clean

help:  ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt
	@echo "Making the environment in $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

demo: $(READY)  ## The whole main job: fetch model and benchmarks, scan, table, demo.html (about five minutes)
	@$(BIN)/python examples/demo.py

test: everyday real  ## All tests of an ordinary change

everyday: $(READY)  ## Tests on tiny models made in the test
	$(BIN)/python -m pytest -m 'not real and not faults and not gpu'

real: $(READY)  ## SmolLM2-135M-Instruct end to end
	$(BIN)/python -m pytest tests -m 'real and not gpu'

lint: $(READY)  ## ruff check and format, pyright, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(READY)  ## Let ruff put everything in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

faults: $(READY)  ## Long kill and fuzz runs
	$(BIN)/python -m pytest tests/faults -m faults

bench: $(READY)  ## Ratios against the slow ways, each in one process
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/moving.py

clean:  ## Remove the environment and everything that was made
	rm -rf $(VENV) demo demo.html build dist .pytest_cache .ruff_cache .hypothesis
