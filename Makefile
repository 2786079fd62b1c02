# Two commands: `make leaderboard` runs the platform, `make test` tests it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: leaderboard test lint clean

leaderboard: $(VENV)/installed
	$(BIN)/zoo run quick --no-board
	$(BIN)/zoo board quick --top 15
	$(BIN)/zoo site build quick

test: $(VENV)/installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m mypy zoo

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable ".[simulate,test,lint]"
	touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) build leaderboard/site
