# Everything starts here: each target sets up what it needs, the first time, and starts at once after that.
# Works with GNU make 3.81 (macOS): no .ONESHELL, no grouped targets.
#
#   PYTHON       the Python that makes .venv (3.11, 3.12 or 3.13)
#   TORCH_INDEX  one more package index for pip, for instance that of PyTorch's CPU-only builds
#   ARGS         passed on: make test ARGS="-k seed"

PYTHON ?= python3.11
TORCH_INDEX ?=
ARGS ?=
STARTER ?= digits

.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: up demo test test-slow check format starter dataset dataset-avatars dataset-speech bench-serving bench-training bench-gpu chaos fuzz constraints audit help clean preflight FORCE

# Where it is set, each of hundreds of processes that the tests start compiles all of our modules.
unexport PYTHONDONTWRITEBYTECODE

# .run and .dev are stamps: pip has installed those extras since pyproject.toml or constraints.txt last changed.
BIN := .venv/bin
RUN := .venv/.run
DEV := .venv/.dev
PEERS := .venv-peers
GENERATOR := .venv/client-generator
AUDIT := .venv/audit
# -m pip: the first line of pip's own script cannot hold a long path
# -qq: errors alone
PIP = $(BIN)/python -m pip --disable-pip-version-check --no-input install -qq --constraint constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)")

# ---- what people type ----------------------------------------------------------------------------------------------

up: $(RUN)  ## start the API, a worker and the embedded broker; Ctrl-C stops them
	@exec $(BIN)/ganymede up $(ARGS)

demo: $(RUN)  ## train a small GAN through the API, draw with it, measure it, stop (minutes)
	@exec $(BIN)/ganymede demo $(ARGS)

# Four files at a time: most of them wait. A file's tests share the service that they start. One thread each: they would
# wait for one another's.
test: $(DEV) $(GENERATOR)/.made  ## run the tests, but for the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

# Four files at a time: each has processes of its own, and most wait for them. Threads that wait sleep, as `ganymede up`
# has it: two trainings whose threads spin hold each other up.
# pytest says 5 where it found no test: true of a project without slow tests, a mistake where ARGS chose among them.
test-slow: $(DEV)  ## run the tests that start whole services or take minutes
	@OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -m slow $(ARGS) || { \
	  status=$$?; \
	  [ $$status -eq 5 ] && [ -z "$${ARGS:-}" ] || exit $$status; \
	  echo 'No test is marked slow, so nothing was run.'; }

check: $(DEV)  ## lint, format, types, layers, house rules, OpenAPI; pre-commit and CI run the same
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --quiet tests/test_architecture.py tests/test_imports.py tests/app/http/test_openapi_rules.py

format: $(DEV)  ## rewrite the code as `make check` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# An hour or more. MNIST=FOLDER: digits from all 60,000 images; FOLDER holds the four IDX files.
starter: $(DEV)  ## train a model that ships with the package: digits, or make starter STARTER=avatars
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m bench.starter $(STARTER) $(if $(MNIST),--mnist '$(MNIST)') $(ARGS)

dataset: $(DEV)  ## rebuild the bundled digits: make dataset MNIST=folder-of-the-four-IDX-files
	@if [ -z '$(MNIST)' ]; then \
	  echo 'Where is MNIST? Say: make dataset MNIST=FOLDER' >&2; \
	  echo 'FOLDER holds the four IDX files (train-images-idx3-ubyte and so on), gzipped or plain.' >&2; \
	  exit 2; fi
	$(BIN)/python -m bench.dataset '$(MNIST)' $(ARGS)

dataset-avatars: $(DEV)  ## draw the avatars, 64 px in colour in 8 classes, into var/avatars.zip
	$(BIN)/python -m bench.avatars $(ARGS)

dataset-speech: $(DEV)  ## speak the digits zero to nine in synthetic voices (needs espeak-ng), into var/spoken-digits.zip
	$(BIN)/python -m bench.speech $(ARGS)

bench-serving: $(DEV) $(PEERS)/.made  ## measure serving beside FastAPI, LitServe, mosec, BentoML (an hour; needs wrk)
	$(BIN)/python -m bench.serving $(ARGS)

bench-training: $(DEV)  ## measure training: our loop beside that of PyTorch's DCGAN example, and every recipe
	$(BIN)/python -m bench.training $(ARGS)

bench-gpu: $(DEV)  ## on a GPU: its tests, serving as a share of graph replay, training (ten minutes; needs wrk)
	$(BIN)/python -m bench.gpu $(ARGS)

# Up to an hour and a half; a later call goes on behind the last.
chaos: $(DEV)  ## kill, hang and starve a service that trains, at random moments, and judge what came of it
	$(BIN)/python -m bench.chaos $(ARGS)

# Half an hour. What is found is printed, and noted under docs/benchmarks.
fuzz: $(DEV)  ## ask the API 20,000 things that its OpenAPI document allows, or does not
	$(BIN)/python -m bench.fuzz $(ARGS)

constraints: $(DEV)  ## choose the newest versions that pyproject.toml allows, and write them to constraints.txt
	@$(subst --constraint constraints.txt,--upgrade --upgrade-strategy eager,$(PIP)) --editable '.[server,worker,dev]'
	$(BIN)/python -m tests.constraints

audit: $(AUDIT)/.made  ## look whether a version of constraints.txt has a known vulnerability
	@$(AUDIT)/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --format json --progress-spinner off \
	  2>/dev/null | $(AUDIT)/bin/python .ci/audit.py

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

clean:  ## remove .venv, caches and builds; var/ (your models and runs) stays
	rm -rf .venv $(PEERS) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find core models worker app ganymede bench tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- setting up ----------------------------------------------------------------------------------------------------

# The scripts in .venv name the folder they were made in, so a checkout that has moved needs a new one; so does one
# whose Python has gone.
ifneq ($(shell [ -x $(BIN)/python ] && cat .venv/.made-in 2>/dev/null),$(CURDIR))
$(BIN)/python $(RUN) $(DEV): FORCE
endif

$(BIN)/python:
	@$(MAKE) --no-print-directory preflight ASKED='$(MAKECMDGOALS)'
	@echo 'Making .venv with $(PYTHON) ...'
	@$(PYTHON) -m venv --clear .venv
	@pwd -P >.venv/.made-in

FORCE:

$(RUN): $(BIN)/python pyproject.toml constraints.txt
	$(say_size_of_torch)
	@echo 'Installing what Ganymede runs on (minutes the first time) ...'
	@$(PIP) --editable '.[server,worker]'
	@touch $@

# All of what RUN has, and the tools.
$(DEV): $(BIN)/python pyproject.toml constraints.txt
	$(say_size_of_torch)
	@echo 'Installing what Ganymede runs on, and the tools that check it (minutes the first time) ...'
	@$(PIP) --editable '.[server,worker,dev]'
	@touch $(RUN) $@

# What makes a client of the OpenAPI document, for its test.
$(GENERATOR)/.made: tests/ganymede/client-generator.txt $(BIN)/python
	@$(BIN)/python -m venv --clear $(GENERATOR)
	@$(GENERATOR)/bin/python -m pip --disable-pip-version-check --no-input install -qq --requirement $<
	@touch $@

$(AUDIT)/.made: $(BIN)/python
	@$(BIN)/python -m venv --clear $(AUDIT)
	@$(AUDIT)/bin/python -m pip --disable-pip-version-check --no-input install -qq 'pip-audit>=2.10,<3'
	@touch $@

# The peers of the serving benchmark, in an environment of their own.
$(PEERS)/.made: bench/serving/peers/requirements.txt $(BIN)/python
	@echo 'Installing the peers of the serving benchmark into $(PEERS) (minutes the first time) ...'
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --no-input install -qq \
	  $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)") --requirement $<
	@touch $@

# Three gigabytes should not come as a surprise. Only Linux on x86_64 is sent CUDA unasked.
define say_size_of_torch
@if [ "$$(uname -sm)" = 'Linux x86_64' ] && [ -z '$(TORCH_INDEX)' ] && [ ! -e /proc/driver/nvidia ] \
  && ! command -v nvidia-smi >/dev/null 2>&1 && ! ls -d .venv/lib/python*/site-packages/torch >/dev/null 2>&1; then \
  echo 'No NVIDIA driver here; from a plain package index PyTorch comes with CUDA all the same, about 3 GB.'; \
  echo 'The CPU-only build is about 200 MB. To have that one: stop this (Ctrl-C), and say'; \
  echo '    make TORCH_INDEX=ADDRESS $(MAKECMDGOALS)'; \
  echo "where the CPU index address is on PyTorch's \"Get started\" page (choose Pip and CPU)."; fi
endef

# Names what is missing, and the one command that brings it. ASKED is what was typed, to say it again.
preflight:
	@fits() { "$$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }; \
	has_venv() { "$$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }; \
	say() { echo "$$@" >&2; }; \
	sudo=; [ "$$(id -u)" -eq 0 ] || sudo='sudo '; \
	apt="$${sudo}apt-get update && $${sudo}apt-get install -y"; \
	if fits '$(PYTHON)' && has_venv '$(PYTHON)'; then exit 0; fi; \
	if fits '$(PYTHON)'; then \
	  say 'Missing: the venv module of $(PYTHON), which makes the virtual environment.'; \
	  python=$$('$(PYTHON)' -c 'import sys; print("python%d.%d" % sys.version_info[:2])'); \
	  if command -v apt-get >/dev/null 2>&1; then say "Install it:  $$apt $$python-venv"; \
	  elif command -v brew >/dev/null 2>&1; then say "Install it:  brew install python@$${python#python}"; \
	  else say "Install $$python whole, with its modules venv and ensurepip."; fi; \
	  exit 1; \
	elif '$(PYTHON)' -c '' >/dev/null 2>&1; then \
	  say "Wrong version: $(PYTHON) is $$('$(PYTHON)' -V 2>&1). Ganymede needs Python 3.11, 3.12 or 3.13."; \
	else say 'Missing: $(PYTHON). Ganymede needs Python 3.11, 3.12 or 3.13.'; fi; \
	for python in python3.11 python3.12 python3.13 python3; do \
	  if fits $$python && has_venv $$python; then \
	    say "But $$python is here. Say:  make PYTHON=$$python $(ASKED)"; exit 1; fi; done; \
	python=python3.11; \
	if command -v apt-get >/dev/null 2>&1; then \
	  if apt-cache show python3-venv >/dev/null 2>&1; then \
	    for python in python3.11 python3.12 python3.13 ''; do \
	      if [ -z "$$python" ] || apt-cache show $$python-venv >/dev/null 2>&1; then break; fi; done; \
	  else python=python3; fi; \
	  if [ -n "$$python" ]; then say "Install it:    $$apt $$python $$python-venv"; \
	  else say 'This release of the system packages none of them: install one with uv or pyenv.'; python=/path/to/python3.13; fi; \
	elif [ "$$(uname -s)" = Darwin ]; then say 'Install it:    brew install python@3.11  (with Homebrew)'; \
	else say 'Install one of them with the package manager of the system.'; python=/path/to/python3.13; fi; \
	say "And then say:  make PYTHON=$$python $(ASKED)"; \
	exit 1
