# Every target starts from a bare checkout. Override PYTHON or TORCH for another interpreter or build.
PYTHON ?= python3
TORCH  ?= torch==2.13.0
TRITON ?= triton==3.7.1
VENV   ?= .venv
JOBS   ?= 2
BIN    := $(VENV)/bin
# Whose kernels `quality-libraries` proves, and the few packages that importing them takes.
LIBRARIES ?= liger-kernel==0.8.5 fla-core==0.6.0 flag-gems==5.0.2 torchao==0.18.0 einops PyYAML packaging sqlalchemy
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup browser verify-and-bench published-reports test check quality quality-numerics quality-libraries bench-executor demo-premerge gpu clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

setup: $(READY) ## make .venv and install everything into it

# torch first and pinned: a bare `torch` requirement may pull gigabytes of CUDA libraries.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check "$(TORCH)" "$(TRITON)"
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

browser: ## install the Chromium that the pages are tested in (Debian, as root); without it those tests are skipped
	command -v chromium || { apt-get update -q && apt-get install -qy --no-install-recommends chromium; }

verify-and-bench: setup ## examine every recorded proposal, bench what is admitted, write reports/runs/<id>/
	$(BIN)/kernelproof run --jobs $(JOBS)

# The four that are kept to be read: what a reviewer sees of an admitted and of a refuted kernel. A record says whether
# the tree was clean: they are made in an ignored folder, and the old ones go only when the new ones are there.
published-reports: setup ## examine four proposals at profile ci (minutes); writes reports/published/reports
	rm -rf reports/runs/published
	$(BIN)/kernelproof run --jobs $(JOBS) --out reports/runs/published --only attention/01_key_tail \
		--only attention/04_forward --only matmul/01_depth_tail --only matmul/08_grouped
	rm -rf reports/published/reports
	mv reports/runs/published reports/published/reports

test: setup check ## ruff, mypy and the tests (minutes, no GPU)
	$(BIN)/python -m pytest -n $(JOBS) -m "not quality and not gpu"

check: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

quality: setup ## the slow tests: differential, planted bugs
	$(BIN)/python -m pytest -n $(JOBS) -m quality

quality-numerics: setup ## which acceptance rule sees what (minutes); writes reports/published/numerics
	$(BIN)/python -m tests.quality.numerics --jobs $(JOBS) --out reports/published/numerics/cpu.json

# --no-deps: left to themselves they would bring another torch. They go into the project's own environment.
quality-libraries: setup ## prove the kernels of four packages; writes reports/published/libraries
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps $(LIBRARIES)
	PYTHONPATH=tests $(BIN)/python -m libraries --jobs $(JOBS) --publish

bench-executor: setup ## time the executor against Triton's interpreter, write reports/published/executor.{md,json}
	$(BIN)/python tests/verify/executor/benchmark.py --json reports/published/executor.json \
		--markdown reports/published/executor.md

demo-premerge: setup ## three bugs seeded into liger-kernel, found by `kernelproof check` (minutes)
	$(BIN)/python examples/premerge/demo.py

gpu: setup ## what needs a CUDA device
	$(BIN)/python -m pytest -m gpu

clean: ## remove what was built
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
