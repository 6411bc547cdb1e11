# SPDX-License-Identifier: Apache-2.0
# Everything is set up in .venv and .tools; nothing else on the machine changes.
# `make test PYTHON=python3.13` has a .venv-python3.13 of its own.

PYTHON ?= python3
VENV := .venv$(if $(filter-out python3,$(PYTHON)),-$(notdir $(PYTHON)))
UV := uv==0.13.9
ANVIL := @foundry-rs/anvil@1.7.1
FORGE := @foundry-rs/forge@1.7.1 solc@0.8.30
BIN := $(VENV)/bin
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test lint fuzz fuzz-referee nightly coverage crashes reorganisations mutants prove soak frameworks bench commands gas trainer compile lock anvil browser docs notebooks pictures clean

demo: $(VENV)/ready  ## Plays the main job on real data.
	@$(BIN)/modelmarket demo

test: $(VENV)/ready anvil browser lint  ## Everything that must hold.
	pytest -n 3 --dist loadgroup --vyper-coverage

# Not a part of `test`: watching every line doubles what the tests cost.
coverage: $(VENV)/ready anvil browser  ## The tests, and which lines of Python they run.
	coverage erase
	coverage run -m pytest -n 3 --dist loadgroup --vyper-coverage
	coverage combine -q
	coverage report

lint: $(VENV)/ready
	ruff format --check src tests scripts benchmarks examples proofs
	ruff check src tests scripts benchmarks examples proofs
	mypy
	lint-imports --no-logo

fuzz: $(VENV)/ready  ## The long run of the state machine: half an hour.
	python scripts/fuzz.py

nightly: $(VENV)/ready  ## The same for eight hours, a process for each core, from .corpus/ on.
	python scripts/fuzz.py 480

fuzz-referee: $(VENV)/ready  ## Referee, client and reference on random models: an hour.
	python scripts/fuzz_referee.py

crashes: $(VENV)/ready anvil  ## A power cut at every single point; an hour.
	MODELMARKET_CRASH_EVERY=1 MODELMARKET_CRASH_RESULT=benchmarks/crashes.json \
		pytest -p no:randomly -o faulthandler_timeout=7200 \
		tests/integration/test_crashes.py tests/integration/test_contest_crashes.py \
		tests/integration/test_trainer_crashes.py

reorganisations: $(VENV)/ready anvil  ## Of every depth, in every phase; half an hour.
	rm -f benchmarks/reorganisations.jsonl
	MODELMARKET_REORGANISE_EVERY=1 \
		MODELMARKET_REORGANISE_RESULT=$(CURDIR)/benchmarks/reorganisations.jsonl \
		pytest -n 2 tests/integration/test_reorganisations.py \
		tests/integration/test_contest_reorganisations.py

mutants: $(VENV)/ready  ## Lies put into the contracts that the tests must find; a night.
	python scripts/mutants.py

prove: $(VENV)/ready .tools/prove/ready  ## Halmos on the market's bytecode; an hour.
	python scripts/prove.py

soak: $(VENV)/ready anvil  ## Agents behind bad nodes, killed again and again; half an hour.
	PYTHONPATH=tests python scripts/soak.py
	PYTHONPATH=tests python scripts/soak_contests.py

# Whoever changes converters or the file system runs it before the change lands.
frameworks: .tools/frameworks/ready  ## Libraries of gigabytes, in an environment of their own.
	MODELMARKET_FRAMEWORKS_RESULT=$(CURDIR)/benchmarks/frameworks.json \
		.tools/frameworks/bin/python -m pytest tests/frameworks

bench: $(VENV)/ready anvil  ## Speed beside the rival's; WRITE=--write renews the figures.
	python benchmarks/speed.py $(WRITE)
	python benchmarks/models.py $(WRITE)
	python benchmarks/scale.py $(WRITE)
	PYTHONPATH=tests python benchmarks/confirming.py $(WRITE)
	PYTHONPATH=tests python benchmarks/idle.py $(WRITE)

commands: $(VENV)/ready  ## How long commands take that only read, in ten minutes; WRITE=--write.
	python benchmarks/commands.py $(WRITE)

gas: $(VENV)/ready anvil  ## Measures the gas tables again.
	python benchmarks/gas.py --write
	python benchmarks/verified_gas.py --write

trainer: $(VENV)/ready  ## What the built-in trainer reaches, in an hour; MNIST=FOLDER.
	python benchmarks/trainer.py $(if $(MNIST),--mnist $(MNIST)) $(WRITE)

compile: $(VENV)/ready
	python scripts/compile.py

docs: $(VENV)/ready  ## Writes what is generated in the docs again.
	python scripts/docs.py

lock: $(VENV)/ready
	uv pip compile -q --universal --generate-hashes --no-annotate --no-header -p 3.11 \
		pyproject.toml --extra onnx --extra postgres --group dev -o requirements.lock
	echo halmos==0.3.3 | uv pip compile -q --universal --generate-hashes --no-annotate \
		--no-header -p 3.11 - -o proofs/requirements.lock

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or later is needed: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check $(UV)
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python \
		--require-hashes -r requirements.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

# anvil is for tests and gas figures only; without npm those that need it are
# left out, and say so.
anvil: .tools/ready
.tools/ready:
	@mkdir -p .tools/bin
	@if command -v anvil >/dev/null; then :; elif command -v npm >/dev/null; then \
		npm install --prefix .tools --no-save --ignore-scripts --no-audit --no-fund \
			--silent $(ANVIL) && \
		ln -sf "$$(find $(CURDIR)/.tools/node_modules/@foundry-rs -path '*/bin/anvil' -type f | head -n 1)" \
			.tools/bin/anvil; \
	else echo "npm is not installed: the tests on anvil are left out."; fi
	@touch $@

browser: .tools/browser/ready
.tools/browser/ready:
	@mkdir -p $(@D)
	@scripts/browser.sh $(@D) .tools/bin
	@touch $@

# halmos wants another web3 than we do, so it lives apart; forge compiles for it,
# with the solc that npm has.
.tools/prove/ready: proofs/requirements.lock
	@command -v npm >/dev/null || { echo "npm is not installed: proofs need it."; exit 1; }
	$(PYTHON) -m venv .tools/prove/venv
	$(BIN)/uv pip install -q --python .tools/prove/venv/bin/python --require-hashes -r $<
	npm install --prefix .tools/prove --no-save --ignore-scripts --no-audit --no-fund \
		--silent $(FORGE)
	@touch $@

# torch alone is gigabytes, and none of it is needed by anything else.
.tools/frameworks/ready: requirements.lock pyproject.toml | $(VENV)/ready
	$(PYTHON) -m venv $(@D)
	$(BIN)/uv pip install -q --python $(@D)/bin/python --require-hashes \
		-r requirements.lock
	$(BIN)/uv pip install -q --python $(@D)/bin/python --group frameworks \
		-c requirements.lock
	$(BIN)/uv pip install -q --python $(@D)/bin/python --no-deps -e .
	@touch $@

notebooks: $(VENV)/ready  ## Executes the notebooks of examples/, and keeps what they show.
	PYTHONPATH=tests python scripts/notebooks.py

pictures: $(VENV)/ready browser  ## Takes the docs' pictures of the page again.
	PYTHONPATH=tests python scripts/pictures.py

clean:
	rm -rf .venv .venv-* .tools
