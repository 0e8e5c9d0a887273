# Two commands do all set-up: `make conformance` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
TARGET ?= reference

.PHONY: setup conformance test check fast bench lock clean

setup: .venv/.ready

.venv/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "rocketmq-refimpl needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# The main job: judge a target. `make conformance TARGET=apache-4.9.7` needs Java and Maven.
conformance: setup
	mkdir -p build
	$(BIN)/rmqref conformance run --target $(TARGET) --junit build/conformance.xml --json build/conformance.json --html build/conformance.html

# Everything that needs nothing but Python.
test: setup check
	$(BIN)/python -m pytest -n 2 -m 'not peer'

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# The edit loop.
fast: setup
	$(BIN)/python -m pytest -n 2 -m 'not peer and not slow' -q

# Beside Apache RocketMQ on this machine; needs Java and Maven.
# Compiled first, as an installed package is: where bytecode is not kept, a start would compile.
bench: setup
	$(BIN)/python -m compileall -q refimpl conformance
	$(BIN)/python -m benchmarks

# Pin dependencies anew, with hashes and without index addresses (needs uv).
lock:
	uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.txt

clean:
	rm -rf .venv build
