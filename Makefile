# One word for each thing to do; CI runs the same words. `make` alone lists them.
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
PY := .venv/bin/python
SOURCES := cspdcl people channels_ payments enquiries refunds agencies counters reconciliation reports configuration simulator bench tools tests manage.py
SOURCES := $(wildcard $(SOURCES))
TEST_PROCESSES ?= auto
PORT ?= 8000

# What `check --deploy` needs to believe that this is production; the secrets live for one command.
PRODUCTION = CSPDCL_MODE=production ALLOWED_HOSTS=payments.example.org $$($(PY) tools/throwaway.py)

.PHONY: help demo test check fmt serve bench chaos stop clean setup
.PHONY: check-format check-lint check-types check-imports check-templates check-migrations check-deploy check-tidy

help: ## List what can be done
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: setup ## Set everything up, play a day, reconcile it, and serve it until Ctrl-C
	@exec $(PY) manage.py demo

test: setup ## Run every test
	@$(PY) -m pytest -n $(TEST_PROCESSES) -q -m "not planted and not long" tests

check: setup ## Format, lint, types, imports, templates, migrations, deployment, tidiness
	@$(MAKE) check-format check-lint check-types check-imports check-templates check-migrations check-deploy check-tidy
	@echo "check: all good"

check-format:
	@echo "[1/8] Format of the Python files"
	@$(PY) tools/quietly.py $(PY) -m ruff format --check $(SOURCES)
check-lint:
	@echo "[2/8] Lint"
	@$(PY) -m ruff check --quiet $(SOURCES)
check-types:
	@echo "[3/8] Types"
	@$(PY) -m mypy --no-error-summary $(SOURCES)
check-imports:
	@echo "[4/8] Imports between the apps"
	@$(PY) tools/quietly.py .venv/bin/lint-imports --no-logo
check-templates:
	@echo "[5/8] Templates"
	@$(PY) tools/quietly.py $(PY) -m djlint templates --check --lint
check-migrations:
	@echo "[6/8] Migrations"
	@$(PY) tools/quietly.py $(PY) manage.py makemigrations --check --dry-run
check-deploy:
	@echo "[7/8] Settings as in production"
	@env $(PRODUCTION) $(PY) tools/quietly.py $(PY) manage.py check --deploy --fail-level WARNING
check-tidy:
	@echo "[8/8] Tidiness"
	@$(PY) tools/quietly.py $(PY) -m pytest -q tests/test_tidy.py

fmt: setup ## Format Python and templates, fix what can be fixed
	@$(PY) -m ruff check --quiet --fix-only $(SOURCES)
	@$(PY) -m ruff format $(SOURCES)
	@$(PY) -m djlint templates --reformat --quiet || true

serve: setup ## Serve with web server, worker and beat until Ctrl-C
	@exec $(PY) -m cspdcl.processes --port $(PORT)

bench: setup ## Measure against the floor; the figures go to var/bench
	@$(PY) -m bench

chaos: setup ## The long tests that kill processes
	@CHAOS_EVENTS=$${CHAOS_EVENTS:-30000} CHAOS_KILLS=$${CHAOS_KILLS:-500} $(PY) -m pytest -m chaos -q -s tests/chaos

stop: ## Stop the private database and Redis
	@if [ -x $(PY) ]; then $(PY) -m cspdcl.embedded stop; fi

clean: ## Stop the servers and remove all that was made here, the private database too
	@if [ -x $(PY) ]; then $(PY) -m cspdcl.embedded remove; fi
	@rm -rf var node_modules .venv staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@$(PYTHON) tools/bootstrap.py
