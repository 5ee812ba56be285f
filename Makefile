# The two commands of the README are `make demo` and `make test`; each works from a bare clone.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
READY = $(VENV)/.ready
export HF_HUB_OFFLINE ?= 1
export TOKENIZERS_PARALLELISM ?= false
# Every test file is rewritten for its assertions, in every worker: what came of it is kept for the next time.
unexport PYTHONDONTWRITEBYTECODE

# Sums of small numbers and not the packaged arithmetic, which is hardly above chance here; whole passages and not their last
# words, which say little each (docs/demo.md).
DEMO_TASKS = -t passages -t knowledge:400 -t examples/demo/sums.jsonl:100 -t humaneval:60 -t reasoning

.PHONY: help demo test everyday coverage real gpu lint format faults families commands bench clean

help:  ## What can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

$(READY): pyproject.toml constraints.txt
	@echo "Making the environment in $(VENV) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(READY)

demo: $(READY)  ## The whole main job: fetch model and benchmarks, scan, table, demo.html (about ten minutes)
	@echo "1. Move the weights of SmolLM2-135M-Instruct along random directions: first how far it says what it said, then"
	@echo "   five tasks, until each radius is known to a factor of 2 or the task has had 1,280 answers."
	@echo "   The run is kept in demo/; run this again to continue it."
	$(BIN)/corrie scan smollm2-135m-instruct $(DEMO_TASKS) --alpha auto --most 1280 --dtype auto --to demo
	@echo "2. Draw it: one HTML file that opens from disk."
	$(BIN)/corrie report demo --out demo.html

test: everyday coverage real  ## All tests of an ordinary change

everyday: $(READY)  ## Tests on tiny models made in the test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m 'not real and not coverage and not faults and not gpu'

coverage: $(READY)  ## Does every bound hold as often as it says? Thousands of simulated runs each
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m 'coverage and not gpu'

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

gpu: $(READY)  ## What only a CUDA device can show: its tests, and a table (benchmarks/results/gpu.md)
	$(BIN)/python benchmarks/gpu.py

faults: $(READY)  ## Long kill and fuzz runs
	$(BIN)/python -m pytest tests/faults -m faults

families: $(READY)  ## Every architecture family against transformers' and PEFT's own numbers: docs/architectures.md
	OMP_NUM_THREADS=1 $(BIN)/python -m corrie.testing.architectures --to docs/architectures.md

commands: $(READY)  ## The help pages as docs/commands.md
	$(BIN)/python -m corrie.cli.pages --to docs/commands.md

bench: $(READY)  ## Ratios against the slow ways, each in one process
	$(BIN)/python benchmarks/scoring.py
	$(BIN)/python benchmarks/writing.py
	$(BIN)/python benchmarks/moving.py
	$(BIN)/python benchmarks/windows.py

clean:  ## Remove the environment and everything that was made
	rm -rf $(VENV) demo demo.html build dist .pytest_cache .ruff_cache .hypothesis
