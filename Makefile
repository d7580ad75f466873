# Tierscope. 'make' alone lists the targets.
PYTHON    ?= python3
VENV      ?= .venv
WORKSPACE ?= workspace
PORT      ?= 8501
JOBS      ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

PY        := $(VENV)/bin/python
RUNTIME   := $(VENV)/.runtime
TESTING   := $(VENV)/.testing

# Where this is set, each of the many processes compiles every module anew: 7 s before the first test.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run open demo test check format lock wheelhouse offline sbom cves soak screenshots study gpu-check clean
.PHONY: $(shell grep -oE '^bench-[a-z]+' $(firstword $(MAKEFILE_LIST)))

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "  Variables: WORKSPACE=$(WORKSPACE) PORT=$(PORT) PYTHON=$(PYTHON) VENV=$(VENV) JOBS=$(JOBS)"

run: $(RUNTIME) ## install, make the demo workspace if there is none, open the dashboard
	@test -f "$(WORKSPACE)/workspace.toml" || $(MAKE) --no-print-directory demo
	@$(MAKE) --no-print-directory open

open: $(RUNTIME) ## the same without a demo: an empty WORKSPACE is made on the page
	@$(PY) -c "import socket, sys; socket.socket().connect_ex(('127.0.0.1', $(PORT))) or sys.exit('Port $(PORT) is taken: another page is open there. Give this one its own: make run PORT=' + str($(PORT) + 1))"
	@echo "workspace: $(WORKSPACE)   (Ctrl-C ends the page; studies go on). Its address, with its key:"
	@TIERSCOPE_WORKSPACE="$(WORKSPACE)" $(PY) -m streamlit run app.py --server.port $(PORT)

demo: $(RUNTIME) ## make the demo workspace (simulated people), start a study with a planted answer and the scoring in the background
	@$(PY) -m curation demo --workspace "$(WORKSPACE)"
	@$(PY) -m training demo-study --workspace "$(WORKSPACE)" --detach

test: $(TESTING) ## run all tests but those of 'make soak', in JOBS processes
	$(PY) -m pytest -m "not soak" -n $(JOBS) --dist loadfile --no-loadscope-reorder

check: $(TESTING) ## format, lint, types, import layers, sizes of rooms
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(PY) -m tests.architecture

format: $(TESTING) ## put the code into the one format
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

lock: $(TESTING) ## write requirements.lock anew: every package that is installed, with the hashes of its files
	@echo "# All that requirements.txt brings, each with the hashes of its files, for Python 3.11 and newer: made by 'make lock'." > requirements.lock.new
	$(VENV)/bin/uv pip compile requirements.txt --universal --generate-hashes --python-version 3.11 --no-header --quiet >> requirements.lock.new
	mv requirements.lock.new requirements.lock

wheelhouse: ## put every package of requirements.lock into wheelhouse/, for a machine without a network of the same Python and kind
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip download --disable-pip-version-check --require-hashes -r requirements.lock -d wheelhouse

offline: ## install from wheelhouse/ alone, each file by its hash; 'make run' then asks no network
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --disable-pip-version-check --no-index --find-links wheelhouse --require-hashes -r requirements.lock
	@touch $(RUNTIME)

sbom: $(TESTING) ## write sbom.json, the bill of materials of requirements.lock (CycloneDX); asks the package index for its tool
	$(VENV)/bin/uv tool run --from cyclonedx-bom==7.3.0 cyclonedx-py requirements requirements.lock -o sbom.json
	@echo "sbom.json: $$($(PY) -c 'import json; print(len(json.load(open("sbom.json"))["components"]))') packages"

cves: $(TESTING) ## look whether advisories are known for what requirements.lock names; asks PyPI, and fails where it does not answer
	$(VENV)/bin/uv tool run --from pip-audit==2.10.1 pip-audit --strict --disable-pip --require-hashes -r requirements.lock

soak: $(TESTING) ## run the tests that take long
	$(PY) -m pytest -m soak

screenshots: $(TESTING) ## take the documentation's pictures anew, of the demo in WORKSPACE with its study finished
	$(PY) -m tests.screenshots --workspace "$(WORKSPACE)"

study: $(TESTING) ## the question of the paper on real people, from images to docs/first-study.md; an hour; the last line is JSON
	$(PY) -m tests.real_study

bench-scoring: $(TESTING) ## time and memory of scoring real scans; the last line is JSON
	$(PY) -m tests.benchmarks.scoring

bench-validity: $(TESTING) ## scores against artefacts and experts' ratings; half an hour; the last line is JSON
	$(PY) -m tests.benchmarks.validity

bench-review: $(TESTING) ## looking at scans in Chromium, and twenty raters at once; the last line is JSON
	$(PY) -m tests.benchmarks.review

bench-hands: $(TESTING) ## what a clinician meets: how large the image is, and whether hands are obeyed; the last line is JSON
	$(PY) -m tests.benchmarks.hands

bench-tiers: $(TESTING) ## a moved cut-off followed, on 10,000 and 1,000,000 simulated scans; the last line is JSON
	$(PY) -m tests.benchmarks.tiers

bench-compare: $(TESTING) ## how often intervals hold over 1,000 studies, and 300 runs on Compare; the last line is JSON
	$(PY) -m tests.benchmarks.compare

bench-answer: $(TESTING) ## how often verdicts are wrong, near-duplicates found, models calibrated; the last line is JSON
	$(PY) -m tests.benchmarks.answer

bench-judging: $(TESTING) ## how often intervals of an AUC hold, and what repeats gain; the last line is JSON
	$(PY) -m tests.benchmarks.judging

bench-training: $(TESTING) ## volumes a second of pretraining against MONAI's stock recipe; the last line is JSON
	$(PY) -m tests.benchmarks.training

bench-learning: $(TESTING) ## is reconstruction learned: held-out error of the preset laptop; half an hour; the last line is JSON
	$(PY) -m tests.benchmarks.learning

bench-truth: $(TESTING) ## does the chain find what was planted: studies in worlds with known truth; 50 minutes; the last line is JSON
	$(PY) -m tests.benchmarks.truth

bench-scale: $(TESTING) ## thirty thousand volumes and a million scans: time, memory, open files; the last line is JSON
	$(PY) -m tests.benchmarks.scale

bench-trust: $(TESTING) ## hostile files, kills, fifty users at once, ranks, packets; the last line is JSON
	$(PY) -m tests.benchmarks.trust

gpu-check: $(TESTING) ## check one GPU: right, and how fast; eight minutes; the last line is JSON, of nulls where there is no GPU
	$(PY) -m tests.benchmarks.gpu_check

clean: ## remove the virtual environment and caches (never a workspace)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(RUNTIME): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tierscope needs Python 3.11 or newer; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(TESTING): $(RUNTIME) tests/requirements.txt tests/requirements-no-deps.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps -r tests/requirements-no-deps.txt
	@touch $@
