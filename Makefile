# Needs Python ≥ 3.11 and make; everything else is installed into .venv.
# HOST, PORT, DATA_DIR and the variables of .env.example are taken from the environment.

.DEFAULT_GOAL := help
.PHONY: help run dev superuser test lint format types check eval bench migrations schema lock clean
MAKEFLAGS += --no-print-directory

CANDIDATES := python3 python3.15 python3.14 python3.13 python3.12 python3.11
# Each is started, not only looked up: a version manager's shim may be there without its Python.
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$python; break; }; done)
VENV_PYTHON := .venv/bin/python
# More processes than cores: many tests wait for a server. But each process imports all there is to choose from, so a few
# tests, named by their file or by -k, run in one. ARGS="-n 0 --pdb" or ARGS="-n 3 -k name" overrules.
A_FEW = $(if $(findstring not ,$(ARGS)),,$(findstring .py,$(ARGS))$(filter -k%,$(ARGS)))
IN_PARALLEL = $(if $(A_FEW),,-n 3 --dist worksteal)
INSTALL = $(if $(strip $(PYTHON)),$(PYTHON),$(error Python 3.11 or newer is needed and none was found; name one with PYTHON=/path/to/python)) .ci/venv.py
# Demo users have a published password.
DEMO = $(if $(filter prod,$(ENV)),,"manage.py seed_demo")

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Install, migrate, make the demo users (not with ENV=prod), serve on http://localhost:$PORT (8000)
	@$(INSTALL) requirements.txt "manage.py migrate --no-input -v 0" $(DEMO)
	@exec $(VENV_PYTHON) -m adiuva.server.serve

dev: ## The same on Django's development server (daphne), which reloads on a change
	@$(if $(DEMO),,$(error This is a development server: with ENV=prod use make run))
	@$(INSTALL) requirements-dev.txt "manage.py migrate --no-input -v 0" $(DEMO)
	@exec $(VENV_PYTHON) manage.py runserver "$${HOST:-127.0.0.1}:$${PORT:-8000}"

superuser: ## Somebody who may do everything in /admin/ (development): make superuser EMAIL=me@example.com asks for a password
	@$(if $(DEMO),,$(error With ENV=prod: docs/operations.md, "First people"))
	@$(INSTALL) requirements.txt "manage.py migrate --no-input -v 0"
	@exec $(VENV_PYTHON) manage.py createsuperuser $(if $(EMAIL),--email "$(EMAIL)") $(ARGS)

# What Python compiles and pytest rewrites is kept, whatever the shell has set: every process would do it all again.
test: ## The tests; ARGS="-k name" reaches pytest, ARGS="-m thorough", "-m slow" or "-m browser" runs those that a plain run leaves out
	@$(INSTALL) requirements-dev.txt
	@exec env -u PYTHONDONTWRITEBYTECODE $(VENV_PYTHON) -m pytest $(IN_PARALLEL) $(ARGS)

lint: ## ruff and the import contracts
	@$(INSTALL) requirements-dev.txt
	@$(VENV_PYTHON) -m ruff check .
	@$(VENV_PYTHON) -m ruff format --check .
	@$(VENV_PYTHON) -c 'from importlinter.cli import lint_imports_command as main; main()'

format: ## Rewrite the code as ruff would have it
	@$(INSTALL) requirements-dev.txt
	@$(VENV_PYTHON) -m ruff check --fix .
	@$(VENV_PYTHON) -m ruff format .

types: ## mypy
	@$(INSTALL) requirements-dev.txt
	@$(VENV_PYTHON) -m mypy . .ci/*.py

check: lint types test ## lint, types, migrations complete, system checks, tests
	@$(VENV_PYTHON) manage.py makemigrations --check --dry-run
	@$(VENV_PYTHON) manage.py check

eval: ## How well a model routes and acts, on the golden set; LLM_MODEL=… for a real one
	@$(INSTALL) requirements-dev.txt
	@exec $(VENV_PYTHON) -m tests.eval

bench: ## What requests, turns, sockets, records and growth cost beside a baseline; ARGS="requests relay" for some
	@$(INSTALL) requirements-dev.txt
	@$(INSTALL) requirements-bench.txt
	@exec $(VENV_PYTHON) -m tests.bench $(ARGS)

migrations: ## Write the migrations of changed models
	@$(INSTALL) requirements-dev.txt
	@$(VENV_PYTHON) manage.py makemigrations

schema: ## Write openapi.json, and the TypeScript client's types where Node is there
	@$(INSTALL) requirements-dev.txt
	@$(VENV_PYTHON) manage.py spectacular --validate --fail-on-warn --format openapi-json --file openapi.json
	@if command -v npm >/dev/null; then cd clients/typescript && npm ci --silent && npm run --silent types; fi

lock: ## Compile requirements*.txt from pyproject.toml; UPGRADE=1 takes newer versions
	@$(INSTALL) requirements-dev.txt ".ci/lock.py $(if $(UPGRADE),--upgrade)"

clean: ## Remove .venv and caches; what is in DATA_DIR stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
