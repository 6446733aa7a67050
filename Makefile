# Every target sets up what it needs: a virtual environment from a hashed lock, nothing outside this folder but a cache of jars.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
CORES := $(shell nproc 2>/dev/null || echo 2)
# Workers of the tests: one more than cores, since many tests wait; each may run a Kafka, a mongod and four processes.
WORKERS ?= $(shell echo $$(( $(CORES) < 5 ? $(CORES) + 1 : 6 )))
SIDE_BY_SIDE := --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo up down status test faults check lint fmt bench bench-match bench-portal bench-quality schemas lock preflight clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

preflight:
	@sh scripts/preflight.sh "$(PYTHON)"

$(VENV)/.engines: requirements/engines.txt pyproject.toml
	@$(MAKE) --no-print-directory preflight
	@echo "Setting up $(VENV) from requirements/engines.txt (once; a minute or so) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install -q --require-hashes -r requirements/engines.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@# Else the first router whose network is large compiles it, and many at once do when tests run side by side.
	@echo "Compiling the index of the matcher (once) ..."
	@$(BIN)/python -m services.matching.index
	@touch $@

$(VENV)/.dev: $(VENV)/.engines requirements/dev.txt
	@echo "Adding the test tools of requirements/dev.txt ..."
	@$(PIP) install -q --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.engines ## the main job: the whole exchange on real engines, 14 days in a minute
	@$(BIN)/referrals demo

up: $(VENV)/.engines ## start the exchange and leave it running, with samples when it is empty
	@$(BIN)/referrals up --samples samples

down: $(VENV)/.engines ## stop it
	@$(BIN)/referrals down

status: $(VENV)/.engines ## what runs
	@$(BIN)/referrals status

test: $(VENV)/.dev ## every test, on real engines, real processes and in a real browser
	@sh scripts/chromium.sh
	@sh scripts/promtool.sh $(VENV)
	@$(PYTEST) -n $(WORKERS) $(SIDE_BY_SIDE) --hypothesis-profile thorough

faults: $(VENV)/.dev ## every fault for real, in its long form; writes docs/reliability.md (SEED=1)
	@rm -f build/faults.json
	@sh scripts/promtool.sh $(VENV)
	@$(PYTEST) -p tests.faults.plugin tests/faults --long --seed $(or $(SEED),1) --report docs/reliability.md

lint: $(VENV)/.dev ## style, types, and whether what is generated is current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy services schemas tests bench
	@$(BIN)/python -m schemas.generate --check
	@$(BIN)/python -m services.openapi --check

check: lint ## what to run before each commit: lint, types, structure, unit tests
	@$(PYTEST) -q -n $(CORES) $(SIDE_BY_SIDE) --hypothesis-profile quick -m "not slow" tests/unit tests/test_architecture.py tests/test_docs.py

fmt: $(VENV)/.dev ## format and mend what can be mended
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format .

bench: $(VENV)/.engines ## RFIs per second, side by side with a naive stack and with the floor; OPTIONS=--quick for a try
	@$(BIN)/python -m bench.pipeline $(OPTIONS)

bench-quality: $(VENV)/.dev ## who really got the work, was it found? DATA=folder with requests.jsonl.xz; OPTIONS=--ablation
	@$(BIN)/python -m bench.quality $(DATA) $(OPTIONS)

bench-portal: $(VENV)/.engines ## the inbox page with a million referrals: waits at 50 requests/s, and beside a bare handler
	@$(BIN)/python -m bench.portal $(OPTIONS)

bench-match: $(VENV)/.dev ## matches per second of the index, beside a full scan, pyroaring and tantivy; OPTIONS=--ten-million
	@$(BIN)/python -m bench.match $(OPTIONS)

schemas: $(VENV)/.dev ## write the generated documents: schemas/generated, docs/events.md, docs/settings.md
	@$(BIN)/python -m schemas.generate
	@$(BIN)/python -m services.openapi
	@$(BIN)/python -m services.adapters.settings_page

lock: ## renew the hashed locks (needs uv)
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements/run.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-annotate --extra engines pyproject.toml -o requirements/engines.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-annotate --extra engines --extra dev pyproject.toml -o requirements/dev.txt
	@# Ubuntu 22.04 ships Python 3.11.0rc1 with a pip for which a pre-release has no full version.
	sed -i 's/python_full_version/python_version/' requirements/*.txt

clean: ## remove the virtual environment and all state
	@test ! -x $(BIN)/referrals || $(BIN)/referrals down
	@rm -rf $(VENV) .referrals build *.egg-info
