# AngioTwin. The two commands: `make demo` (a real CT to blood flow and a report) and `make test`.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
DISPLAY_RUN = installer/with_display.sh
# Compiled files are kept, as a user's are: every process of the program else compiles it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help env demo app test verify bench lint pin clean

help:
	@echo "make demo    CT to report on the sample case, result in demo/"
	@echo "make app     open the window"
	@echo "make test    all tests"
	@echo "make verify  physics against exact solutions and benchmarks, the long set too (up to an hour)"
	@echo "make bench   speed as ratios against limits"
	@echo "make lint    format, types, import contracts"
	@echo "make env     only the environment, in .venv"

env: $(STAMP)

$(STAMP): requirements.txt pyproject.toml installer/find_python.sh installer/system_packages.sh
	@installer/system_packages.sh
	@python=$$(installer/find_python.sh) && echo "Environment with $$python" && "$$python" -m venv --clear $(VENV)
	@echo "Installing pinned packages (about 1 GB; some minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)
	@$(DISPLAY_RUN) $(BIN)/angiotwin demo --out demo

app: $(STAMP)
	@$(BIN)/angiotwin open

test: $(STAMP)
	@failed=0; \
	$(DISPLAY_RUN) $(BIN)/python -m pytest -n 2 -m "not mpi" $(if $(REPORTS),--junitxml=$(REPORTS)/two.xml) || failed=1; \
	$(DISPLAY_RUN) $(BIN)/python -m pytest -m mpi $(if $(REPORTS),--junitxml=$(REPORTS)/one.xml) || failed=1; \
	exit $$failed

verify: $(STAMP)
	@$(BIN)/angiotwin verify --long

bench: $(STAMP)
	@$(DISPLAY_RUN) $(BIN)/angiotwin bench

lint: $(STAMP)
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

pin: $(STAMP)
	@$(BIN)/uv pip compile -q --universal --python-version 3.12 --generate-hashes requirements-dev.in -o requirements.txt

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
